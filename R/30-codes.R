# Codes stage: identifiers -> integer codes 1..G, levels in increasing order.
#
# A coded factor is list(code, n_levels, level, rows, like): the code of each row; the number of
# levels; the identifier of each level, in increasing order; how many rows each level has; and what
# it takes to write a level as text, which is done only when somebody asks for level_labels():
# - factors: level numbers the strings like$levels
# - other classes of numbers: like holds the attributes that format() needs
# - a^b: level is list(a, b), the levels of the two parts; like$parts are the parts without codes.

# x: a vector of identifiers without NA
code_ids <- function(x, name, arg = "formula", threads = fe_threads()) {
  check_identifier(x, name, arg)
  out <- .Call(C_code, x, threads)
  if (is.null(out)) stop_large_identifier(x, name, arg)
  factor <- list(code = out$code, n_levels = length(out$level), level = out$level,
                 rows = out$rows, like = identifier_kind(x))
  if (is.null(factor$code)) factor$code <- plain_integer(x)
  factor
}

# Any numbers, logical values or text, of whatever class.
check_identifier <- function(x, name, arg) {
  ok <- is.atomic(x) && !is.null(x) && is.null(dim(x)) && !is.complex(x) && !is.raw(x)
  if (ok) return(invisible())
  stop_arg(arg, sprintf("uses the identifier `%s`, which is %s", name, describe_value(x)),
           if (is.list(x) || !is.null(dim(x))) "Identifiers must be plain vectors or factors" else
             "Convert it to integer, character or factor")
}

stop_large_identifier <- function(x, name, arg) {
  x <- as.vector(unclass(x))
  stop_arg(arg, sprintf(paste("uses the identifier `%s`, whose value %s in %s is not below 2^53:",
                              "distinct identifiers may have been merged already"),
                        name, format(x[which.max(abs(x))], digits = 17),
                        quote_rows(which(abs(x) >= 2^53))),
           "Read the identifier as character or integer64")
}

# NULL for plain numbers and text, and what reads like them. Of other classes the attributes stay
# that belong to the whole.
identifier_kind <- function(x) {
  if (is.factor(x)) return(list(levels = levels(x)))
  if (is.logical(x)) return(list(class = "logical"))
  if (!is.object(x) || is.character(x) || inherits(x, c("haven_labelled", "AsIs"))) return(NULL)
  if (inherits(x, "integer64")) return(list(class = "integer64"))
  kept <- attributes(x)
  kept[setdiff(names(kept), "names")]
}

# The integers of x without attributes: x itself if it has none.
plain_integer <- function(x) {
  if (!is.null(attributes(x))) attributes(x) <- NULL
  as.integer(x)
}

# ---- levels as text ------------------------------------------------------------------------------

# One string a level, no two alike.
level_labels <- function(factor) {
  like <- factor$like
  level <- factor$level
  if (!is.null(like$parts)) {
    return(paste(part_labels(like$parts[[1L]])[level$a], part_labels(like$parts[[2L]])[level$b],
                 sep = "^"))
  }
  if (!is.null(like$levels)) return(like$levels[level])
  if (is.character(level)) return(level)
  if (is.null(like)) return(format_number(level))
  switch(intersect(c("logical", "integer64", "difftime", "Date", "POSIXct", "other"),
                   c(like$class, "other"))[1L],
         logical = c("FALSE", "TRUE")[level + 1L],
         integer64 = .Call(C_text64, level),
         difftime = paste(format_number(level), like$units),
         Date = format_days(level),
         POSIXct = format_times(level, like$tzone),
         format_class(level, like))
}

# Days, with the time of day if they have parts.
format_days <- function(days) {
  if (all(days == floor(days))) return(told_apart(format(.Date(days)), days))
  format_times(days * 86400, "UTC", days)
}

# Times with as many digits of the seconds as tell them apart, rounded.
format_times <- function(seconds, tzone, number = seconds) {
  for (digits in c(0L, 3L, 6L)) {
    rounded <- floor(seconds * 10^digits + 0.5) / 10^digits
    whole <- floor(rounded)
    parts <- sprintf("%.*f", digits, rounded - whole)
    out <- format(.POSIXct(whole, tzone), if (digits) "%Y-%m-%d %H:%M:%S" else "")
    if (digits) out <- paste0(out, substring(parts, 2L))
    if (!anyDuplicated(out)) return(out)
  }
  told_apart(out, number)
}

# As the class itself writes its values.
format_class <- function(level, like) {
  attributes(level) <- like
  for (write in list(as.character, format)) {
    out <- tryCatch(write(level), error = function(e) NULL)
    if (is.character(out) && length(out) == length(level) && !anyNA(out)) break
  }
  number <- as.vector(unclass(level))
  if (is.character(out) && length(out) == length(number)) told_apart(out, number) else
    format_number(number)
}

# Labels that several levels have are followed by their numbers.
told_apart <- function(labels, number) {
  alike <- labels %in% labels[duplicated(labels)]
  labels[alike] <- sprintf("%s (%s)", labels[alike], format_number(number)[alike])
  labels
}

# A `^` within a label is escaped, so that labels of combinations stay distinct.
part_labels <- function(part) {
  labels <- level_labels(part)
  if (is.null(part$like$parts)) gsub("^", "\\^", labels, fixed = TRUE) else labels
}

# Each number by itself, so that its text does not depend on the others: 17 digits tell any two
# doubles apart, 15 read better.
format_number <- function(v) {
  whole <- v == round(v) & abs(v) < 1e15
  out <- as.character(v)
  out[whole] <- format(v[whole], digits = 15L, trim = TRUE, scientific = FALSE)
  alike <- out %in% out[duplicated(out)]
  out[alike] <- sprintf("%.17g", v[alike])
  out
}

# Where the levels of `new` are among those of `old`: by value where both are of one kind, else by
# their labels. NA for a level that `old` does not have.
match_factors <- function(new, old) {
  if (!is.null(new$like$parts) && !is.null(old$like$parts)) {
    a <- match_factors(new$like$parts[[1L]], old$like$parts[[1L]])[new$level$a]
    b <- match_factors(new$like$parts[[2L]], old$like$parts[[2L]])[new$level$b]
    n_b <- old$like$parts[[2L]]$n_levels
    return(match(pair_key(a, b, n_b), pair_key(old$level$a, old$level$b, n_b)))
  }
  kind <- value_kind(new)
  if (!identical(kind, value_kind(old)) || kind == "text") {
    return(match(level_labels(new), level_labels(old)))
  }
  if (kind != "difftime") return(match(new$level, old$level))
  match(in_seconds(new), in_seconds(old))
}

# What kind of R's own values the levels are; "text" if they are compared by their labels. The time
# zone of a time is a matter of printing.
value_kind <- function(factor) {
  like <- factor$like
  if (!is.null(like$parts) || !is.null(like$levels)) return("text")
  if ("logical" %in% like$class) return("number")
  for (class in c("Date", "POSIXct", "difftime")) if (class %in% like$class) return(class)
  if (!is.null(like)) return("text")
  if (is.character(factor$level)) "character" else "number"
}

# Durations to 14 digits: what conversions of units leave exact.
in_seconds <- function(factor) {
  size <- c(secs = 1, mins = 60, hours = 3600, days = 86400, weeks = 604800)
  signif(factor$level * size[[factor$like$units]], 14L)
}

# A number for each pair, exact below 2^53; text where there may be more pairs.
pair_key <- function(a, b, n_b) {
  if (n_b > 2^22) return(ifelse(is.na(a) | is.na(b), NA, paste(a, b)))
  (a - 1) * n_b + b
}

# ---- combinations and samples --------------------------------------------------------------------

# Codes of a combination a^b from the codes of its parts.
cross_codes <- function(a, b, threads = fe_threads()) {
  out <- .Call(C_code_pairs, a$code, a$n_levels, b$code, b$n_levels, threads)
  parts <- lapply(list(a, b), `[`, c("n_levels", "level", "like"))
  list(code = out$code, n_levels = length(out$rows), level = out$level, rows = out$rows,
       like = list(parts = parts))
}

# Codes of one factor of the model: its variables, combined.
code_factor <- function(values, names, arg = "formula", threads = fe_threads()) {
  parts <- Map(code_ids, values, names, arg, threads)
  Reduce(function(a, b) cross_codes(a, b, threads), unname(parts))
}

# Codes anew after rows were left out; keep: logical, one value a row.
recode <- function(factor, keep) {
  out <- .Call(C_recode, factor$code, factor$n_levels, keep)
  level <- factor$level
  factor$level <- if (is.list(level)) lapply(level, `[`, out$old) else level[out$old]
  factor$code <- out$code
  factor$n_levels <- length(out$old)
  factor$rows <- out$rows
  factor
}

code_list <- function(factors) {
  list(code = unname(lapply(factors, `[[`, "code")),
       n_levels = vapply(unname(factors), `[[`, 0L, "n_levels"))
}

# Rows that stay when rows alone in a level of some factor go, again and again: logical, or NULL if
# all of them do. times: how many observations each row stands for; NULL: one.
drop_singletons <- function(factors, threads = fe_threads(), times = NULL) {
  alone <- vapply(factors, function(f) any(f$rows == 1L), NA)
  if (!any(alone)) return(NULL)
  codes <- code_list(factors)
  more <- which(times > 1) # a second observation is never alone, and keeps the first
  if (length(more)) codes$code <- lapply(codes$code, function(code) c(code, code[more]))
  stay <- .Call(C_singletons, codes$code, codes$n_levels, threads)
  if (length(more)) stay[seq_along(factors[[1L]]$code)] else stay
}

is_nested <- function(inner, outer) .Call(C_nested, inner$code, inner$n_levels, outer$code)

# Which of some factors lie within the levels of another?
are_nested <- function(factors, outer) vapply(factors, is_nested, NA, outer = outer)
