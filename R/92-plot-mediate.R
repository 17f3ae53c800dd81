# Figures of a mediation and of a bootstrap.

#' @describeIn fe_mediate figures. `"path"`: diagram with the coefficients and their stars on the
#'   arrows, the total effect in the caption; one panel a mediator if each has its own outcome
#'   equation. Moderated paths are those at the middle one of `values`. `"conditional"` (default
#'   with a moderator): indirect effects along the observed range of the moderator with their band:
#'   quantiles of the replicates if there is a bootstrap, else the delta method; bars show where the
#'   observations are. `"draws"`: replicates of the indirect effects (bootstrap, or Monte Carlo).
#' @param x an object of class `fe_mediate`.
#' @param which the figure.
#' @param digits decimals in the figure.
#' @param points number of values of the moderator at which the band is drawn.
#' @param ... must be empty.
#' @export
plot.fe_mediate <- function(x, which = c("path", "conditional", "draws"), digits = 4L,
                            points = 101, ...) {
  need_ggplot()
  check_dots(...)
  check_digits(digits, min = 0)
  check_count(points, "points", 2)
  if (missing(which) && !is.null(x$moderator)) which <- "conditional"
  which <- check_first(which, c("path", "conditional", "draws"), "which")
  if (which == "conditional" && is.null(x$moderator)) {
    stop_arg("which", "is \"conditional\", and there is no moderator")
  }
  switch(which, path = plot_paths(x, digits), draws = plot_effect_draws(x),
         conditional = plot_conditional(x, points))
}

plot_paths <- function(x, digits) {
  panels <- if (x$type != "separate") list(x$mediators) else as.list(x$mediators)
  parts <- lapply(panels, path_panel, x = x, digits = digits)
  nodes <- do.call(rbind, lapply(parts, `[[`, "nodes"))
  arrows <- do.call(rbind, lapply(parts, `[[`, "arrows"))
  total <- x$effects[which(x$effects$effect == "total")[1L], ]
  total[c("estimate", "std.error")] <- total[c("estimate", "std.error")] /
    c(1, sign(treatment_step(x))) / treatment_step(x) # a coefficient, as those on the arrows
  ggplot2::ggplot() +
    ggplot2::geom_segment(name_aes(x = "x", y = "y", xend = "xend", yend = "yend"), arrows,
                          linewidth = 0.5,
                          arrow = ggplot2::arrow(length = ggplot2::unit(0.18, "cm"),
                                                 type = "closed")) +
    ggplot2::geom_label(name_aes(x = "at_x", y = "at_y", label = "text"), arrows, size = 3.3,
                        fill = "white", label.size = 0,
                        label.padding = ggplot2::unit(0.12, "lines")) +
    ggplot2::geom_label(name_aes(x = "x", y = "y", label = "label"), nodes, size = 4,
                        fill = "grey92", label.padding = ggplot2::unit(0.45, "lines")) +
    ggplot2::facet_wrap("panel") +
    ggplot2::coord_cartesian(xlim = range(nodes$x) + c(-0.3, 0.3),
                             ylim = c(-0.35, max(nodes$y) + 0.3)) +
    ggplot2::labs(caption = sprintf("Total effect c = %s. Std. errors: %s", starred(total, digits),
                                    describe_vcov(x$models$total))) +
    theme_fepanel() +
    ggplot2::theme(axis.text = ggplot2::element_blank(), axis.title = ggplot2::element_blank(),
                   axis.ticks = ggplot2::element_blank(),
                   panel.grid.major = ggplot2::element_blank(),
                   panel.grid.minor = ggplot2::element_blank())
}

# 0.1443** (0.0730)
starred <- function(row, digits, separator = " ") {
  sprintf("%.*f%s%s(%.*f)", digits, row$estimate, significance_stars(row$p.value), separator,
          digits, row$std.error)
}

# Nodes and arrows of one panel: treatment left, outcome right, mediators above, one over the other
# or, in a chain, on an arc, so that no arrow crosses a node.
path_panel <- function(mediators, x, digits) {
  k <- length(mediators)
  place <- if (x$type == "serial") {
    angle <- pi * (1 - seq_len(k) / (k + 1))
    list(x = 1 + cos(angle), y = 1.4 * sin(angle))
  } else list(x = rep(1, k), y = seq_len(k))
  nodes <- data.frame(x = c(0, 2, place$x), y = c(0, 0, place$y),
                      label = c(x$treat, x$outcome, mediators))
  shown <- x$edges$kind != "total" & (x$type != "separate" | x$edges$mediator %in% mediators)
  edges <- x$edges[shown, ]
  rows <- lapply(seq_len(nrow(edges)), function(r) {
    at <- match(edge_ends(edges[r, ], x), nodes$label)
    text <- edge_text(edges[r, ], x, digits)
    if (edges$kind[r] == "d") return(between_arrow(nodes[at, ], text, diff(at) == 1L))
    path_arrow(nodes[at, ], text, if (edges$kind[r] == "direct") 0.17 else 0.12,
               if (x$type == "serial") 0.45 else 0.5)
  })
  arrows <- do.call(rbind, rows)
  arrows$free <- edges$kind != "direct" & !neighbours(edges, nodes, x)
  if (k > 3L) arrows <- spread_labels(arrows, nodes)
  panel <- paste(mediators, collapse = if (x$type == "serial") " \u2192 " else " + ")
  list(nodes = data.frame(nodes, panel = panel),
       arrows = data.frame(arrows, panel = panel))
}

# Edges from a mediator to the next one in the chain, whose text stands outside of the arc.
neighbours <- function(edges, nodes, x) {
  vapply(seq_len(nrow(edges)), function(r) {
    edges$kind[r] == "d" && diff(match(edge_ends(edges[r, ], x), nodes$label)) == 1L
  }, NA)
}

edge_ends <- function(edge, x) {
  switch(edge$kind, a = c(x$treat, edge$mediator), b = c(edge$mediator, x$outcome),
         direct = c(x$treat, x$outcome), d = strsplit(edge$mediator, "->", fixed = TRUE)[[1L]])
}

# The coefficient; of a moderated path at the middle one of the values.
edge_text <- function(edge, x, digits) {
  form <- if (is.null(x$moderator)) edge_form(x, edge$name) else
    edge_form(x, edge$name, centred(x, x$points$value[ceiling(nrow(x$points) / 2)]))
  row <- path_row(x, new_effect(edge$kind, edge$mediator, list(new_product(list(form)))))
  paste(if (edge$kind == "direct") "c'" else edge$kind, "=", starred(row, digits, "\n"))
}

# ends: two rows of nodes. The arrow leaves out the share `gap` of the line at both of them; its
# text is centred at the share `position`, moved by `away`.
path_arrow <- function(ends, text, gap, position, away = c(0, 0)) {
  dx <- diff(ends$x)
  dy <- diff(ends$y)
  data.frame(x = ends$x[1L] + gap * dx, y = ends$y[1L] + gap * dy, xend = ends$x[2L] - gap * dx,
             yend = ends$y[2L] - gap * dy, at_x = ends$x[1L] + position * dx + away[1L],
             at_y = ends$y[1L] + position * dy + away[2L], text = text)
}

# Mediators are so close to each other that a gap is measured by their boxes (0.22 wide and 0.15
# high from the middle), and the text between neighbours stands outside of the arc.
between_arrow <- function(ends, text, neighbours) {
  gap <- min(0.22 / abs(diff(ends$x)), 0.15 / abs(diff(ends$y)), 0.4)
  path_arrow(ends, text, gap, 0.5, if (neighbours) c(0.4 * (mean(ends$x) - 1), 0.17) else c(0, 0))
}

# ---- conditional effects, draws ------------------------------------------------------------------

plot_conditional <- function(x, points) {
  at <- seq(min(x$observed), max(x$observed), length.out = points)
  band <- do.call(rbind, lapply(mediation_routes(x), conditional_band, x = x, at = at))
  bars <- histogram_bars(x$observed, 30L, range(band$low, band$high, 0))
  how <- if (is.null(x$boot)) "delta method" else "percentiles of the replicates"
  ggplot2::ggplot() +
    ggplot2::geom_rect(name_aes(xmin = "from", xmax = "to", ymin = "bottom", ymax = "top"), bars,
                       fill = "grey85", colour = "grey60", linewidth = 0.2) +
    ggplot2::geom_ribbon(name_aes(x = "value", ymin = "low", ymax = "high"), band, fill = "grey55",
                         alpha = 0.4) +
    ggplot2::geom_line(name_aes(x = "value", y = "estimate"), band, linewidth = 0.8) +
    ggplot2::geom_hline(yintercept = 0, linetype = "dashed", colour = "grey30") +
    ggplot2::facet_wrap("route") +
    ggplot2::labs(x = x$moderator, y = sprintf("Indirect effect of %s on %s", x$treat, x$outcome),
                  caption = sprintf("%g%% pointwise band (%s); bars: where the observations are",
                                    100 * x$level, how)) +
    theme_fepanel()
}

conditional_band <- function(route, x, at) {
  effects <- lapply(at, function(v) {
    of_change(new_effect("indirect", route$label, list(route_product(x, route, centred(x, v)))),
              treatment_step(x))
  })
  estimate <- effect_values(effects, as_draw(x$coefficients))[1L, ]
  if (is.null(x$boot)) {
    margin <- stats::qnorm(1 - (1 - x$level) / 2) * vapply(effects, delta_error, 0, x = x)
    ends <- rbind(estimate - margin, estimate + margin)
  } else {
    draws <- effect_values(effects, x$boot$t[, x$theta$name, drop = FALSE])
    alpha <- (1 - x$level) / 2
    ends <- apply(draws, 2L, stats::quantile, c(alpha, 1 - alpha), na.rm = TRUE, type = 6L)
  }
  data.frame(route = route$label, value = at, estimate = unname(estimate), low = ends[1L, ],
             high = ends[2L, ])
}

plot_effect_draws <- function(x) {
  kinds <- vapply(x$definitions, `[[`, "", "effect")
  shown <- effect_names(x)[kinds %in% c("indirect", "nie.pure", "nie.total")]
  if (!is.null(x$boot)) return(plot(x$boot, which = shown, level = x$level))
  draws <- monte_carlo(x)[, shown, drop = FALSE]
  value <- effect_values(x$definitions, as_draw(x$coefficients))[1L, shown]
  frame <- data.frame(statistic = factor(rep(shown, each = nrow(draws)), shown),
                      value = as.vector(draws))
  lines <- data.frame(statistic = factor(shown, shown), value = unname(value))
  ggplot2::ggplot(frame, name_aes(x = "value")) +
    ggplot2::geom_histogram(bins = 40, fill = "grey80", colour = "grey55", linewidth = 0.2) +
    ggplot2::geom_vline(name_aes(xintercept = "value"), lines) +
    ggplot2::facet_wrap("statistic", scales = "free") +
    ggplot2::labs(x = NULL, y = "draws", caption = sprintf("Monte Carlo, %d draws", nrow(draws))) +
    theme_fepanel()
}

#' @rdname fe_boot-methods
#' @export
plot.fe_boot <- function(x, which = NULL, level = 0.95, type = "percentile", ...) {
  need_ggplot()
  which <- if (is.null(which)) names(x$t0) else unique(check_terms(which, names(x$t0), "which"))
  ci <- confint.fe_boot(x, parm = which, level = level, type = type)
  draws <- data.frame(statistic = factor(rep(which, each = nrow(x$t)), which),
                      value = as.vector(x$t[, which]))
  lines <- data.frame(statistic = factor(rep(which, 3L), which),
                      value = c(x$t0[which], ci[, 1L], ci[, 2L]),
                      what = rep(c("estimate", "interval", "interval"), each = length(which)))
  ggplot2::ggplot(draws[is.finite(draws$value), ], name_aes(x = "value")) +
    ggplot2::geom_histogram(bins = 40, fill = "grey80", colour = "grey55", linewidth = 0.2) +
    ggplot2::geom_vline(name_aes(xintercept = "value", linetype = "what"), lines) +
    ggplot2::facet_wrap("statistic", scales = "free") +
    ggplot2::scale_linetype_manual(values = c(estimate = "solid", interval = "dashed"),
                                   name = NULL) +
    ggplot2::labs(x = NULL, y = "replicates", caption = describe_boot(x)) +
    theme_fepanel()
}
