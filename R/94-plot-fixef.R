# Figures of fixed effects.

#' @rdname fixef.fe_lm
#' @param sort order levels by their effects (`TRUE`, default), or as they are coded?
#' @export
plot.fe_fixef <- function(x, fe = names(x)[1L], sort = TRUE, conf.level = 0.95, ...) {
  check_dots(...)
  need_ggplot()
  check_choice(fe, names(x), "fe")
  check_flag(sort, "sort")
  points <- tidy(x, conf.level = conf.level)
  points <- points[points$fe == fe & points$estimable, ]
  if (!nrow(points)) stop_arg("fe", paste("names", dQuote(fe, FALSE), "without estimable effects"))
  if (sort) points <- points[order(points$estimate), ]
  points$place <- seq_len(nrow(points))
  p <- ggplot2::ggplot(points, name_aes(x = "estimate", y = "place"))
  if (!is.null(points$conf.low)) {
    p <- p + ggplot2::geom_segment(name_aes(x = "conf.low", xend = "conf.high", yend = "place"),
                                   points[!is.na(points$conf.low), ], linewidth = 0.4,
                                   colour = "grey50")
  }
  p <- p + ggplot2::geom_point(size = if (nrow(points) > 60L) 0.8 else 2) +
    extreme_effects(points, sort) + effect_scale(points) +
    ggplot2::labs(x = sprintf("Effect of %s", fe), y = NULL,
                  caption = effect_caption(x, conf.level)) + theme_fepanel()
  if (attr(x, "n_components") > 1L) {
    p <- p + ggplot2::facet_wrap("component", scales = "free_y", labeller = ggplot2::label_both)
  }
  p
}

effect_caption <- function(x, level) {
  errors <- if (!is.null(attr(x, "vcov"))) {
    sprintf("%s%% intervals; std. errors: %s", format(100 * level), attr(x, "vcov"))
  }
  wrap_caption(c(describe_normalisation(x), errors))
}

# Names of the three smallest and largest effects, where the axis has none.
extreme_effects <- function(points, sort) {
  n <- nrow(points)
  if (n <= 60L || !sort) return(NULL)
  name <- function(at, hjust) {
    ggplot2::geom_text(name_aes(label = "level"), points[at, ], hjust = hjust, size = 2.8,
                       check_overlap = TRUE)
  }
  list(name(1:3, -0.3), name(n - 0:2, 1.3))
}

# Names on the axis where they can be read.
effect_scale <- function(points) {
  some <- nrow(points) <= 60L
  ggplot2::scale_y_continuous(breaks = if (some) points$place, minor_breaks = NULL,
                              labels = if (some) points$level,
                              expand = if (some) ggplot2::expansion(add = 0.6) else
                                ggplot2::expansion(mult = 0.03))
}
