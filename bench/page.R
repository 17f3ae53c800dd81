# The page of a result: the machine, the verdict, the plots, and every figure. One HTML file.

escape <- function(x) {
  x <- gsub("&", "&amp;", as.character(x), fixed = TRUE)
  gsub("<", "&lt;", gsub(">", "&gt;", x, fixed = TRUE), fixed = TRUE)
}

html_table <- function(d) {
  row <- function(cells, tag) {
    paste0("<tr>", paste0("<", tag, ">", escape(cells), "</", tag, ">", collapse = ""), "</tr>")
  }
  body <- vapply(seq_len(nrow(d)), function(i) row(unlist(d[i, ]), "td"), "")
  c("<table>", row(names(d), "th"), body, "</table>")
}

# A plot as an image within the page.
html_plot <- function(plot, height) {
  if (is.null(plot)) return("<p>No plot: no ggplot2, or nothing to show.</p>")
  file <- tempfile(fileext = ".svg")
  on.exit(unlink(file))
  grDevices::svg(file, width = 9, height = height)
  print(plot)
  grDevices::dev.off()
  svg <- utils::URLencode(paste(readLines(file), collapse = ""), reserved = TRUE)
  sprintf("<img alt=\"plot\" src=\"data:image/svg+xml,%s\">", svg)
}

all_figures <- function(results) {
  r <- results[c("case", "rival", "status", "runs", "median", "min", "max", "peak_mb",
                 "increment_mb", "error", "se_gap", "busy")]
  shown <- function(x, format, digits) {
    ifelse(is.na(x), "", formatC(as.numeric(x), digits = digits, format = format))
  }
  r[5:7] <- lapply(r[5:7], shown, "fg", 3)
  r[8:9] <- lapply(r[8:9], shown, "f", 0)
  r[10:11] <- lapply(r[10:11], shown, "e", 1)
  r$busy <- shown(r$busy, "f", 2)
  names(r) <- c("Case", "Package", "Status", "Calls", "Median, s", "Least", "Most", "Peak, MB",
                "of that the call", "Error of b", "Standard errors against fixest's",
                "Used by other programs")
  r
}

page_style <- paste(
  "body { font-family: sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em }",
  "table { border-collapse: collapse; font-size: 85% }",
  "th, td { padding: .2em .6em; border-bottom: 1px solid #ddd; text-align: left }",
  "img { max-width: 100% }")

write_page <- function(results, path) {
  verdict <- bench_verdict(results)
  growth <- growth_rows(results)
  growth$growth <- round(growth$growth, 2)
  lines <- c(
    "<!DOCTYPE html>", "<html lang=\"en\"><head><meta charset=\"utf-8\">",
    "<title>fepanel: benchmarks</title>", sprintf("<style>%s</style></head><body>", page_style),
    "<h1>fepanel: benchmarks</h1>", sprintf("<p>%s.</p>", escape(machine_text(results))),
    sprintf("<p>%s.</p>", escape(version_text(results))),
    "<p>Medians of the whole call, from data frame to standard errors, the packages in turn.</p>",
    "<h2>Against the targets</h2>", html_plot(plot_ratios(verdict), 2 + 0.28 * nrow(verdict)),
    html_table(verdict_text(verdict)),
    "<h2>Growth</h2>", "<p>Dashed: n log n from the smallest size.</p>",
    html_plot(plot_growth(results), 6), html_table(growth[c("family", "rival", "n", "growth")]),
    "<h2>Every figure</h2>", html_table(all_figures(results)), "</body></html>")
  writeLines(lines, path, useBytes = TRUE)
  path
}
