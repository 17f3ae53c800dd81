# Figures of a mediation and of a bootstrap.

#' @describeIn fe_mediate path diagram: the coefficients with their stars on the arrows, the total
#'   effect in the caption; one panel a mediator unless they were entered jointly.
#' @param x an object of class `fe_mediate`.
#' @param digits decimals in the figure.
#' @param ... unused.
#' @export
plot.fe_mediate <- function(x, digits = 4L, ...) {
  need_ggplot()
  panels <- if (x$joint) list(x$mediators) else as.list(x$mediators)
  parts <- lapply(panels, path_panel, x = x, digits = digits)
  nodes <- do.call(rbind, lapply(parts, `[[`, "nodes"))
  arrows <- do.call(rbind, lapply(parts, `[[`, "arrows"))
  total <- x$effects[x$effects$effect == "total", ]
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
    ggplot2::coord_cartesian(xlim = c(-0.3, 2.3), ylim = c(-0.35, max(nodes$y) + 0.3)) +
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

# Nodes and arrows of one panel: treatment left, outcome right, mediators above.
path_panel <- function(mediators, x, digits) {
  height <- seq_along(mediators)
  nodes <- data.frame(x = c(0, 2, rep(1, length(mediators))), y = c(0, 0, height),
                      label = c(x$treat, x$outcome, mediators))
  value <- function(kind, m) {
    row <- which(x$effects$effect == kind & x$effects$mediator %in% m)[1L]
    starred(x$effects[row, ], digits, "\n")
  }
  arrow <- function(x0, y0, x1, y1, text, position = 0.5) {
    gap <- if (y0 == y1) 0.17 else 0.12 # the arrow stops short of the node
    data.frame(x = x0 + gap * (x1 - x0), y = y0 + gap * (y1 - y0), xend = x1 - gap * (x1 - x0),
               yend = y1 - gap * (y1 - y0), at_x = x0 + position * (x1 - x0),
               at_y = y0 + position * (y1 - y0), text = text)
  }
  rows <- list(arrow(0, 0, 2, 0, paste("c' =", value("direct", mediators[1L]))))
  for (j in seq_along(mediators)) {
    rows <- c(rows, list(
      arrow(0, 0, 1, height[j], paste("a =", value("a", mediators[j])), 0.5),
      arrow(1, height[j], 2, 0, paste("b =", value("b", mediators[j])), 0.5)))
  }
  panel <- paste(mediators, collapse = " + ")
  list(nodes = data.frame(nodes, panel = panel),
       arrows = data.frame(do.call(rbind, rows), panel = panel))
}

#' @rdname fe_boot-methods
#' @export
plot.fe_boot <- function(x, which = NULL, level = 0.95, type = "percentile", ...) {
  need_ggplot()
  which <- if (is.null(which)) names(x$t0) else check_terms(which, names(x$t0), "which")
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
