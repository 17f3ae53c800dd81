# Figures of an index.

#' @export
plot.fe_index <- function(x, type = if (x$method == "pca") "scree" else "weights", ...) {
  need_ggplot()
  check_choice(type, c("scree", "weights"), "type")
  if (type == "scree" && x$method != "pca") {
    stop_arg("type", paste0("is \"scree\", but method = \"", x$method, "\" has no eigenvalues"),
             "Use type = \"weights\"")
  }
  p <- if (type == "scree") plot_scree(x) else plot_weights(x)
  if (!is.null(x$by)) p <- p + ggplot2::facet_wrap(x$by, labeller = ggplot2::label_both)
  p + ggplot2::labs(title = x$name) + theme_fepanel()
}

# The dashed line is the average eigenvalue, 1 for a correlation matrix (Kaiser's rule).
plot_scree <- function(x) {
  average <- index_stack(x, lapply(x$fits, function(f) {
    data.frame(average = mean(f$eigen$eigenvalue))
  }))
  ggplot2::ggplot(x$eigen, name_aes(x = "component", y = "eigenvalue")) +
    ggplot2::geom_hline(name_aes(yintercept = "average"), average, linetype = "dashed",
                        colour = "grey40") +
    ggplot2::geom_line() + ggplot2::geom_point(size = 2) +
    ggplot2::scale_x_continuous(breaks = seq_along(x$vars)) +
    ggplot2::labs(x = "Component", y = "Eigenvalue")
}

plot_weights <- function(x) {
  table <- tidy(x)
  table <- table[table$component == 1L, ]
  table$term <- factor(table$term, rev(x$vars))
  ggplot2::ggplot(table, name_aes(x = "weight", y = "term")) +
    ggplot2::geom_col(width = 0.6, fill = "grey40") +
    ggplot2::labs(x = "Weight of the standardised indicator", y = NULL)
}
