# Reads and shows the results of the benchmarks. Sourced by bench/run.R, bench/report.R and the
# vignette "How fast, and why"; base R, and ggplot2 for the plots where it is installed.
#
# A result has one row for each case and rival: `median`, `min`, `max` (seconds), `peak_mb` and
# `increment_mb` (of the call alone), `error` (largest relative error of the coefficients against a
# tight solution), the case's targets, and the machine.

read_bench <- function(path) utils::read.csv(path, na.strings = c("NA", ""))

# The rows of fepanel beside those of the rivals that the targets name, and of fixest where none is.
# `ratio` is the rival's time over fepanel's (at least that if the rival was given up after its
# limit: `bound`), `memory` fepanel's peak over the rival's. `met`: all targets of the row hold.
# `failed`: fepanel has no result, is slower than a rival that a target names, is not as exact as it
# should be, or needs longer than the target in seconds.
bench_verdict <- function(results) {
  own <- results[results$rival == "fepanel", ]
  rows <- lapply(seq_len(nrow(own)), function(i) case_verdict(own[i, ], results))
  do.call(rbind, rows)
}

case_verdict <- function(own, results) {
  named <- setdiff(strsplit(as.character(own$against), " + ", fixed = TRUE)[[1L]], c("", NA))
  others <- results[results$case == own$case & results$rival %in% named, ]
  if (!nrow(others)) others <- data.frame(rival = "", median = NA_real_, peak_mb = NA_real_,
                                          error = NA_real_, limit = NA_real_)
  bound <- is.na(others$median) & !is.na(others$limit)
  seconds <- ifelse(bound, others$limit, others$median)
  v <- data.frame(case = own$case, rival = others$rival, fepanel = own$median, seconds, bound,
                  ratio = seconds / own$median, target = own$target_ratio,
                  memory = own$peak_mb / others$peak_mb, target_memory = own$target_memory,
                  error = own$error, rival_error = others$error, tolerance = own$tolerance,
                  target_seconds = own$target_seconds)
  missed <- function(ok) !is.na(ok) & !ok
  v$targeted <- !is.na(v$target) | !is.na(v$target_memory) | !is.na(v$target_seconds)
  v$inexact <- missed(v$error <= v$tolerance)
  v$failed <- is.na(v$fepanel) | v$inexact | missed(v$fepanel < v$target_seconds) |
    (!is.na(v$target) & missed(v$ratio >= 1))
  v$met <- !v$failed & !missed(v$ratio >= v$target) & !missed(v$memory <= v$target_memory)
  v
}

print_verdict <- function(v) {
  old <- options(width = 200)
  on.exit(options(old))
  print(verdict_text(v), row.names = FALSE, right = FALSE)
}

# The verdict as it is printed.
verdict_text <- function(v) {
  shown <- function(x, digits, format) {
    ifelse(is.na(x), "", formatC(as.numeric(x), digits = digits, format = format))
  }
  short <- function(x) shown(x, 1, "e")
  times <- function(x, bound = FALSE) {
    paste0(ifelse(bound & !is.na(x), "> ", ""), shown(x, 3, "fg"))
  }
  data.frame(
    Case = v$case, Against = v$rival, `fepanel, s` = times(v$fepanel),
    `rival, s` = times(v$seconds, v$bound), Ratio = times(v$ratio, v$bound),
    Target = times(ifelse(is.na(v$target_seconds), v$target, NA)),
    Memory = times(v$memory), Error = short(v$error), `Rival's error` = short(v$rival_error),
    Met = ifelse(v$failed, "FAILED", ifelse(!v$met, "no", ifelse(v$targeted, "yes", ""))),
    check.names = FALSE)
}

# "AMD EPYC, 2 cores, 23.5 GB, Debian ..., R 4.2.2, BLAS ..., 2026-11-25, 2 threads"
machine_text <- function(results) {
  m <- results[1L, ]
  sprintf("%s, %d cores, %s GB of memory, %s, R %s, BLAS %s; %s, %d threads", m$cpu, m$cores,
          format(m$ram_gb), m$os, m$r, m$blas, m$date, m$threads)
}

version_text <- function(results) {
  v <- unique(results[!is.na(results$version) & results$rival != "lm", c("rival", "version")])
  paste(v$rival, v$version, collapse = ", ")
}

have_ggplot <- function() requireNamespace("ggplot2", quietly = TRUE)

# Times faster than the rival, a bar for each case, with the target as a line; NULL without ggplot2.
plot_ratios <- function(v) {
  v <- v[!is.na(v$ratio), ]
  if (!nrow(v) || !have_ggplot()) return(NULL)
  v$label <- paste0(v$case, ifelse(v$rival == "fixest", "", paste(" /", v$rival)))
  v$label <- factor(v$label, rev(unique(v$label)))
  v$state <- factor(ifelse(is.na(v$target), "no target", ifelse(v$met, "met", "missed")),
                    c("met", "missed", "no target"))
  at <- as.numeric(v$label)
  marks <- data.frame(x = at - 0.45, xend = at + 0.45, y = v$target)[!is.na(v$target), ]
  colours <- c(met = "#2b7a78", missed = "#c8553d", "no target" = "#9aa5b1")
  ggplot2::ggplot(v, ggplot2::aes(.data$label, .data$ratio, fill = .data$state)) +
    ggplot2::geom_col(width = 0.7) +
    ggplot2::geom_segment(ggplot2::aes(.data$x, .data$y, xend = .data$xend, yend = .data$y), marks,
                          inherit.aes = FALSE, linewidth = 0.9) +
    ggplot2::geom_hline(yintercept = 1, linetype = 2) +
    ggplot2::coord_flip() +
    ggplot2::scale_y_log10() +
    ggplot2::scale_fill_manual(values = colours, drop = FALSE) +
    ggplot2::labs(x = NULL, y = "times faster (log scale); black line: target", fill = NULL) +
    ggplot2::theme_minimal() +
    ggplot2::theme(legend.position = "top")
}

# Rows of the families that were run at several sizes. `expected`: the time at the smallest size
# times n log n.
growth_rows <- function(results) {
  r <- results[results$rival %in% c("fepanel", "fixest") & results$task == "fit" &
                 results$vcov == "iid" & !is.na(results$median), ]
  r$family <- sub(" 1e[0-9]+", "", r$case)
  sizes <- vapply(r$family, function(f) length(unique(r$n[r$family == f])), 0L)
  r <- r[sizes > 1L, c("family", "rival", "n", "median")]
  r <- r[order(r$family, r$rival, r$n), ]
  per <- r$median / (r$n * log(r$n))
  first <- ave(seq_along(per), r$family, r$rival, FUN = min)
  r$expected <- per[first] * r$n * log(r$n)
  r$growth <- per / per[first]
  rownames(r) <- NULL
  r
}

# Time against rows, dashed: n log n from the smallest size; NULL without ggplot2.
plot_growth <- function(results) {
  g <- growth_rows(results)
  if (!nrow(g) || !have_ggplot()) return(NULL)
  ggplot2::ggplot(g, ggplot2::aes(.data$n, .data$median, colour = .data$rival)) +
    ggplot2::geom_line() +
    ggplot2::geom_point() +
    ggplot2::geom_line(ggplot2::aes(y = .data$expected), linetype = 2) +
    ggplot2::facet_wrap(~family) +
    ggplot2::scale_x_log10() +
    ggplot2::scale_y_log10() +
    ggplot2::scale_colour_manual(values = c(fepanel = "#2b7a78", fixest = "#c8553d")) +
    ggplot2::labs(x = "rows", y = "seconds", colour = NULL) +
    ggplot2::theme_minimal() +
    ggplot2::theme(legend.position = "top")
}
