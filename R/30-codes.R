# Codes stage: identifiers -> integer codes 1..G, levels in increasing order.

# x: a vector of identifiers without NA -> list(code, labels, n_levels)
code_ids <- function(x, name, arg = "formula") {
  if (is.list(x) || !is.null(dim(x))) {
    stop_arg(arg, sprintf("uses the identifier `%s`, which is %s", name, describe_value(x)),
             "Identifiers must be plain vectors or factors")
  }
  if (is.factor(x)) {
    coded <- .Call(C_code_ints, as.integer(x))
    return(list(code = coded$code, labels = levels(x)[coded$level],
                n_levels = length(coded$level)))
  }
  if (is.character(x)) return(code_sorted(x, as.character))
  if (inherits(x, "integer64")) return(code_sorted(as_text64(x, name, arg), as.character))
  if (!is.numeric(x) && !is.logical(x) && !inherits(x, c("Date", "POSIXct", "difftime"))) {
    stop_arg(arg, sprintf("uses the identifier `%s`, which is %s", name, describe_value(x)),
             "Convert it to integer, character or factor")
  }
  code_numbers(x, name, arg)
}

code_numbers <- function(x, name, arg) {
  label <- if (inherits(x, c("Date", "POSIXct"))) function(v) {
    attributes(v) <- attributes(x)[c("class", "tzone", "units")]
    format(v)
  } else function(v) format_number(v)
  raw <- as.vector(unclass(x))
  if (is.double(raw)) {
    if (any(abs(raw) > 2^53)) {
      stop_arg(arg, sprintf(paste("uses the identifier `%s`, whose value %s in %s is above 2^53:",
                                        "distinct identifiers may have been merged already"),
                                  name, format(raw[which.max(abs(raw))], digits = 17),
                                  quote_rows(which(abs(raw) > 2^53))),
               "Read the identifier as character or integer64")
    }
    whole <- all(abs(raw) <= .Machine$integer.max) && all(raw == trunc(raw))
    if (!whole) return(code_sorted(raw, label))
  }
  coded <- .Call(C_code_ints, as.integer(raw))
  list(code = coded$code, labels = label(coded$level), n_levels = length(coded$level))
}

# 17 digits tell any two doubles apart, 15 read better.
format_number <- function(v) {
  out <- format(v, digits = 15L, trim = TRUE, scientific = FALSE)
  if (anyDuplicated(out)) vapply(v, format, "", digits = 17L) else out
}

as_text64 <- function(x, name, arg) {
  if (!requireNamespace("bit64", quietly = TRUE)) {
    stop_arg(arg,
             sprintf("uses the integer64 identifier `%s`, which needs the package bit64", name),
             "Install bit64, or convert the identifier to character")
  }
  as.character(x)
}

# Characters are ordered as in the C locale, so that codes are the same everywhere.
code_sorted <- function(x, label) {
  values <- sort(unique(x), method = "radix")
  list(code = match(x, values), labels = label(values), n_levels = length(values))
}

# Codes of a combination a^b from the codes of its parts.
cross_codes <- function(a, b) {
  out <- .Call(C_code_pairs, a$code, a$n_levels, b$code, b$n_levels)
  list(code = out$code, n_levels = length(out$first),
       labels = paste(a$labels[a$code[out$first]], b$labels[b$code[out$first]], sep = "^"))
}

# Codes of one factor of the model: its variables, combined. A `^` within a label is escaped, so
# that labels of combinations stay distinct.
code_factor <- function(values, names, arg = "formula") {
  parts <- Map(code_ids, values, names, arg)
  if (length(parts) == 1L) return(parts[[1L]])
  Reduce(cross_codes, lapply(parts, function(part) {
    part$labels <- gsub("^", "\\^", part$labels, fixed = TRUE)
    part
  }))
}

# Codes anew after rows were left out.
recode <- function(factor, keep) {
  coded <- .Call(C_code_ints, factor$code[keep])
  list(code = coded$code, labels = factor$labels[coded$level], n_levels = length(coded$level))
}

code_list <- function(factors) {
  list(code = unname(lapply(factors, `[[`, "code")),
       n_levels = vapply(unname(factors), `[[`, 0L, "n_levels"))
}

# Rows that stay when rows alone in a level of some factor go, again and again.
drop_singletons <- function(factors, n) {
  if (!length(factors)) return(rep(TRUE, n))
  codes <- code_list(factors)
  .Call(C_singletons, codes$code, codes$n_levels, rep(TRUE, n))
}

is_nested <- function(inner, outer) .Call(C_nested, inner$code, inner$n_levels, outer$code)
