# Figure of a moderation: the slope against the moderator.

#' Plot a moderation
#'
#' For a numeric moderator of more than two values, the slope with its band over the observed
#' range; the band is darker where the slope differs from zero (the Johnson-Neyman region, whose
#' bounds are dotted lines), and the histogram at the bottom shows where the data are. Else the
#' slope in each level with its interval, and the number of rows.
#'
#' @param x an object of class `fe_moderate`.
#' @param points number of values of the moderator at which the band is drawn, at least 2; default
#'   201.
#' @param bins number of bars of the histogram, at least 1; default 30.
#' @param ... unused.
#' @return a ggplot. The band is at the critical value of the region, so pointwise unless
#'   `fdr = TRUE`.
#' @examplesIf requireNamespace("ggplot2", quietly = TRUE)
#' plot(fe_moderate(ln_upmf ~ ln_imdig + ln_insti | country + year, digitrade,
#'                  treat = "ln_imdig", moderator = "ln_insti"))
#' @export
plot.fe_moderate <- function(x, points = 201, bins = 30, ...) {
  need_ggplot()
  points <- check_count(points, "points", 2)
  bins <- check_count(bins, "bins", 1)
  p <- if (x$kind == "continuous") plot_slope_band(x, points, bins) else plot_slope_levels(x)
  p + ggplot2::geom_hline(yintercept = 0, linetype = "dashed", colour = "grey30") +
    ggplot2::labs(x = x$moderator,
                  y = sprintf("Marginal effect of %s on %s", x$treat, x$model$outcome)) +
    theme_fepanel()
}

plot_slope_band <- function(x, points, bins) {
  jn <- x$jn
  inner <- jn$bounds[jn$bounds > jn$range[1L] & jn$bounds < jn$range[2L]]
  at <- sort(c(seq(jn$range[1L], jn$range[2L], length.out = points), inner))
  band <- slope_band(x, at)
  bars <- histogram_bars(each_observation(x), bins, range(band$low, band$high, 0))
  p <- ggplot2::ggplot() +
    ggplot2::geom_rect(name_aes(xmin = "from", xmax = "to", ymin = "bottom", ymax = "top"), bars,
                       fill = "grey85", colour = "grey60", linewidth = 0.2) +
    ggplot2::geom_ribbon(name_aes(x = "value", ymin = "low", ymax = "high"), band, fill = "grey60",
                         alpha = 0.35)
  for (r in seq_len(nrow(jn$regions))) {
    inside <- band$value >= jn$regions$from[r] & band$value <= jn$regions$to[r]
    p <- p + ggplot2::geom_ribbon(name_aes(x = "value", ymin = "low", ymax = "high"),
                                  band[inside, ], fill = "grey30", alpha = 0.45)
  }
  p + ggplot2::geom_vline(xintercept = inner, linetype = "dotted") +
    ggplot2::geom_line(name_aes(x = "value", y = "estimate"), band, linewidth = 0.8) +
    ggplot2::labs(caption = band_caption(jn))
}

slope_band <- function(x, at) {
  s <- combine_slopes(x$model, slope_combination(x, at))
  margin <- critical_t(x, at, x$jn$alpha) * s$std.error
  data.frame(value = at, estimate = s$estimate, low = s$estimate - margin,
             high = s$estimate + margin)
}

# Bars as high as a quarter of the band, below it.
histogram_bars <- function(v, bins, range) {
  breaks <- seq(min(v), max(v), length.out = bins + 1L)
  counts <- tabulate(findInterval(v, breaks, rightmost.closed = TRUE), bins)
  height <- diff(range) / 4
  bottom <- range[1L] - 1.15 * height
  data.frame(from = breaks[-(bins + 1L)], to = breaks[-1L], bottom = bottom,
             top = bottom + height * counts / max(counts))
}

band_caption <- function(jn) {
  kind <- if (jn$fdr) "false-discovery" else "pointwise"
  sprintf(paste0("%s%% %s band, darker where the slope differs from zero (%s%% of rows);\n",
                 "dotted: Johnson-Neyman bounds; bars: where the observations are"),
          format(100 * jn$level), kind, format(round(100 * jn$share, 1L)))
}

plot_slope_levels <- function(x) {
  s <- x$slopes
  observed <- each_observation(x)
  n <- vapply(s$value, function(v) sum(observed == v), 0L)
  s$level <- factor(seq_along(n), labels = make.unique(sprintf("%s\n(n = %d)", s$label, n)))
  ggplot2::ggplot(s, name_aes(x = "level", y = "estimate", ymin = "conf.low", ymax = "conf.high")) +
    ggplot2::geom_errorbar(width = 0.12) + ggplot2::geom_point(size = 2.5) +
    ggplot2::labs(caption = sprintf("%s%% confidence intervals", format(100 * x$level)))
}
