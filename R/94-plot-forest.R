# Forest plot of a heterogeneity.

#' @describeIn fe_heterogeneity forest plot: estimates with pointwise (thick) and simultaneous
#'   (thin) intervals, the number of observations and units of each group, the pooled estimate as a
#'   dashed line (not among segments, whose regressor is another), and the p-value of equality.
#' @param x an object of class `fe_heterogeneity`.
#' @param labels a dictionary `c(group = "label")`.
#' @param ... must be empty.
#' @export
plot.fe_heterogeneity <- function(x, labels = NULL, ...) {
  check_dots(...)
  need_ggplot()
  t <- forest_rows(x, check_dictionary(labels, "labels"))
  pooled <- data.frame(panel = unique(t$panel[t$dimension != "segment"]))
  pooled$at <- rep(x$pooled$coefficients[[x$treat]], nrow(pooled))
  critical <- if (!is.null(x$critical)) "thick: pointwise, thin: simultaneous" else "pointwise"
  caption <- sprintf("%g%% intervals (%s); dashed: pooled estimate %s. Std. errors: %s",
                     100 * x$level, critical, format(x$pooled$coefficients[[x$treat]], digits = 3L),
                     describe_vcov(x$pooled))
  ggplot2::ggplot(t, name_aes(x = "estimate", y = "label")) +
    ggplot2::geom_vline(xintercept = 0, colour = "grey40", linewidth = 0.4) +
    ggplot2::geom_vline(name_aes(xintercept = "at"), pooled, linetype = "dashed",
                        colour = group_colours[3L], linewidth = 0.5) +
    ggplot2::geom_segment(name_aes(x = "band.low", xend = "band.high", yend = "label"),
                          linewidth = 0.4, colour = "grey45", na.rm = TRUE) +
    ggplot2::geom_segment(name_aes(x = "conf.low", xend = "conf.high", yend = "label"),
                          linewidth = 1.2) +
    ggplot2::geom_point(size = 2.8) +
    ggplot2::facet_grid(rows = "panel", scales = "free_y", space = "free_y") +
    ggplot2::labs(x = sprintf("Effect on %s", x$pooled$outcome), y = NULL,
                  caption = wrap_caption(caption)) +
    theme_fepanel() + ggplot2::theme(strip.text.y = ggplot2::element_text(angle = 0, hjust = 0))
}

forest_rows <- function(x, labels) {
  t <- x$table
  name <- vapply(t$group, label_name, "", dictionary = labels)
  units <- ifelse(is.na(t$units), "", sprintf(", %d units", t$units))
  text <- make.unique(sprintf("%s\n(n = %s%s)", name, format(t$nobs, trim = TRUE), units))
  t$label <- factor(text, rev(text))
  p <- x$equality$p.value[match(t$dimension, x$equality$dimension)]
  panel <- if (is.null(p)) t$dimension else {
    value <- ifelse(p < 1e-3, "p < 0.001", paste("p =", format.pval(p, digits = 2L)))
    ifelse(is.na(p), t$dimension, sprintf("%s\nequal: %s", t$dimension, value))
  }
  t$panel <- factor(panel, unique(panel))
  t
}
