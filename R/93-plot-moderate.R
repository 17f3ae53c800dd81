# Figure of a moderation: the slope against the moderator.

#' Plot a moderation
#'
#' For a numeric moderator of more than two values, the slope with its band over the observed
#' range; the band is darker where the slope differs from zero (the Johnson-Neyman region, whose
#' bounds are dotted lines), and the histogram at the bottom shows where the data are. Else the
#' slope in each level with its interval, and the number of rows. With several moderators, or a
#' factor as treatment, a panel for each combination of values of the others and each contrast.
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
  p <- if (is.null(x$jn)) plot_slope_levels(x) else plot_slope_band(x, points, bins)
  p + ggplot2::geom_hline(yintercept = 0, linetype = "dashed", colour = "grey30") +
    ggplot2::labs(x = x$moderator[1L],
                  y = sprintf("Marginal effect of %s on %s", x$treat, x$model$outcome)) +
    theme_fepanel()
}

plot_slope_band <- function(x, points, bins) {
  d <- band_data(x, points, bins)
  grey <- c("FALSE" = "grey60", "TRUE" = "grey30")
  p <- ggplot2::ggplot() +
    ggplot2::geom_rect(name_aes(xmin = "from", xmax = "to", ymin = "bottom", ymax = "top"), d$bars,
                       fill = "grey85", colour = "grey60", linewidth = 0.2) +
    ggplot2::geom_ribbon(name_aes(x = "value", ymin = "low", ymax = "high"), d$band,
                         fill = grey[["FALSE"]], alpha = 0.35)
  if (nrow(d$inside)) {
    p <- p + ggplot2::geom_ribbon(name_aes(x = "value", ymin = "low", ymax = "high",
                                           group = "region"), d$inside, fill = grey[["TRUE"]],
                                  alpha = 0.45)
  }
  if (nrow(d$bounds)) {
    p <- p + ggplot2::geom_vline(name_aes(xintercept = "bound"), d$bounds, linetype = "dotted")
  }
  p + ggplot2::geom_line(name_aes(x = "value", y = "estimate"), d$band, linewidth = 0.8) +
    (if (has_panels(x)) ggplot2::facet_wrap("panel")) +
    ggplot2::labs(caption = band_caption(region_list(x)))
}

# -> list(band, inside (the band where the slope differs from zero), bounds, bars) of all panels
band_data <- function(x, points, bins) {
  rule <- df_rule(x$model)
  regions <- region_list(x)
  bands <- Map(function(panel, jn) slope_band(x, panel, jn, points, rule), x$panels, regions)
  heights <- range(unlist(lapply(bands, function(b) c(b$low, b$high))), 0)
  parts <- Map(function(panel, jn, band, label) {
    inner <- inner_bounds(jn)
    bars <- histogram_bars(panel$seen, bins, heights)
    inside <- lapply(seq_len(nrow(jn$regions)), function(r) {
      in_region <- band$value >= jn$regions$from[r] & band$value <= jn$regions$to[r]
      data.frame(band[in_region, ], region = paste(label, r))
    })
    list(band = data.frame(band, panel = label), bars = data.frame(bars, panel = label),
         bounds = data.frame(bound = inner, panel = rep(label, length(inner))),
         inside = data.frame(do.call(rbind, inside), panel = rep(label, length(inside) > 0L)))
  }, x$panels, regions, bands, names(x$panels))
  join <- function(what) {
    out <- do.call(rbind, unname(lapply(Filter(function(p) nrow(p[[what]]) > 0L, parts), `[[`,
                                        what)))
    if (is.null(out)) return(data.frame())
    out$panel <- factor(out$panel, levels = names(x$panels))
    out
  }
  lapply(stats::setNames(nm = c("band", "inside", "bounds", "bars")), join)
}

inner_bounds <- function(jn) jn$bounds[jn$bounds > jn$range[1L] & jn$bounds < jn$range[2L]]

slope_band <- function(x, panel, jn, points, rule) {
  at <- sort(c(seq(jn$range[1L], jn$range[2L], length.out = points), inner_bounds(jn)))
  combination <- panel_combination(x, panel, at)
  s <- combine_slopes(x$model, combination)
  margin <- stats::qt(1 - jn$alpha / 2, rule(combination)) * s$std.error
  data.frame(value = at, estimate = s$estimate, low = s$estimate - margin,
             high = s$estimate + margin)
}

# Bars as high as a quarter of the band, below it. by: NULL, or a factor whose levels stand on each
# other; rows where it is NA are not counted.
histogram_bars <- function(v, bins, range, by = NULL) {
  breaks <- seq(min(v), max(v), length.out = bins + 1L)
  if (is.null(by)) by <- factor(rep("", length(v)))
  bar <- factor(findInterval(v, breaks, rightmost.closed = TRUE), seq_len(bins))
  steps <- apply(cbind(0, unclass(table(bar, by))), 1L, cumsum)
  height <- diff(range) / 4
  steps <- range[1L] - 1.15 * height + t(steps) * height / max(steps)
  data.frame(from = breaks[-(bins + 1L)], to = breaks[-1L],
             bottom = as.vector(steps[, -ncol(steps)]), top = as.vector(steps[, -1L]),
             level = factor(rep(levels(by), each = bins), levels(by)))
}

band_caption <- function(regions) {
  jn <- regions[[1L]]
  kind <- if (jn$fdr) "false-discovery" else "pointwise"
  share <- if (length(regions) == 1L) sprintf(" (%s%% of rows)", format(round(100 * jn$share, 1L)))
  sprintf(paste0("%s%% %s band, darker where the slope differs from zero%s;\n",
                 "dotted: Johnson-Neyman bounds; bars: where the observations are"),
          format(100 * jn$level), kind, if (is.null(share)) "" else share)
}

plot_slope_levels <- function(x) {
  s <- x$slopes
  first <- moderator_rows(x)[[1L]]
  observed <- each_observation(first, x$model)
  n <- vapply(s$value, function(v) sum(observed == v), 0L)
  text <- if (length(x$moderator) == 1L) sprintf("%s\n(n = %d)", s$label, n) else
    as.character(s$value)
  s$level <- factor(text, levels = unique(text))
  s$panel <- level_panels(x)
  ggplot2::ggplot(s, name_aes(x = "level", y = "estimate", ymin = "conf.low", ymax = "conf.high")) +
    ggplot2::geom_errorbar(width = 0.12) + ggplot2::geom_point(size = 2.5) +
    (if (has_panels(x)) ggplot2::facet_wrap("panel")) +
    ggplot2::labs(caption = sprintf("%s%% confidence intervals", format(100 * x$level)))
}

# Contrast and values of the moderators after the first, as text.
level_panels <- function(x) {
  k <- seq_along(x$moderator)[-1L]
  others <- lapply(k, function(j) {
    value <- x$points[[paste0("value", j)]]
    paste0(x$moderator[j], ": ", if (is.numeric(value)) point_labels(value) else value)
  })
  parts <- c(if (!is.null(x$points$contrast)) list(x$points$contrast), others)
  text <- if (length(parts)) do.call(paste, c(parts, sep = ", ")) else rep("", nrow(x$points))
  factor(text, levels = unique(text))
}
