# Tables of a model for broom: coefficients, the model, its rows.

#' @importFrom generics tidy
#' @export
generics::tidy

#' @importFrom generics glance
#' @export
generics::glance

#' @importFrom generics augment
#' @export
generics::augment

#' @rdname fe_lm-methods
#' @export
tidy.fe_lm <- function(x, conf.int = FALSE, conf.level = 0.95, vcov = NULL, cluster = NULL,
                       ssc = NULL, ...) {
  check_dots(...)
  m <- restated(x, vcov, cluster, ssc)
  table <- coef_table(m, check_level(conf.level, "conf.level"))
  out <- if (check_flag(conf.int, "conf.int")) table else table[1:5]
  if (!is.null(names(m$vcov_info$df))) out$df <- unname(coef_df(m))
  out
}

#' @rdname fe_lm-methods
#' @export
glance.fe_lm <- function(x, ...) {
  fit <- fit_statistics(x)
  wald <- slope_test(x)
  lik <- if (isTRUE(x$lean) || is_iv(x)) NA_real_ else logLik(x)
  penalty <- x$rank + 1
  out <- data.frame(r.squared = fit$r.squared, adj.r.squared = fit$adj.r.squared,
             within.r.squared = fit$within.r.squared,
             within.adj.r.squared = fit$within.adj.r.squared, sigma = fit$sigma,
             statistic = wald$statistic, p.value = wald$p.value,
             df = wald$df, logLik = as.numeric(lik), AIC = 2 * penalty - 2 * as.numeric(lik),
             BIC = log(x$nobs) * penalty - 2 * as.numeric(lik), deviance = x$rss,
             df.residual = x$df.residual, nobs = x$nobs, vcov.type = x$vcov_info$label)
  if (is_iv(x)) out$first.stage.F <- min(first_stage_tests(x)$statistic)
  out
}

#' @rdname fe_lm-methods
#' @export
augment.fe_lm <- function(x, data = NULL, newdata = NULL, ...) {
  check_dots(...)
  need_full(x, "fitted values")
  if (!is.null(newdata)) {
    newdata <- check_data(newdata, "newdata")
    return(cbind(newdata, .fitted = predict(x, newdata)))
  }
  data <- if (is.null(data)) x$data else check_data(data)
  used <- if (is.null(x$rows)) seq_len(x$n_data) else x$rows
  if (nrow(data) == x$n_rows && x$n_rows != x$n_data) {
    used <- seq_len(x$n_rows)
  } else if (nrow(data) != x$n_data) {
    stop_arg("data", sprintf("has %d rows; the model saw %d and used %d", nrow(data), x$n_data,
                             x$n_rows))
  }
  data$.fitted <- data$.resid <- NA_real_
  data$.fitted[used] <- fitted(x)
  data$.resid[used] <- residuals(x)
  data[c(setdiff(names(data), c(".fitted", ".resid")), ".fitted", ".resid")]
}
