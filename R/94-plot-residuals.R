# Figures of what a model leaves: residuals, leverage, quantiles.

rest_figure <- function(m, type, ...) {
  if (...length() || !inherits(m, "fe_lm")) {
    stop_arg("type", sprintf("= \"%s\" is a figure of one model", type),
             "Give a single model, such as m[[1]]")
  }
  need_full(m, "residuals")
  e <- stats::residuals(m) * if (is.null(m$weights)) 1 else sqrt(m$weights)
  p <- switch(type, residuals = residual_figure(m, e), leverage = leverage_points(m, e),
              qq = qq_figure(m, e))
  p + theme_fepanel()
}

# Points, or the number of them by cell where they are too many to tell apart.
cloud <- function(n) {
  if (n > 10000L) {
    return(list(ggplot2::geom_bin2d(bins = 80),
                ggplot2::scale_fill_gradient(low = "grey85", high = "black", trans = "log10")))
  }
  list(ggplot2::geom_point(size = if (n > 1000L) 0.9 else 1.5, alpha = 0.5, shape = 16))
}

residual_figure <- function(m, e) {
  points <- data.frame(fitted = stats::fitted(m), residual = e)
  line <- stats::lowess(points$fitted, points$residual)
  ggplot2::ggplot(points, name_aes(x = "fitted", y = "residual")) + cloud(nrow(points)) +
    ggplot2::geom_hline(yintercept = 0, colour = "grey40", linewidth = 0.4) +
    ggplot2::geom_line(name_aes(x = "x", y = "y"), data.frame(x = line$x, y = line$y),
                       colour = group_colours[2L], linewidth = 0.8) +
    ggplot2::labs(x = sprintf("Fitted values of %s", m$outcome), y = residual_name(m),
                  caption = "Line: lowess")
}

residual_name <- function(m) {
  if (is.null(m$weights)) "Residual" else "Residual x root of weight"
}

leverage_points <- function(m, e) {
  need_ols(m, "plot(type = \"leverage\")")
  h <- leverage(m)
  points <- data.frame(h = h, square = e^2 / sum(e^2))
  pull <- e^2 * h / (1 - pmin(h, 1 - 1e-10))^2
  top <- utils::head(order(pull, decreasing = TRUE), 5L)
  marked <- points[top, ]
  marked$row <- as.character(if (is.null(m$rows)) top else m$rows[top])
  ggplot2::ggplot(points, name_aes(x = "square", y = "h")) +
    ggplot2::geom_vline(xintercept = 1 / nrow(points), colour = "grey40", linewidth = 0.4,
                        linetype = "dashed") +
    ggplot2::geom_hline(yintercept = mean(h), colour = "grey40", linewidth = 0.4,
                        linetype = "dashed") +
    cloud(nrow(points)) +
    ggplot2::geom_point(data = marked, colour = group_colours[2L], shape = 17, size = 2) +
    ggplot2::geom_text(name_aes(label = "row"), marked, hjust = -0.25, size = 3,
                       check_overlap = TRUE) +
    ggplot2::scale_x_continuous(expand = ggplot2::expansion(mult = c(0.03, 0.1))) +
    ggplot2::labs(x = "Squared residual, share of the sum", y = "Leverage",
                  caption = "Dashed: means; numbers: rows with the largest Cook's distance")
}

qq_figure <- function(m, e) {
  n <- length(e)
  z <- sort(e) / fit_statistics(m)$sigma
  at <- stats::ppoints(n)
  keep <- if (n > 10000L) unique(round(seq(1, n, length.out = 10000L))) else seq_len(n)
  points <- data.frame(theoretical = stats::qnorm(at[keep]), z = z[keep])
  ggplot2::ggplot(points, name_aes(x = "theoretical", y = "z")) +
    ggplot2::geom_abline(intercept = 0, slope = 1, colour = "grey40", linewidth = 0.4,
                         linetype = "dashed") +
    ggplot2::geom_point(size = 1.2, shape = 16, alpha = 0.6) +
    ggplot2::labs(x = "Normal quantile", y = sprintf("%s / sigma", residual_name(m)))
}
