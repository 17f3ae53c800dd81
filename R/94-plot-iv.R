# Figure of the Anderson-Rubin test of one coefficient.

#' @rdname fe_iv_tests-methods
#' @param points number of values of the coefficient at which the curves are drawn, at least 2;
#'   default 401.
#' @export
plot.fe_iv_tests <- function(x, points = 401, ...) {
  check_dots(...)
  need_ggplot()
  points <- check_count(points, "points", 2)
  if (is.null(x$ar)) {
    stop_arg("x", sprintf("has %d endogenous regressors, and the curve is for one",
                          length(x$endogenous)))
  }
  ends <- c(x$set[is.finite(x$set)], x$wald[2:3])
  at <- seq(min(ends) - 0.15 * diff(range(ends)), max(ends) + 0.15 * diff(range(ends)),
            length.out = points)
  ar <- stats::pf(ar_statistic(x$ar, at), x$ar$q, x$ar$df, lower.tail = FALSE)
  wald <- 2 * stats::pt(-abs(at - x$wald[1L]) / x$std.error, x$t.df)
  curves <- data.frame(value = rep(at, 2L), p = c(ar, wald),
                       test = rep(c("Anderson-Rubin", "2SLS t test"), each = points))
  shade <- data.frame(from = pmax(x$set[, "low"], min(at)), to = pmin(x$set[, "high"], max(at)),
                      bottom = rep(0, NROW(x$set)), top = rep(1, NROW(x$set)))
  ggplot2::ggplot() +
    ggplot2::geom_rect(name_aes(xmin = "from", xmax = "to", ymin = "bottom", ymax = "top"), shade,
                       fill = "grey85") +
    ggplot2::geom_hline(yintercept = 1 - x$level, linetype = "dotted") +
    ggplot2::geom_line(name_aes(x = "value", y = "p", linetype = "test"), curves) +
    ggplot2::scale_linetype_manual(values = c("Anderson-Rubin" = "solid",
                                              "2SLS t test" = "dashed")) +
    ggplot2::labs(x = sprintf("Coefficient of %s", x$endogenous), y = "p-value",
                  caption = sprintf("%s%% Anderson-Rubin set: %s\nVariance: %s",
                                    format(100 * x$level), describe_set(x$set), x$vcov)) +
    theme_fepanel()
}
