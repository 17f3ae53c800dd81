# What must hold of the outcome of a random call.

# Warnings that come from the expressions of the formula itself, which R gives in lm() too.
of_the_user <- c("NaNs produced", "NAs introduced by coercion", "not meaningful for factors",
                 "longer object length", "longer argument", "shoud use", "is not meaningful",
                 "the standard deviation is zero", "only the first used",
                 "argument is not numeric or logical")

# -> NULL, or the finding in words, without numbers, so that equal ones are told to be equal.
run_case <- function(case, seconds = 20) {
  text <- case_call(case)
  if (is.null(text)) return(NULL)
  data <- case$data
  warned <- NULL
  scope <- new.env(parent = globalenv())
  scope$data <- data
  setTimeLimit(elapsed = seconds, transient = TRUE)
  on.exit(setTimeLimit())
  doing <- "fe_lm()"
  failure <- tryCatch(withCallingHandlers({
    fit <- eval(str2lang(text), scope)
    for (m in if (inherits(fit, "fe_lm")) list(fit) else as.list(fit)) {
      doing <- "a check of the result"
      bad <- check_fit(m, case)
      if (!is.null(bad)) return(bad)
      for (method in names(methods_to_call)) {
        doing <- method
        methods_to_call[[method]](m)
      }
    }
    NULL
  }, warning = function(w) {
    ours <- inherits(w, "fe_warning") || any(vapply(of_the_user, grepl, NA, conditionMessage(w)))
    if (!ours) warned <<- paste0("warning in ", doing, ": ", conditionMessage(w))
    invokeRestart("muffleWarning")
  }), fe_error = function(e) NULL, error = function(e) {
    paste0("error in ", doing, ": ", conditionMessage(e), " [", class(e)[1L], "]")
  })
  found <- if (is.null(failure)) warned else failure
  if (!is.null(found)) gsub("[0-9]+", "#", found)
}

methods_to_call <- list(
  "print()" = function(m) utils::capture.output(print(m)),
  "summary()" = function(m) utils::capture.output(print(summary(m))),
  "tidy()" = function(m) generics::tidy(m),
  "glance()" = function(m) generics::glance(m),
  "confint()" = function(m) stats::confint(m),
  "formula()" = function(m) stats::formula(m),
  "fe_table()" = function(m) utils::capture.output(print(fe_table(m))),
  "predict()" = function(m) if (!isTRUE(m$lean)) stats::predict(m))

check_fit <- function(m, case) {
  b <- stats::coef(m)
  n <- nrow(case$data)
  if (!is.numeric(b) || is.null(names(b)) || anyNA(names(b))) return("coefficients without names")
  if (!all(is.finite(b))) return("a coefficient is not finite")
  V <- stats::vcov(m)
  if (!identical(dim(V), rep(length(b), 2L))) return("the variance has other dimensions")
  if (any(diag(V) < 0, na.rm = TRUE)) return("a variance is negative")
  if (any(is.nan(V) | is.infinite(V))) return("a variance is not finite") # NA comes with a reason
  if (!(m$df.residual > 0)) return("no degree of freedom")
  if (isTRUE(m$lean)) return(NULL)
  ledger <- fe_rows(m)
  if (nrow(ledger) != n || sum(ledger$used) != m$n_rows) return("the ledger does not add up")
  if (anyNA(ledger$cause[!ledger$used]) || !all(is.na(ledger$cause[ledger$used]))) {
    return("a row is left out without a cause")
  }
  if (m$weighting != "frequency" && m$nobs != m$n_rows) return("nobs is not the number of rows")
  e <- stats::residuals(m)
  if (length(e) != m$n_rows && length(e) != n) return("residuals are not one a row")
  if (!all(is.finite(e[!is.na(e)]))) return("a residual is not finite")
  again <- unname(stats::predict(m))
  fit <- unname(m$y - m$residuals) + if (is.null(m$offset)) 0 else m$offset
  near <- abs(again - fit) <= 1e-6 * max(abs(fit), abs(m$y), 1e-300)
  if (length(again) != m$n_rows || !all(near %in% TRUE)) return("predictions are not the fit")
  compare_with_lm(m, case, ledger)
}

# Residuals do not depend on how the span of the regressors is written.
compare_with_lm <- function(m, case, ledger) {
  text <- c(case$lhs, case$x, case$fe)
  hard <- "sw|l\\(|f\\(|d\\(|ns\\(|cut\\(|\\[|interaction|Inf|poly|scale|mean|letters|1:3|pi|offset"
  if (length(case$iv) || !is.null(case$arguments$offset) || !is.null(case$arguments$split) ||
      !is.null(case$arguments$fsplit) || any(grepl(hard, text)) || length(m$collinear)) return(NULL)
  used <- case$data[intersect(all.vars(m$formula), names(case$data))]
  numbers <- as.double(unlist(Filter(is.double, used)))
  size <- range(abs(numbers[is.finite(numbers) & numbers != 0]), 1)
  if (size[1L] < 1e-6 || size[2L] > 1e6) return(NULL)
  rows <- ledger$row[ledger$used]
  effects <- vapply(case$fe, function(f) {
    parts <- strsplit(f, "^", fixed = TRUE)[[1L]]
    sprintf("interaction(%s, drop = TRUE)", paste0("factor(", parts, ")", collapse = ", "))
  }, "")
  if (any(c("0", "1", "NULL") %in% case$fe) || any(grepl("`", text))) return(NULL)
  formula <- paste(case$lhs, "~", paste(c(case$x, effects), collapse = " + "))
  if (length(effects)) formula <- paste(formula, "+ 1")
  data <- case$data[rows, , drop = FALSE]
  data$`(w)` <- if (is.null(m$weights)) 1 else m$weights
  spread <- range(data$`(w)`)
  if (spread[2L] > 1e3 * spread[1L]) return(NULL)
  oracle <- tryCatch(suppressWarnings(
    stats::lm(stats::as.formula(formula), data, weights = data$`(w)`)), error = function(e) NULL)
  if (is.null(oracle) || length(stats::residuals(oracle)) != length(rows)) return(NULL)
  e <- unname(m$residuals)
  if (max(abs(e - unname(stats::residuals(oracle)))) > 1e-6 * stats::sd(m$y)) {
    return("residuals are not those of lm()")
  }
  if (m$df.residual != stats::df.residual(oracle) && m$weighting != "frequency") {
    return("degrees of freedom are not those of lm()")
  }
}

# ---- shrinking -----------------------------------------------------------------------------------

without <- function(x, k) x[-k]

# Cases with one piece less.
smaller_cases <- function(case) {
  out <- list()
  put <- function(...) out[[length(out) + 1L]] <<- utils::modifyList(case, list(...),
                                                                    keep.null = TRUE)
  for (k in seq_along(case$arguments)) {
    smaller <- case
    smaller$arguments <- without(case$arguments, k)
    out[[length(out) + 1L]] <- smaller
  }
  if (length(case$iv)) put(iv = NULL)
  for (k in seq_along(case$fe)) {
    smaller <- case
    smaller$fe <- without(case$fe, k)
    out[[length(out) + 1L]] <- smaller
  }
  for (k in seq_along(case$x)) {
    smaller <- case
    smaller$x <- if (length(case$x) > 1L) without(case$x, k) else "x1"
    if (!identical(smaller$x, case$x)) out[[length(out) + 1L]] <- smaller
  }
  n <- nrow(case$data)
  for (rows in list(seq_len(n %/% 2L), seq_len(n)[-seq_len(n %/% 2L)], -1L, -n)) {
    smaller <- case
    smaller$data <- case$data[rows, , drop = FALSE]
    if (nrow(smaller$data) > 0L && nrow(smaller$data) < n) out[[length(out) + 1L]] <- smaller
  }
  for (v in names(case$data)) {
    smaller <- case
    smaller$data <- case$data[setdiff(names(case$data), v)]
    if (length(smaller$data)) out[[length(out) + 1L]] <- smaller
  }
  out
}

shrink_case <- function(case, finding, until) {
  repeat {
    found <- FALSE
    for (smaller in smaller_cases(case)) {
      if (Sys.time() > until) return(case)
      if (identical(run_case(smaller), finding)) {
        case <- smaller
        found <- TRUE
        break
      }
    }
    if (!found) return(case)
  }
}
