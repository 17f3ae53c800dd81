# Figures of a panel: cells of units and periods, counts by period.

#' @rdname fe_panel_view
#' @param type `plot`: `"cells"` (default), units by periods, ordered by entry and exit; or
#'   `"counts"`, rows by period with entries and exits.
#' @param most `plot`: with more units than this (default 300), neighbours in the order share a
#'   line, whose darkness is the share of them that have a row.
#' @param ... Must be empty.
#' @export
plot.fe_panel_view <- function(x, type = "cells", most = 300, ...) {
  check_dots(...)
  need_ggplot()
  check_choice(type, c("cells", "counts"), "type")
  most <- check_count(most, "most", 2)
  p <- if (type == "counts") counts_figure(x) else if (nrow(x$units) <= most) {
    cells_figure(x)
  } else shares_figure(x, most)
  p + theme_fepanel() + ggplot2::theme(strip.placement = "outside")
}

# From dark to light, so that grey tells them apart as well.
view_colours <- c(observed = "#0B4F8A", gap = "#D55E00", incomplete = "#F5C766",
                  absent = "grey96")

# Place of each unit: earliest entry on top, then latest exit, then fewest gaps.
view_order <- function(x) {
  u <- x$units
  place <- integer(nrow(u))
  place[order(match(u$first, x$periods$time), -match(u$last, x$periods$time), u$gaps)] <-
    seq_len(nrow(u))
  place
}

period_scale <- function(x) {
  n <- nrow(x$periods)
  at <- if (n <= 15L) seq_len(n) else unique(round(seq(1, n, length.out = 10)))
  ggplot2::scale_x_continuous(breaks = at, labels = as.character(x$periods$time[at]),
                              expand = ggplot2::expansion(add = 0.1))
}

cells_figure <- function(x) {
  n <- c(nrow(x$units), nrow(x$periods))
  ends <- lapply(x$units[c("first", "last")], match, x$periods$time)
  grid <- data.frame(unit = rep(seq_len(n[1L]), n[2L]), period = rep(seq_len(n[2L]), each = n[1L]))
  inside <- grid$period >= ends$first[grid$unit] & grid$period <= ends$last[grid$unit]
  status <- ifelse(inside, "gap", "absent")
  status[(x$cells$period - 1L) * n[1L] + x$cells$unit] <-
    ifelse(x$cells$incomplete, "incomplete", "observed")
  grid$status <- factor(status, intersect(names(view_colours), status))
  place <- view_order(x)
  grid$place <- -place[grid$unit]
  some <- n[1L] <= 60L
  ggplot2::ggplot(grid, name_aes(x = "period", y = "place", fill = "status")) +
    ggplot2::geom_tile(colour = if (some) "white", linewidth = 0.3) +
    ggplot2::scale_fill_manual(values = view_colours[levels(grid$status)]) +
    ggplot2::scale_y_continuous(breaks = if (some) -place, minor_breaks = NULL,
                                labels = if (some) as.character(x$units$unit),
                                expand = ggplot2::expansion(add = 0.1)) +
    period_scale(x) + ggplot2::labs(x = x$time, y = x$id,
                                    caption = paste0(view_caption(x), "; ordered by entry, exit"))
}

view_caption <- function(x) {
  sprintf("%d units, %d periods, %d rows, %s", nrow(x$units), nrow(x$periods), nrow(x$cells),
          if (x$balanced) "balanced" else "unbalanced")
}

# Lines of about equally many neighbours; the share of them that have a row.
shares_figure <- function(x, most) {
  n <- c(nrow(x$units), nrow(x$periods))
  line <- as.integer(ceiling(view_order(x) * most / n[1L]))
  size <- tabulate(line, most)
  rows <- tabulate((x$cells$period - 1L) * most + line[x$cells$unit], most * n[2L])
  top <- cumsum(size)
  period <- rep(seq_len(n[2L]), each = most)
  grid <- data.frame(left = period - 0.5, right = period + 0.5, share = rows / size, low = -top,
                     high = size - top)
  ggplot2::ggplot(grid, name_aes(xmin = "left", xmax = "right", ymin = "low", ymax = "high",
                                 fill = "share")) +
    ggplot2::geom_rect() +
    ggplot2::scale_fill_gradient(low = "grey96", high = view_colours[["observed"]],
                                 limits = c(0, 1)) +
    ggplot2::scale_y_continuous(labels = function(v) format(-v, big.mark = ",", trim = TRUE),
                                expand = ggplot2::expansion(add = 0)) +
    period_scale(x) +
    ggplot2::labs(x = x$time, y = sprintf("Units (%s)", x$id), fill = "Share with a row",
                  caption = sprintf("%s; ordered by entry, exit; a line is %d to %d units",
                                    view_caption(x), min(size), max(size)))
}

counts_figure <- function(x) {
  p <- x$periods
  place <- seq_len(nrow(p))
  one <- function(value, status, at = place) {
    panel <- if (status %in% c("entry", "exit")) "Entry, exit" else "Units"
    data.frame(period = at, value = value[at], status = rep(status, length(at)),
               panel = factor(rep(panel, length(at)), c("Units", "Entry, exit")))
  }
  bars <- rbind(one(p$n - p$incomplete, "observed"), one(p$incomplete, "incomplete"),
                one(p$gaps, "gap"))
  bars <- bars[bars$value > 0, ]
  bars$status <- factor(bars$status, intersect(c("gap", "incomplete", "observed"), bars$status))
  moves <- rbind(one(p$entry, "entry", place[-1L]), one(p$exit, "exit", place[-nrow(p)]))
  if (!any(moves$value > 0)) moves <- moves[0L, ]
  shown <- c(levels(bars$status), unique(moves$status))
  ggplot2::ggplot(bars, name_aes(x = "period", y = "value", fill = "status")) +
    ggplot2::geom_col(width = 0.7) +
    ggplot2::geom_col(data = moves, width = 0.7, position = "dodge") +
    ggplot2::facet_grid(rows = "panel", scales = "free_y", switch = "y") +
    ggplot2::scale_fill_manual(values = c(view_colours, entry = "grey25", exit = "grey65")[shown],
                               breaks = shown) + period_scale(x) +
    ggplot2::scale_y_continuous(breaks = function(v) unique(floor(pretty(v)))) +
    ggplot2::labs(x = x$time, y = NULL, caption = view_caption(x))
}
