# Figures of cluster diagnostics.

#' @rdname fe_clusters-methods
#' @param what `"influence"`: the coefficient without each cluster in increasing order, beside the
#'   estimate and its interval; `"leverage"`: partial leverage against leverage, with what equal
#'   clusters would have as dashed lines.
#' @export
plot.fe_clusters <- function(x, term = NULL, what = c("influence", "leverage"), ...) {
  check_dots(...)
  need_ggplot()
  term <- one_term(x, term)
  what <- check_first(what, c("influence", "leverage"), "what")
  clusters <- as.data.frame(x, term = term)
  if (what == "influence") influence_figure(x, clusters, term) else
    leverage_figure(x, clusters, term)
}

influence_figure <- function(x, clusters, term) {
  points <- clusters[!is.na(clusters$estimate), ]
  if (!nrow(points)) {
    stop_arg("term", sprintf("names %s, which cannot be estimated without any one of the clusters",
                             dQuote(term, FALSE)))
  }
  points <- points[order(points$estimate), ]
  points$place <- seq_len(nrow(points))
  points$level <- points$cluster
  j <- match(term, names(x$coefficients))
  band <- data.frame(low = x$conf.low[j], high = x$conf.high[j])
  ggplot2::ggplot(points, name_aes(x = "estimate", y = "place")) +
    ggplot2::geom_rect(name_aes(xmin = "low", xmax = "high"), band, ymin = -Inf, ymax = Inf,
                       fill = "grey90", inherit.aes = FALSE) +
    ggplot2::geom_vline(xintercept = x$coefficients[[term]], linewidth = 0.4) +
    ggplot2::geom_vline(xintercept = 0, linetype = "dashed", colour = "grey40", linewidth = 0.4) +
    ggplot2::geom_point(size = if (nrow(points) > 60L) 0.8 else 2) + effect_scale(points) +
    extreme_names(points) +
    ggplot2::labs(x = sprintf("%s without one cluster", term), y = NULL,
                  caption = influence_caption(x, clusters, term)) + theme_fepanel()
}

# Names of the three clusters at each end, where the axis has no room for all.
extreme_names <- function(points) {
  n <- nrow(points)
  if (n <= 60L) return(NULL)
  ggplot2::geom_text(name_aes(label = "cluster"), points[c(1:3, n - 2:0), ], size = 3,
                     hjust = c(-0.3, 1.3, -0.3, -0.3, 1.3, -0.3))
}

influence_caption <- function(x, clusters, term) {
  lost <- sum(is.na(clusters$estimate))
  text <- c(sprintf("Line: the estimate %.4g; band: its 95%% interval. Std. errors: %s",
                    x$coefficients[[term]], x$vcov),
            if (lost) sprintf("It cannot be estimated without %d of the %d clusters", lost, x$G))
  paste(unlist(lapply(text, strwrap, width = 95L)), collapse = "\n")
}

leverage_figure <- function(x, clusters, term) {
  far <- utils::head(order(-clusters$partial), 3L)
  far <- union(far, utils::head(order(-clusters$leverage), 3L))
  ggplot2::ggplot(clusters, name_aes(x = "leverage", y = "partial")) +
    ggplot2::geom_hline(yintercept = 1 / x$G, linetype = "dashed", colour = "grey40") +
    ggplot2::geom_vline(xintercept = mean(clusters$leverage), linetype = "dashed",
                        colour = "grey40") +
    ggplot2::geom_point(size = if (x$G > 60L) 1 else 2) +
    ggplot2::geom_text(name_aes(label = "cluster"), clusters[far, ], vjust = -0.7, size = 3.3) +
    ggplot2::scale_y_continuous(expand = ggplot2::expansion(mult = c(0.05, 0.1))) +
    ggplot2::labs(x = "Leverage of the cluster (net of the fixed effects)",
                  y = sprintf("Partial leverage for %s", term),
                  caption = sprintf("Dashed: what each of %d equal clusters would have", x$G)) +
    theme_fepanel()
}
