# Figures of a robustness table: the specification curve, and the estimates without each unit.

#' @rdname fe_robust-methods
#' @param what `"curve"` (default): estimates with their intervals in increasing order over a panel
#'   of dots that tells the choices of each, the baseline marked by a line and a diamond; or
#'   `"leave_out"`: the coefficient without each value beside the baseline and its interval.
#' @param variable which of several variables left out; default the first.
#' @param comparable show only specifications with the outcome of the baseline? Default `TRUE`.
#' @param labels a dictionary `c(name = "label")` for controls and choices.
#' @return `plot`: a ggplot. Where `controls` has more than six choices, its dots are by control
#'   (in or out) in place of by set.
#' @examplesIf requireNamespace("ggplot2", quietly = TRUE)
#' r <- fe_robust(ln_upmf ~ ln_imdig + pgdp + fdi + rd | country + year, digitrade,
#'                controls = "subsets", winsor = 0.01, trim = 0.01, vcov = ~country,
#'                leave_out = ~country, combine = "all")
#' plot(r)
#' plot(r, what = "leave_out")
#' @export
plot.fe_robust <- function(x, what = c("curve", "leave_out"), variable = NULL, comparable = TRUE,
                           alpha = 0.05, labels = NULL, ...) {
  check_dots(...)
  need_ggplot()
  what <- check_first(what, c("curve", "leave_out"), "what")
  check_number(alpha, "alpha", 0, 1, open = TRUE)
  if (what == "leave_out") return(left_out_figure(x, variable))
  t <- x$specs[!is.na(x$specs$estimate), ]
  if (check_flag(comparable, "comparable")) t <- t[t$comparable, ]
  curve_figure(x, t[order(t$estimate, t$id), ], alpha, check_dictionary(labels, "labels"))
}

left_out_figure <- function(x, variable) {
  all <- tidy.fe_robust(x, "leave_out")
  known <- unique(all$variable)
  if (is.null(variable)) variable <- known[1L]
  check_choice(variable, known, "variable")
  part <- all[all$variable == variable, ]
  base <- x$specs[1L, ]
  clusters <- data.frame(cluster = part$value, estimate = part$estimate)
  like <- list(coefficients = stats::setNames(base$estimate, x$focal), conf.low = base$conf.low,
               conf.high = base$conf.high, vcov = describe_vcov(x$baseline), G = nrow(part))
  influence_figure(like, clusters, x$focal) +
    ggplot2::labs(x = sprintf("%s without one value of %s", x$focal, variable))
}

# ---- the curve -----------------------------------------------------------------------------------

# Heights of the dot rows are far above those of estimates, so that one scale serves both panels.
dots_from <- 1e6

# t: estimated specifications in the order of the figure.
curve_figure <- function(x, t, alpha, labels) {
  t$place <- seq_len(nrow(t))
  dots <- dot_rows(x, t, labels)
  t$sign <- curve_sign(t, alpha)
  scale <- estimate_scale(t, max(10, 0.8 * length(unique(dots$row))))
  dots$sign <- t$sign[match(dots$place, t$place)]
  panels <- c("Estimate", unique(dots$panel))
  t$panel <- factor("Estimate", panels)
  dots$panel <- factor(dots$panel, panels)
  t[c("y", "low", "high")] <- lapply(t[c("estimate", "conf.low", "conf.high")], scale$to)
  base <- t[t$group == "baseline", ]
  size <- if (nrow(t) > 150L) 0.7 else if (nrow(t) > 60L) 1.2 else 2
  ggplot2::ggplot(t, name_aes(x = "place", y = "y", colour = "sign")) +
    ggplot2::geom_vline(xintercept = base$place, colour = "grey70", linewidth = 0.5) +
    ggplot2::geom_hline(name_aes(yintercept = "y"), zero_line(scale, panels), linetype = "dashed",
                        colour = "grey40", linewidth = 0.4) +
    ggplot2::geom_segment(name_aes(xend = "place", y = "low", yend = "high"), na.rm = TRUE,
                          linewidth = if (nrow(t) > 150L) 0.2 else 0.5, alpha = 0.6) +
    ggplot2::geom_point(name_aes(shape = "sign"), size = size) +
    ggplot2::geom_point(data = base, shape = 23, size = 3.2, fill = "white", show.legend = FALSE) +
    ggplot2::geom_point(name_aes(y = "row", shape = "sign"), dots, size = size) +
    curve_scales(dots, scale) +
    ggplot2::facet_grid(rows = "panel", scales = "free_y", space = "free_y", switch = "y") +
    ggplot2::labs(x = sprintf("Specification (%d, in increasing order)", nrow(t)), y = NULL,
                  caption = curve_caption(x, t)) +
    theme_fepanel() +
    ggplot2::theme(strip.placement = "outside",
                   strip.text.y.left = ggplot2::element_text(angle = 0, hjust = 0))
}

zero_line <- function(scale, panels) {
  zero <- if (scale$low <= 0 && scale$high >= 0) scale$to(0)
  data.frame(y = as.double(zero), panel = factor(rep("Estimate", length(zero)), panels))
}

curve_sign <- function(t, alpha) {
  words <- c(sprintf("negative, p < %g", alpha), sprintf("p >= %g", alpha),
             sprintf("positive, p < %g", alpha))
  small <- t$p.value < alpha & !is.na(t$p.value)
  factor(words[2L + sign(t$estimate) * small], words)
}

# Estimates stand on 0..height.
estimate_scale <- function(t, height) {
  ends <- range(t[c("estimate", "conf.low", "conf.high")], na.rm = TRUE)
  if (ends[1L] == ends[2L]) ends <- ends + c(-1, 1) * max(abs(ends[1L]), 1) / 2
  if (ends[1L] > 0 && ends[1L] < diff(ends)) ends[1L] <- 0
  if (ends[2L] < 0 && -ends[2L] < diff(ends)) ends[2L] <- 0
  list(low = ends[1L], high = ends[2L], to = function(v) (v - ends[1L]) / diff(ends) * height,
       from = function(y) y / height * diff(ends) + ends[1L])
}

curve_scales <- function(dots, scale) {
  breaks <- function(limits) {
    if (limits[1L] > dots_from / 2) return(sort(unique(dots$row)))
    scale$to(pretty(scale$from(limits), 5L))
  }
  text <- function(y) {
    name <- as.character(dots$label)[match(y, dots$row)]
    ifelse(is.na(y), NA, ifelse(is.na(name), format(round(scale$from(y), 12L), trim = TRUE), name))
  }
  colours <- group_colours[c(2L, 8L, 3L)]
  shapes <- group_shapes[c(2L, 5L, 1L)]
  names <- levels(dots$sign)
  list(ggplot2::scale_y_continuous(breaks = breaks, labels = text, minor_breaks = NULL,
                                   expand = ggplot2::expansion(add = 0.7)),
       ggplot2::scale_x_continuous(breaks = NULL, expand = ggplot2::expansion(add = 1)),
       ggplot2::scale_colour_manual(values = stats::setNames(colours, names)),
       ggplot2::scale_shape_manual(values = stats::setNames(shapes, names)))
}

dimension_titles <- c(outcome = "Outcome", focal = "Regressor", controls = "Controls",
                      outliers = "Outliers", sample = "Sample", effects = "Fixed effects",
                      instruments = "Instruments",
                      vcov = "Std. errors")

# A dot for each specification and choice -> data frame of place, panel, label, row. Only what
# varies among the specifications shown.
dot_rows <- function(x, t, labels) {
  parts <- list()
  row <- dots_from
  for (name in names(x$choices)) {
    if (length(unique(t[[name]])) < 2L) next
    by_term <- name == "controls" && length(x$choices$controls) > 6L
    part <- if (by_term) control_dots(x, t) else choice_dots(x$choices[[name]], t, name)
    part$row <- row + max(part$at) - part$at + 1
    part$label <- vapply(part$label, label_name, "", dictionary = labels)
    row <- max(part$row) + 1
    parts[[name]] <- cbind(part, panel = dimension_titles[[name]])
  }
  if (!length(parts)) {
    stop_arg("x", "has a single comparable specification with an estimate",
             "Set comparable = FALSE, or look at x$specs$problem")
  }
  do.call(rbind, unname(parts))
}

choice_dots <- function(choices, t, name) {
  at <- match(t[[name]], choices[choices %in% t[[name]]])
  data.frame(place = t$place, label = t[[name]], at = at)
}

# By control, in or out.
control_dots <- function(x, t) {
  sets <- x$controls[match(t$controls, x$choices$controls)]
  label <- unlist(sets)
  data.frame(place = rep(t$place, lengths(sets)), label = label,
             at = match(label, unique(unlist(x$controls))))
}

curve_caption <- function(x, t) {
  lost <- sum(is.na(x$specs$estimate))
  other <- sum(!x$specs$comparable & !is.na(x$specs$estimate))
  text <- c(sprintf("%s on %s; %g%% intervals. Diamond: baseline, %s. A description, not a test.",
                    x$focal, x$baseline$outcome, 100 * x$level,
                    format(x$specs$estimate[1L], digits = 3L)),
            if (lost) sprintf("%d specifications could not be estimated.", lost),
            if (other && all(t$comparable)) {
              sprintf("%d with another outcome are not shown.", other)
            })
  wrap_caption(paste(text, collapse = " "))
}
