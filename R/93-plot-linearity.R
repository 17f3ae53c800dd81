# Figure of the diagnostics of linearity: line, bins and kernel over the histogram.

#' Plot the diagnostics of linearity
#'
#' The slope of the linear interaction model with its band (grey), the slopes in the bins with their
#' intervals (points at the medians of the bins, whose bounds are dotted lines), the kernel curve
#' with its band (dashed), and at the bottom the histogram of the moderator, by level of the
#' treatment if it has two or is a factor. A contrast of a factor treatment has a panel.
#'
#' @param x an object of class `fe_linearity`.
#' @param bars number of bars of the histogram, at least 1; default 30.
#' @param ... unused.
#' @return a ggplot. Intervals and bands are pointwise. The vertical axis ends where the line, the
#'   bins and the kernel curve do; a band that is wider, as a kernel's is beyond the data, is cut.
#' @examplesIf requireNamespace("ggplot2", quietly = TRUE)
#' m <- fe_moderate(ln_upmf ~ pgdp + fdi | country + year, digitrade, "ln_imdig", "ln_insti")
#' plot(fe_linearity(m))
#' @export
plot.fe_linearity <- function(x, bars = 30, ...) {
  need_ggplot()
  check_dots(...)
  bars <- check_count(bars, "bars", 1)
  m <- x$moderation
  line <- linear_band(m, x$level)
  limits <- linearity_limits(x, line)
  p <- ggplot2::ggplot() + histogram_layer(m, bars, limits) +
    ggplot2::geom_hline(yintercept = 0, linetype = "dashed", colour = "grey30", linewidth = 0.4) +
    ggplot2::geom_ribbon(name_aes(x = "value", ymin = "conf.low", ymax = "conf.high"), line,
                         fill = "grey60", alpha = 0.35) +
    ggplot2::geom_line(name_aes(x = "value", y = "estimate"), line, linewidth = 0.8) +
    kernel_layer(x) + bins_layer(x)
  bottom <- limits[1L] - 1.2 * diff(limits) / 4
  p + (if (m$treat_kind == "factor") ggplot2::facet_wrap("contrast")) +
    ggplot2::coord_cartesian(ylim = c(bottom, limits[2L])) +
    ggplot2::labs(x = m$moderator, caption = linearity_caption(x),
                  y = sprintf("Marginal effect of %s on %s", m$treat, m$model$outcome)) +
    theme_fepanel()
}

linear_band <- function(m, level, points = 201L) {
  at <- seq(min(m$observed), max(m$observed), length.out = points)
  directions <- treat_directions(m)
  bands <- lapply(rownames(directions), function(r) {
    combination <- slope_combination(m, stats::setNames(list(at), m$moderator), directions[r, ])
    data.frame(contrast = contrast_of(r, m), value = at,
               combination_table(m$model, combination, level))
  })
  do.call(rbind, bands)
}

# The vertical range: of line and bins with their intervals and of the kernel curve; its band
# counts between the 5th and the 95th percentile of the moderator.
linearity_limits <- function(x, line) {
  k <- x$kernel
  q <- stats::quantile(x$moderation$observed, c(0.05, 0.95), names = FALSE)
  inner <- k[!is.na(k$value) & k$value >= q[1L] & k$value <= q[2L], ]
  range(0, line$conf.low, line$conf.high, x$bins$conf.low, x$bins$conf.high, inner$conf.low,
        inner$conf.high, na.rm = TRUE)
}

kernel_layer <- function(x) {
  if (is.null(x$kernel)) return(NULL)
  k <- x$kernel[!is.na(x$kernel$estimate), ]
  list(ggplot2::geom_ribbon(name_aes(x = "value", ymin = "conf.low", ymax = "conf.high"), k,
                            fill = group_colours[3L], alpha = 0.18),
       ggplot2::geom_line(name_aes(x = "value", y = "estimate"), k, colour = group_colours[3L],
                          linetype = "longdash", linewidth = 0.8))
}

bins_layer <- function(x) {
  if (is.null(x$bins)) return(NULL)
  b <- x$bins[!is.na(x$bins$estimate), ]
  edges <- setdiff(unique(x$bins$from), min(x$bins$from))
  width <- diff(range(x$moderation$observed)) / 60
  list(ggplot2::geom_vline(xintercept = edges, linetype = "dotted", colour = "grey40"),
       ggplot2::geom_errorbar(name_aes(x = "value", ymin = "conf.low", ymax = "conf.high"), b,
                              width = width, colour = group_colours[2L], linewidth = 0.7),
       ggplot2::geom_point(name_aes(x = "value", y = "estimate"), b, colour = group_colours[2L],
                           fill = "white", shape = 21, size = 2.8, stroke = 1))
}

# Bars at the bottom, by level of the treatment; a contrast of a factor has those that it compares.
histogram_layer <- function(m, bars, limits) {
  seen <- each_observation(m$observed, m$model)
  level <- treated_levels(m)
  parts <- lapply(rownames(treat_directions(m)), function(r) {
    by <- level
    if (m$treat_kind == "factor") by[!by %in% levels(by)[compared_levels(r, m)]] <- NA
    data.frame(histogram_bars(seen, bars, limits, by), contrast = contrast_of(r, m))
  })
  d <- do.call(rbind, parts)
  aes <- list(xmin = "from", xmax = "to", ymin = "bottom", ymax = "top")
  if (is.null(level)) {
    return(ggplot2::geom_rect(do.call(name_aes, aes), d, fill = "grey85", colour = "grey60",
                              linewidth = 0.2))
  }
  greys <- grDevices::grey(seq(0.92, 0.5, length.out = nlevels(level)))
  list(ggplot2::geom_rect(do.call(name_aes, c(aes, fill = "level")), d, colour = "grey50",
                          linewidth = 0.2), ggplot2::scale_fill_manual(values = greys))
}

# The treatment as a factor, as often as it was observed; NULL if it has more than two numbers.
treated_levels <- function(m) {
  v <- each_observation(m$treated, m$model)
  if (m$treat_kind == "factor") return(factor(v, labels = paste(m$treat, "=", levels(v))))
  values <- sort(unique(v))
  if (length(values) == 2L) factor(v, values, paste(m$treat, "=", point_labels(values)))
}

# The first level and that of the contrast r.
compared_levels <- function(r, m) c(1L, 1L + match(r, rownames(treat_directions(m))))

linearity_caption <- function(x) {
  parts <- c(sprintf("Line: linear interaction model; %s%% pointwise bands and intervals",
                     format(100 * x$level)),
             if (!is.null(x$bins)) "circles: slopes at the medians of bins (bounds dotted)",
             if (!is.null(x$kernel)) {
               sprintf("dashed: kernel, bandwidth %s", short(x$bandwidth, 3L))
             }, "bars: observations")
  wrap_caption(paste(parts, collapse = "; "))
}
