# Figures: what all of them share, and that of coefficients.

need_ggplot <- function() {
  if (!requireNamespace("ggplot2", quietly = TRUE)) {
    stop_arg("x", "cannot be plotted, since the package ggplot2 is not installed",
             "Run install.packages(\"ggplot2\")")
  }
}

# Aesthetics from names of columns: name_aes(x = "value").
name_aes <- function(...) do.call(ggplot2::aes, lapply(list(...), as.name))

# The look of all figures: white ground, thin grid, legend below.
theme_fepanel <- function(base_size = 11) {
  ggplot2::theme_bw(base_size = base_size) +
    ggplot2::theme(panel.grid.minor = ggplot2::element_blank(),
                   panel.grid.major = ggplot2::element_line(colour = "grey92", linewidth = 0.3),
                   panel.border = ggplot2::element_rect(colour = "grey40", linewidth = 0.5),
                   axis.ticks = ggplot2::element_line(colour = "grey40", linewidth = 0.3),
                   strip.background = ggplot2::element_blank(),
                   legend.position = "bottom", legend.title = ggplot2::element_blank(),
                   plot.caption = ggplot2::element_text(hjust = 0, colour = "grey30"),
                   plot.title.position = "plot")
}

# A caption of one or several paragraphs, in lines that fit under a figure.
wrap_caption <- function(text, width = 95) {
  paste(unlist(lapply(text, strwrap, width = width)), collapse = "\n")
}

# The palette of Okabe and Ito (2008), in an order of rising lightness contrast between neighbours;
# shapes tell the same groups apart in grey.
group_colours <- c("#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9",
                   "#8C8C8C")
group_shapes <- c(16, 17, 15, 18, 1, 2, 0, 5)

# Colours and shapes of n groups; more than eight repeat colours with other shapes.
group_scales <- function(n) {
  at <- (seq_len(n) - 1L) %% 8L + 1L
  shapes <- c(group_shapes, rev(group_shapes), 3, 4, 6:14)[(seq_len(n) - 1L) %% 27L + 1L]
  list(ggplot2::scale_colour_manual(values = group_colours[at]),
       ggplot2::scale_shape_manual(values = shapes))
}

#' Plots of coefficients
#'
#' Estimates as points with their confidence intervals, models beside each other. Coefficients of
#' [i()] alone (`i(year, ref = 2010)`) are drawn along the values of its variable, with the
#' reference at zero (an event study). Other types show what the model leaves: residuals, leverage.
#'
#' With `simultaneous = TRUE` thin lines add the sup-t band of [fe_bands()] over the coefficients of
#' the model that are drawn, which covers all of them at once with probability `level` (Montiel Olea
#' and Plagborg-Moller 2019 \doi{10.1002/jae.2656}).
#'
#' For a single model, with \eqn{e} the residuals (times the root of the weights, if there are
#' any): `"residuals"` draws \eqn{e} against the fitted values with a lowess line; `"leverage"` the
#' leverage \eqn{h_i} of the slopes and effects against \eqn{e_i^2 / \sum e^2}{e_i^2 / sum e^2},
#' the means of both dashed (rows in the upper right pull the estimates), with the numbers of the
#' five rows of largest \eqn{e_i^2 h_i / (1 - h_i)^2}{e_i^2 h_i / (1 - h_i)^2} (Cook 1977
#' \doi{10.2307/1268249}); `"qq"` the order statistics of \eqn{e / \sigma}{e / sigma} against
#' normal quantiles at the points of [stats::ppoints()]. Beyond 10,000 rows the points are
#' counted in cells, and "qq" takes 10,000 of the quantiles.
#'
#' @param x a model of class `fe_lm`, or a list of models.
#' @param type `"coefficients"` (default), `"residuals"`, `"leverage"` or `"qq"`.
#' @param ... further models.
#' @param names `NULL`, or a label of each model for the legend.
#' @param keep,drop,order,coef_map,labels which coefficients, as in [fe_table()].
#' @param intercept show constants?
#' @param level confidence level.
#' @param simultaneous add the simultaneous band of each model's coefficients?
#' @param vcov,cluster,ssc restate all models, as in [vcov.fe_lm()].
#' @return a ggplot. Intervals are \eqn{b \pm t_{df} \cdot se}{b -/+ t(df) se} with the degrees of
#'   freedom of the model's variance; the caption says which variance that is.
#' @examplesIf requireNamespace("ggplot2", quietly = TRUE)
#' m <- fe_lm(ln_upmf ~ ln_imdig + csw0(pgdp, rd) | country + year, digitrade)
#' plot(m[[3]])
#' plot(m)
#' plot(m[[3]], summary(m[[3]], vcov = ~country), names = c("HC1", "Clustered"))
#' plot(m[[3]], type = "leverage")
#' @export
plot.fe_lm <- function(x, ..., names = NULL, keep = NULL, drop = NULL, order = NULL,
                       coef_map = NULL, labels = NULL, intercept = FALSE, level = 0.95, vcov = NULL,
                       cluster = NULL, ssc = NULL, simultaneous = FALSE, type = "coefficients") {
  need_ggplot()
  type <- check_choice(type, c("coefficients", "residuals", "leverage", "qq"), "type")
  if (type != "coefficients") return(rest_figure(x, type, ...))
  models <- collect_models(c(list(x), list(...)))
  options <- list(keep = keep, drop = drop, order = order, look = table_look("default", "en"),
                  coef_map = check_dictionary(coef_map, "coef_map"), statistic = "ci",
                  labels = check_dictionary(labels, "labels"), level = check_level(level),
                  simultaneous = check_flag(simultaneous, "simultaneous"))
  columns <- lapply(seq_along(models$models), function(j) {
    table_column(models$models[[j]], j, vcov, cluster, ssc, level)
  })
  if (!check_flag(intercept, "intercept")) columns <- lapply(columns, without_constant)
  chosen <- choose_rows(columns, options)
  headings <- if (is.null(names)) models$headings else {
    check_headings(names, length(columns), "names")
  }
  points <- plotted_points(columns, chosen, headings)
  if (!nrow(points)) {
    stop_arg("x", "has no coefficient to plot", "Set intercept = TRUE for constants")
  }
  if (simultaneous) points <- with_bands(points, columns, vcov, cluster, ssc, level)
  event <- event_values(chosen$show)
  p <- if (is.null(event)) coef_figure(points) else event_figure(points, event, columns)
  outcomes <- unique(vapply(columns, function(column) {
    label_name(column$outcome, options$labels, column$labels)
  }, ""))
  p + ggplot2::labs(title = paste(outcomes, collapse = ", "),
                    caption = wrap_caption(variance_caption(columns, options))) +
    group_scales(nlevels(points$model)) + theme_fepanel() +
    if (nlevels(points$model) == 1L) ggplot2::theme(legend.position = "none")
}

#' @rdname plot.fe_lm
#' @export
plot.fe_lm_list <- plot.fe_lm

without_constant <- function(column) {
  column$coefs <- column$coefs[column$coefs$term != "(Intercept)", ]
  column
}

variance_caption <- function(columns, options) {
  keys <- vapply(columns, function(column) column$variance$key, "")
  how <- by_columns(keys, function(at) keys[at[1L]])
  both <- if (isTRUE(options$simultaneous)) " (thick: pointwise, thin: simultaneous)" else ""
  sprintf("%s%% confidence intervals%s; standard errors: %s.", format(100 * options$level), both,
          how)
}

# One row a point: term, label (factor, first one on top), model (factor), estimate, conf.low,
# conf.high
plotted_points <- function(columns, chosen, headings) {
  blank <- headings == ""
  headings[blank] <- sprintf("(%d)", seq_along(headings))[blank]
  names <- make.unique(headings)
  parts <- lapply(seq_along(columns), function(j) {
    coefs <- columns[[j]]$coefs
    coefs <- coefs[coefs$term %in% chosen$show, c("term", "estimate", "conf.low", "conf.high")]
    data.frame(coefs, model = rep(names[j], nrow(coefs)), stringsAsFactors = FALSE)
  })
  points <- do.call(rbind, parts)
  labels <- make.unique(chosen$labels[chosen$show])
  points$label <- factor(labels[match(points$term, chosen$show)], levels = rev(labels))
  points$model <- factor(points$model, levels = names)
  points
}

# Adds band.low and band.high, those of the coefficients of a model that are drawn.
with_bands <- function(points, columns, vcov, cluster, ssc, level) {
  points$band.low <- points$band.high <- NA_real_
  for (j in seq_along(columns)) {
    m <- columns[[j]]$model
    at <- which(as.integer(points$model) == j)
    if (!length(at)) next
    if (!inherits(m, "fe_lm")) {
      stop_arg("simultaneous", sprintf("needs models of class fe_lm; model %d is %s", j,
                                       describe_value(m)), "Leave it out")
    }
    band <- fe_bands(restated(m, vcov, cluster, ssc), terms = points$term[at], level = level)
    points[at, c("band.low", "band.high")] <- band[match(points$term[at], band$term),
                                                   c("band.low", "band.high")]
  }
  points
}

# Whiskers along "x" or "y" at `place`: pointwise, and thin ones of a band where there is one.
whiskers <- function(points, along) {
  across <- setdiff(c("x", "y"), along)
  line <- function(low, high, width) {
    ends <- stats::setNames(list(low, high, "place"), c(along, paste0(c(along, across), "end")))
    ggplot2::geom_segment(do.call(name_aes, ends), linewidth = width)
  }
  list(if (!is.null(points$band.low)) line("band.low", "band.high", 0.3),
       line("conf.low", "conf.high", if (is.null(points$band.low)) 0.6 else 1.1))
}

coef_figure <- function(points) {
  n <- nlevels(points$model)
  points$place <- as.integer(points$label)
  offset <- if (n == 1L) 0 else seq(0.5, -0.5, length.out = n) * min(0.18 * (n - 1L), 0.7)
  points$place <- points$place + rep_len(offset, n)[as.integer(points$model)]
  ggplot2::ggplot(points, name_aes(x = "estimate", y = "place", colour = "model",
                                   shape = "model")) +
    ggplot2::geom_vline(xintercept = 0, linetype = "dashed", colour = "grey40", linewidth = 0.4) +
    whiskers(points, "x") +
    ggplot2::geom_point(size = 2.6) +
    ggplot2::scale_y_continuous(breaks = seq_along(levels(points$label)),
                                labels = levels(points$label),
                                expand = ggplot2::expansion(add = 0.6)) +
    ggplot2::labs(x = "Estimate", y = NULL)
}

# ---- event studies -------------------------------------------------------------------------------

# Numbers behind "f::level" terms of a single f (and a single interacted x), named by term; else
# NULL.
event_values <- function(terms) {
  pattern <- "^(.*[^:])::([^:]+)(:[^:].*)?$"
  if (length(terms) < 2L || !all(grepl(pattern, terms))) return(NULL)
  stem <- paste(sub(pattern, "\\1", terms), sub(pattern, "\\3", terms))
  value <- suppressWarnings(as.numeric(sub(pattern, "\\2", terms)))
  if (length(unique(stem)) > 1L || anyNA(value)) return(NULL)
  stats::setNames(value, terms)
}

# The levels left out of i(): those of its variable in the sample that have no coefficient.
event_references <- function(columns, terms, values) {
  name <- sub("::.*$", "", terms[1L])
  known <- unlist(lapply(columns, function(column) {
    m <- column$model
    if (!inherits(m, "fe_lm") || isTRUE(m$lean)) return(NULL)
    expr <- read_written(name, names(m$data))
    v <- tryCatch(eval(expr, model.frame(m), m$env), error = function(e) NULL)
    suppressWarnings(as.numeric(as.character(unique(v))))
  }))
  sort(setdiff(known[!is.na(known)], values))
}

event_figure <- function(points, event, columns) {
  points$value <- event[points$term]
  n <- nlevels(points$model)
  step <- min(diff(sort(unique(event))))
  offset <- if (n == 1L) 0 else seq(-0.5, 0.5, length.out = n) * min(0.12 * (n - 1L), 0.6) * step
  points$place <- points$value + rep_len(offset, n)[as.integer(points$model)]
  references <- event_references(columns, names(event), event)
  zero <- data.frame(value = references, estimate = rep(0, length(references)))
  p <- ggplot2::ggplot(points, name_aes(x = "place", y = "estimate", colour = "model",
                                        shape = "model")) +
    ggplot2::geom_hline(yintercept = 0, colour = "grey40", linewidth = 0.4)
  if (length(references) == 1L) {
    p <- p + ggplot2::geom_vline(xintercept = references, linetype = "dashed", colour = "grey40",
                                 linewidth = 0.4)
  }
  at <- pretty(c(event, references), n = min(length(event) + length(references), 12L))
  p + whiskers(points, "y") +
    ggplot2::geom_point(size = 2.6) +
    ggplot2::geom_point(name_aes(x = "value", y = "estimate"), zero, shape = 1, size = 2.6,
                        inherit.aes = FALSE) +
    ggplot2::scale_x_continuous(breaks = at[at == round(at) | step < 1]) +
    ggplot2::labs(x = sub("::.*$", "", names(event)[1L]), y = "Estimate (reference: 0)")
}
