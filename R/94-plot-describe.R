# Figures of descriptions: correlations, balance.

#' @rdname fe_correlate
#' @param x An object of class `fe_correlate`.
#' @param ... Must be empty.
#' @export
plot.fe_correlate <- function(x, ...) {
  check_dots(...)
  need_ggplot()
  vars <- attr(x, "vars")
  names <- make.unique(attr(x, "labels"))
  tiles <- plain_frame(x)
  tiles$column <- factor(names[match(tiles$x, vars)], names[-length(names)])
  tiles$row <- factor(names[match(tiles$y, vars)], rev(names[-1L]))
  stars <- attr(x, "stars")
  marks <- if (is.null(stars)) "" else significance_stars(tiles$p.value, stars)
  tiles$text <- paste0(format_fixed(tiles$estimate, 2), marks)
  tiles$ink <- ifelse(abs(tiles$estimate) > 0.6, "white", "black")
  ggplot2::ggplot(tiles, name_aes(x = "column", y = "row", fill = "estimate")) +
    ggplot2::geom_tile(colour = "white", linewidth = 0.8) +
    ggplot2::geom_text(name_aes(label = "text", colour = "ink"), size = 3.2, na.rm = TRUE) +
    ggplot2::scale_colour_identity() +
    ggplot2::scale_fill_gradient2(low = "#B35806", mid = "white", high = "#0B4F8A", midpoint = 0,
                                  limits = c(-1, 1), na.value = "grey85") +
    ggplot2::scale_x_discrete(drop = FALSE) + ggplot2::scale_y_discrete(drop = FALSE) +
    ggplot2::labs(x = NULL, y = NULL, caption = wrap_caption(correlate_notes(x))) +
    theme_fepanel() +
    ggplot2::theme(panel.grid.major = ggplot2::element_blank(), legend.position = "right",
                   axis.text.x = ggplot2::element_text(angle = 30, hjust = 1))
}

#' @rdname fe_balance
#' @param x An object of class `fe_balance`.
#' @param limits Normalised differences beyond which dashed lines stand; default -0.25 and 0.25
#'   (Imbens and Rubin 2015, p. 277).
#' @param ... Must be empty.
#' @export
plot.fe_balance <- function(x, limits = c(-0.25, 0.25), ...) {
  check_dots(...)
  need_ggplot()
  if (!is.numeric(limits) || !all(is.finite(limits))) {
    stop_arg("limits", paste("must be finite numbers, not", describe_value(limits)))
  }
  points <- plain_frame(x)
  vars <- unique(points$variable)
  labels <- make.unique(attr(x, "labels"))
  points$label <- factor(labels[match(points$variable, vars)], rev(labels))
  spec <- attr(x, "spec")
  points$group <- factor(points$group, unique(points$group))
  several <- nlevels(points$group) > 1L
  title <- if (several) paste("Normalised difference from", spec$reference) else
    sprintf("Normalised difference, %s: %s less %s", spec$group, points$group[1L], spec$reference)
  p <- ggplot2::ggplot(points, name_aes(x = "norm_diff", y = "label", colour = "group",
                                        shape = "group")) +
    ggplot2::geom_vline(xintercept = 0, colour = "grey40", linewidth = 0.4) +
    ggplot2::geom_vline(xintercept = limits, colour = "grey40", linewidth = 0.4,
                        linetype = "dashed") +
    ggplot2::geom_point(size = 2.8, na.rm = TRUE) + group_scales(nlevels(points$group)) +
    ggplot2::scale_y_discrete(drop = FALSE) + theme_fepanel() +
    ggplot2::labs(x = title, y = NULL, caption = if (length(limits)) {
      paste("Dashed:", paste(format(limits, trim = TRUE), collapse = ", "))
    })
  if (several) p else p + ggplot2::theme(legend.position = "none")
}
