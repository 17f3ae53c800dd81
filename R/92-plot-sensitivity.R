# Figures of a decomposition and of a sensitivity analysis.

#' @rdname fe_decompose
#' @export
plot.fe_decompose <- function(x, ...) {
  need_ggplot()
  check_dots(...)
  e <- x$effects[x$effects$kind != "explained", ]
  n <- nrow(e)
  groups <- e$kind == "group"
  e$to <- e$estimate
  e$from <- 0
  path <- e$estimate[1L] - cumsum(c(0, e$estimate[groups]))
  e$from[groups] <- path[-length(path)]
  e$to[groups] <- path[-1L]
  e$place <- rev(seq_len(n))
  e$label <- sprintf(" %.3g", ifelse(groups, -1, 1) * e$estimate)
  e$kind <- ifelse(groups, "change", "coefficient")
  e$left <- pmin(e$from, e$to)
  e$right <- pmax(e$from, e$to)
  e$low <- e$place - 0.3
  e$high <- e$place + 0.3
  links <- data.frame(x = e$to[-n], top = e$place[-n] - 0.3, bottom = e$place[-1L] + 0.3)
  ggplot2::ggplot(e) +
    ggplot2::geom_vline(xintercept = 0, linetype = "dashed", colour = "grey40", linewidth = 0.4) +
    ggplot2::geom_segment(name_aes(x = "x", xend = "x", y = "top", yend = "bottom"), links,
                          colour = "grey50", linewidth = 0.3) +
    ggplot2::geom_rect(name_aes(xmin = "left", xmax = "right", ymin = "low", ymax = "high",
                                fill = "kind")) +
    ggplot2::geom_text(name_aes(x = "right", y = "place", label = "label"), hjust = 0,
                       size = 3.3) +
    ggplot2::scale_y_continuous(breaks = e$place, labels = e$term) +
    ggplot2::scale_x_continuous(expand = ggplot2::expansion(mult = c(0.05, 0.15))) +
    ggplot2::scale_fill_manual(values = c(change = "#56B4E9", coefficient = "grey30")) +
    ggplot2::labs(x = paste("Coefficient of", x$focal), y = NULL,
                  caption = "From the base coefficient to the full one, group by group") +
    theme_fepanel()
}

#' @rdname fe_sensitivity
#' @param effect for `plot()`: which row of `stats`.
#' @export
plot.fe_sensitivity <- function(x, what = NULL, effect = 1L, ...) {
  need_ggplot()
  check_dots(...)
  if (is.null(what)) what <- if (is.null(x$rho)) "estimate" else "rho"
  what <- check_choice(what, c("estimate", "t", "rho"), "what")
  if (what == "rho") return(rho_figure(x))
  if (!is.numeric(effect) || length(effect) != 1L || !effect %in% seq_len(nrow(x$stats))) {
    stop_arg("effect", sprintf("must number a row of `stats`, 1 to %d", nrow(x$stats)))
  }
  contour_figure(x, x$stats[effect, ], what)
}

rho_figure <- function(x) {
  if (is.null(x$rho)) {
    stop_arg("what", "is \"rho\", and the object holds no indirect effect",
             "Give a mediation to fe_sensitivity()")
  }
  lines <- data.frame(x$rho[c("mediator", "rho")], effect = c(x$rho$indirect, x$rho$direct),
                      what = rep(c("indirect", "direct"), each = nrow(x$rho)))
  ggplot2::ggplot(x$rho, name_aes(x = "rho")) +
    ggplot2::geom_ribbon(name_aes(ymin = "conf.low", ymax = "conf.high"), fill = "grey85") +
    ggplot2::geom_hline(yintercept = 0, linetype = "dashed", colour = "grey40", linewidth = 0.4) +
    ggplot2::geom_vline(name_aes(xintercept = "rho"), x$rho_zero, linetype = "dotted",
                        colour = "#D55E00") +
    ggplot2::geom_line(name_aes(y = "effect", linetype = "what"), lines, linewidth = 0.7) +
    ggplot2::facet_wrap("mediator") +
    ggplot2::labs(x = "correlation of the errors of mediator and outcome", y = "effect",
                  caption = paste("Band of the indirect effect:", x$rho_label)) +
    theme_fepanel()
}

contour_figure <- function(x, stats, what) {
  own <- x$bounds[x$bounds$effect == stats$effect, ]
  top <- vapply(own[c("r2.treat", "r2.outcome")], function(r2) {
    min(0.95, max(0.05, 1.5 * stats$rv, 1.2 * r2))
  }, 0)
  grid <- expand.grid(r2.treat = seq(0, top[[1L]], length.out = 80),
                      r2.outcome = seq(0, top[[2L]], length.out = 80))
  found <- adjusted_estimate(stats, grid$r2.treat, grid$r2.outcome)
  grid$value <- if (what == "t") found$statistic else found$estimate
  border <- if (what == "t") sign(stats$statistic) * stats::qt(1 - x$alpha / 2, stats$df - 1) else
    (1 - x$q) * stats$estimate
  levels <- pretty(grid$value, 8)
  marks <- benchmark_marks(own, stats[[if (what == "t") "statistic" else "estimate"]], top)
  ggplot2::ggplot(grid, name_aes(x = "r2.treat", y = "r2.outcome")) +
    ggplot2::geom_contour_filled(name_aes(z = "value"), breaks = levels, alpha = 0.85) +
    ggplot2::scale_fill_grey(start = 0.95, end = 0.45) +
    ggplot2::geom_contour(name_aes(z = "value"), breaks = border, colour = "#D55E00",
                          linewidth = 0.8) +
    ggplot2::geom_segment(name_aes(xend = "label_x", yend = "label_y"), marks$labels,
                          colour = "grey30", linewidth = 0.3) +
    ggplot2::geom_line(name_aes(group = "benchmark"), marks$points, linewidth = 0.4) +
    ggplot2::geom_point(data = marks$points, size = 2) +
    ggplot2::geom_label(name_aes(x = "label_x", y = "label_y", label = "label"), marks$labels,
                        hjust = 0, size = 3.2, label.size = 0, fill = "white",
                        label.padding = ggplot2::unit(0.12, "lines")) +
    ggplot2::labs(x = "partial R2 of the confounder with the treatment",
                  y = "partial R2 with the outcome", fill = what,
                  title = paste(if (what == "t") "t" else "Estimate", "of", stats$term),
                  caption = sprintf("Red line: %s", if (what == "t") {
                    sprintf("the critical value at level %g", x$alpha)
                  } else sprintf("%g of the estimate is left", 1 - x$q))) +
    theme_fepanel() + ggplot2::theme(legend.position = "right")
}

# Points of the benchmarks and of the estimate itself, and one label for each, which are moved up
# where they would lie on each other.
benchmark_marks <- function(own, value, top) {
  points <- data.frame(benchmark = c("", own$benchmark), kd = c(NA, own$kd),
                       r2.treat = c(0, own$r2.treat), r2.outcome = c(0, own$r2.outcome))
  last <- points[!duplicated(points$benchmark, fromLast = TRUE), ]
  times <- vapply(last$benchmark, function(b) {
    paste(format(own$kd[own$benchmark == b], trim = TRUE), collapse = ", ")
  }, "")
  last$label <- ifelse(last$benchmark == "", sprintf("as estimated: %.3g", value),
                       sprintf("%s x %s", times, last$benchmark))
  last$label_x <- last$r2.treat + 0.05 * top[[1L]]
  last$label_y <- spread_apart(last$r2.outcome + 0.03 * top[[2L]], 0.07 * top[[2L]])
  list(points = points, labels = last)
}

# Moved up as little as needed for a distance of `gap` between all of them.
spread_apart <- function(y, gap) {
  at <- order(y)
  z <- y[at] - gap * seq_along(y)
  y[at] <- cummax(z) + gap * seq_along(y)
  y
}
