# Argument checks. Every message reads: `argument` what is wrong with which value. What to do.

# Raises an error of class "fe_error" that names the argument, the offence and the remedy.
stop_arg <- function(arg, problem, remedy = NULL) {
  sentence <- function(text) if (grepl("[.!?]$", text)) text else paste0(text, ".")
  advice <- if (!is.null(remedy)) paste0(" ", sentence(remedy))
  text <- paste0("`", arg, "` ", sentence(problem), advice)
  stop(errorCondition(text, class = "fe_error", arg = arg, call = NULL))
}

# Raises a warning of class "fe_warning".
warn_user <- function(...) {
  warning(warningCondition(paste0(...), class = "fe_warning", call = NULL))
}

# What several models of a call would be warned of in the same words is said once.
say_once <- function(expr) {
  said <- character()
  withCallingHandlers(expr, fe_warning = function(w) {
    text <- conditionMessage(w)
    if (text %in% said) invokeRestart("muffleWarning")
    said <<- c(said, text)
  })
}

# "nope", 3, NULL, a value of class "list" and length 2: how a value is named in a message.
describe_value <- function(x) {
  if (is.null(x)) return("NULL")
  if (is.data.frame(x)) return(sprintf("a data frame of %d x %d", nrow(x), ncol(x)))
  if (is.atomic(x) && length(x) == 1L && !is.object(x)) {
    return(if (is.character(x)) quote_text(x) else format(x, decimal.mark = "."))
  }
  sprintf("a value of class %s and length %.0f", dQuote(class(x)[1L], FALSE), length(x))
}

# Text in quotes on one line, its end left out if it is long; NA without quotes.
quote_text <- function(x, most = 60L) {
  x <- one_line(as.character(x))
  long <- !is.na(x) & nchar(x, "chars") > most
  x[long] <- paste0(substr(x[long], 1L, most - 3L), "...")
  ifelse(is.na(x), "NA", dQuote(x, FALSE))
}

# "a", "b" and "c"; at most `most` of them.
quote_list <- function(x, most = 6L) {
  shown <- quote_text(utils::head(as.character(x), most))
  if (length(x) > most) shown <- c(shown, sprintf("%d more", length(x) - most))
  if (length(shown) < 2L) return(shown)
  paste(paste(shown[-length(shown)], collapse = ", "), "and", shown[length(shown)])
}

# Row numbers for a message: "row 3", "rows 3, 8 and 5 more".
quote_rows <- function(rows, most = 5L) {
  shown <- utils::head(format(rows, trim = TRUE, scientific = FALSE), most)
  rest <- length(rows) - length(shown)
  paste0(if (length(rows) == 1L) "row " else "rows ", paste(shown, collapse = ", "),
         if (rest > 0L) sprintf(" and %d more", rest))
}

# Vectors of 2^31 values and more are refused before they are read.
check_not_long <- function(x, arg) {
  if (length(x) <= 2147483647) return(x)
  stop_arg(arg, sprintf("has %.0f values; at most 2147483647 can be used", length(x)),
           "Take a part of the rows")
}

check_data <- function(data, arg = "data") {
  if (missing(data) || is.null(data)) {
    stop_arg(arg, "is missing", "Give a data frame with one row an observation")
  }
  if (is.matrix(data) && !is.null(colnames(data))) data <- as.data.frame(data)
  if (!is.data.frame(data)) {
    stop_arg(arg, paste("must be a data frame, not", describe_value(data)),
             "Convert it with as.data.frame()")
  }
  if (nrow(data) == 0L) stop_arg(arg, "has no rows", "Check the filter that made it")
  twice <- unique(names(data)[duplicated(names(data))])
  if (length(twice)) {
    stop_arg(arg, paste("has more than one column named", quote_list(twice)),
             "Make the names unique, for instance with make.unique()")
  }
  as.data.frame(data)
}

# For methods whose generic has `...`: a misspelt argument is an error, not a silence. The names let
# through are what callers in other packages send along (car to vcov(), modelsummary to tidy()).
check_dots <- function(...) {
  given <- names(Filter(Negate(is.null), list(...)))
  if (...length() && is.null(given)) given <- rep("...", ...length())
  given <- setdiff(given, c("complete", "coef_rename"))
  if (!length(given)) return(invisible())
  name <- if (nzchar(given[1L])) given[1L] else "..."
  stop_arg(name, "is no argument of this method", "See its help page for those it has")
}

# "Did you mean ...", for names within two letters of an existing one (one, if they are short).
suggest_columns <- function(absent, known) {
  distance <- utils::adist(absent, known, ignore.case = TRUE)
  near <- known[apply(distance <= pmin(2, nchar(absent) %/% 3), 2L, any)]
  if (length(near)) paste0("Did you mean ", quote_list(near), "?") else
    paste("The columns are", quote_list(known, 12L))
}

check_flag <- function(x, arg) {
  if (!is.logical(x) || length(x) != 1L || is.na(x)) {
    stop_arg(arg, paste("must be TRUE or FALSE, not", describe_value(x)))
  }
  x
}

check_number <- function(x, arg, min = -Inf, max = Inf, open = FALSE) {
  ok <- is.numeric(x) && !is.object(x) && length(x) == 1L && is.finite(x) &&
    (if (open) x > min && x < max else x >= min && x <= max)
  if (!ok) {
    range <- if (is.finite(min) || is.finite(max)) {
      sprintf(" %s %.10g and %.10g", if (open) "strictly between" else "between", min, max)
    }
    stop_arg(arg, paste0("must be one finite number", range, ", not ", describe_value(x)))
  }
  as.double(x)
}

check_count <- function(x, arg, min = 1, max = 2147483647) {
  x <- check_number(x, arg, min, max)
  if (x != round(x)) stop_arg(arg, paste("must be a whole number, not", describe_value(x)))
  x
}

# Digits of a print; more than 15 are not in a double.
check_digits <- function(x, arg = "digits", min = 1) check_count(x, arg, min, 15)

check_choice <- function(x, choices, arg) {
  if (!is.character(x) || length(x) != 1L || is.na(x) || !x %in% choices) {
    stop_arg(arg, paste0("must be one of ", quote_list(choices, 20L), ", not ", describe_value(x)))
  }
  x
}

# One of the choices; all of them, as an argument's default lists them, mean the first.
check_first <- function(x, choices, arg) {
  several <- is.character(x) && length(x) > 1L && all(x %in% choices)
  check_choice(if (several) x[1L] else x, choices, arg)
}

# An argument that has no effect beside the others is an error, not a silence.
stop_unused <- function(given, arg, why, remedy = NULL) {
  if (!is.null(given)) stop_arg(arg, paste("is given, but", why), remedy)
}

check_level <- function(x, arg = "level") check_number(x, arg, 0, 1, open = TRUE)

# Column names of `data`; at least `min` of them.
check_columns <- function(vars, data, arg, min = 1L) {
  if (!is.character(vars) || length(vars) < min || anyNA(vars)) {
    stop_arg(arg, sprintf("must name at least %d column%s of `data`, not be %s", min,
                          if (min > 1L) "s" else "", describe_value(vars)))
  }
  absent <- setdiff(vars, names(data))
  if (length(absent)) {
    stop_arg(arg, paste("names", quote_list(absent), "which the data do not have"),
             suggest_columns(absent, names(data)))
  }
  if (anyDuplicated(vars)) {
    stop_arg(arg, paste("names", quote_list(unique(vars[duplicated(vars)])), "more than once"))
  }
  vars
}

# A numeric or logical vector, and no factor.
is_plain_number <- function(x) {
  (is.numeric(x) || is.logical(x)) && is.null(dim(x)) && !is.factor(x)
}

# Numeric (or logical) columns only.
check_numeric_columns <- function(vars, data, arg, min = 1L) {
  vars <- check_columns(vars, data, arg, min)
  bad <- vars[!vapply(data[vars], is_plain_number, NA)]
  if (length(bad)) {
    kinds <- vapply(data[bad], function(x) class(x)[1L], "")
    stop_arg(arg, paste0("must name numeric columns; ",
                         paste(sprintf("%s is %s", dQuote(bad, FALSE), kinds), collapse = ", ")),
             "Convert them with as.numeric(), or leave them out")
  }
  vars
}
