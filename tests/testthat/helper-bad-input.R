# What goes wrong in practice: answers to bad input, said in words that a snapshot can hold.

bad <- function() {
  d <- random_panel(1)
  d$cy <- 3
  d$na <- NA_real_
  d$big <- 2^53 + 2 * d$unit
  d
}

# `says`: regular expressions, all of which the message must match.
expect_refusal <- function(expr, ...) {
  e <- expect_error(expr, class = "fe_error")
  if (is.null(e)) return(invisible())
  for (says in c(...)) expect_match(conditionMessage(e), says, perl = TRUE)
}

# What a call answers -> list(error, warnings, value). Conditions that are no fe_error or fe_warning
# keep their class, so that they can be told.
answer_to <- function(expr, env) {
  warnings <- character()
  value <- tryCatch(withCallingHandlers(eval(expr, env), warning = function(w) {
    class <- if (inherits(w, "fe_warning")) "" else "not of class fe_warning: "
    warnings <<- c(warnings, paste0(class, conditionMessage(w)))
    invokeRestart("muffleWarning")
  }), error = function(e) e)
  list(error = if (inherits(value, "error")) value, warnings = unique(warnings),
       value = if (!inherits(value, "error")) value)
}

# How a snapshot shows an answer. A model says which rows it used.
describe_answer <- function(answer) {
  e <- answer$error
  if (!is.null(e)) {
    kind <- if (inherits(e, "fe_error")) "Error: " else "Error that is no fe_error: "
    return(c(if (length(answer$warnings)) paste("Warning:", answer$warnings),
             paste0(kind, conditionMessage(e))))
  }
  m <- answer$value
  said <- if (inherits(m, "fe_lm") && !isTRUE(m$lean)) {
    r <- fe_rows(m)
    why <- unique(r[!r$used, c("cause", "variable")])
    left <- vapply(seq_len(nrow(why)), function(k) {
      at <- r$row[r$cause %in% why$cause[k] & r$variable %in% why$variable[k]]
      variable <- if (!is.na(why$variable[k])) paste(" in", why$variable[k]) else ""
      rows <- if (length(at) > 6L) sprintf("%d rows", length(at)) else
        paste("row", paste(at, collapse = ", "))
      sprintf("%s: %s%s", rows, why$cause[k], variable)
    }, "")
    paste0("A model of ", nobs(m), " rows", if (length(left)) "; left out ",
           paste(left, collapse = "; "))
  } else if (is.character(m)) m else "An answer"
  c(if (length(answer$warnings)) paste("Warning:", answer$warnings), said)
}

# Calls, each under a label, whose answers are a snapshot. None may end in an error or a warning
# that is not the package's own.
expect_answers <- function(...) {
  env <- parent.frame()
  calls <- eval(substitute(alist(...)))
  answers <- lapply(calls, answer_to, env = env)
  strange <- vapply(answers, function(a) {
    (!is.null(a$error) && !inherits(a$error, "fe_error")) || any(startsWith(a$warnings, "not of"))
  }, NA)
  expect_identical(names(calls)[strange], character())
  lines <- Map(function(label, a) c(paste0("# ", label), describe_answer(a), ""), names(calls),
               answers)
  expect_snapshot_output(writeLines(unlist(lines)))
}
