# Export of tables through other packages: tinytable for HTML, LaTeX and (with pandoc) Word, and
# what modelsummary asks of a model.

need_tinytable <- function(kind) {
  if (requireNamespace("tinytable", quietly = TRUE)) return(invisible())
  stop_arg("format", sprintf("is \"%s\", which needs the package tinytable", kind),
           "Run install.packages(\"tinytable\"), or use \"txt\", \"md\" or \"csv\"")
}

# A tinytable of the same cells: joined headings, rules between the parts, notes below.
#' @exportS3Method tinytable::tt fe_table
tt.fe_table <- function(x, ...) {
  layout <- table_layout(x)
  frame <- data.frame(layout$labels, layout$body)
  names(frame) <- c(x$stub, x$heads[[length(x$heads)]]$text)
  notes <- if (length(x$notes)) paste("Note:", paste(x$notes, collapse = " "))
  out <- tinytable::tt(frame, caption = x$title, notes = notes, escape = TRUE, ...)
  for (head in rev(x$heads[-length(x$heads)])) {
    spans <- head_spans(head)
    spans <- spans[spans$text != "", ]
    at <- Map(function(from, to) seq(from, to) + 1L, spans$from, spans$to)
    out <- tinytable::group_tt(out, j = stats::setNames(at, spans$text))
  }
  out <- tinytable::style_tt(out, j = seq_along(frame)[-1L], align = "c")
  rules <- which(layout$rule)
  if (length(rules)) {
    out <- tinytable::style_tt(out, i = rules, line = "t", line_width = 0.05)
  }
  out
}

# Styles and scripts are put into the file itself, so that it needs nothing from the net.
portable_html <- function(x) tinytable::theme_html(tinytable::tt(x), portable = TRUE)

# LaTeX numbers its tables itself.
unnumbered <- function(x) {
  if (!is.null(x$title)) x$title <- sub("^Table +[0-9]+[.:] +", "", x$title)
  x
}

export_lines <- function(x, kind) {
  need_tinytable(kind)
  if (kind == "html") return(split_lines(tinytable::save_tt(portable_html(x), output = "html")))
  out <- tinytable::tt(unnumbered(x))
  if (max(x$cells$column) > 6L) out <- tinytable::theme_latex(out, inner = "colsep=2pt")
  lines <- split_lines(tinytable::save_tt(out, output = "latex"))
  # in the old font encoding a bare < or > prints as another character
  lines <- gsub(">", "$>$", gsub("<", "$<$", lines, fixed = TRUE), fixed = TRUE)
  c("% needs \\usepackage{xcolor} and \\usepackage{tabularray}", lines)
}

split_lines <- function(text) strsplit(paste(text, collapse = "\n"), "\n", fixed = TRUE)[[1L]]

export_file <- function(x, file, kind) {
  if (kind == "docx") return(export_docx(x, file))
  need_tinytable(kind)
  if (kind == "html") return(tinytable::save_tt(portable_html(x), file, overwrite = TRUE))
  writeLines(enc2utf8(export_lines(x, kind)), file, useBytes = TRUE)
}

# Word: pandoc reads the markdown, on a page whose columns are as wide as they must be; the styles
# (small letters, a page turned for wide tables) are those of a reference document.
export_docx <- function(x, file) {
  if (!requireNamespace("rmarkdown", quietly = TRUE) || !rmarkdown::pandoc_available()) {
    stop_arg("file", "is a Word file, which needs the package rmarkdown and the program pandoc",
             "Install them, or write \"html\", which Word opens too")
  }
  text <- tempfile(fileext = ".md")
  on.exit(unlink(text))
  writeLines(enc2utf8(write_md(table_layout(x))), text, useBytes = TRUE)
  page <- if (max(x$cells$column) > 6L) "landscape.docx" else "portrait.docx"
  reference <- system.file("word", page, package = "fepanel")
  target <- file.path(normalizePath(dirname(file)), basename(file))
  rmarkdown::pandoc_convert(text, from = "markdown", to = "docx", output = target,
                            options = c("--columns=10", paste0("--reference-doc=", reference)))
}

#' @rdname fe_table_write
#' @exportS3Method knitr::knit_print fe_table
knit_print.fe_table <- function(x, options = NULL, ...) {
  pretty <- (knitr::is_html_output() || knitr::is_latex_output()) &&
    requireNamespace("tinytable", quietly = TRUE)
  if (!pretty) return(knitr::asis_output(paste(c("", format(x, "md"), ""), collapse = "\n")))
  table <- if (knitr::is_html_output()) portable_html(x) else tinytable::tt(x)
  knitr::knit_print(table, options = options, ...)
}

# What modelsummary shows beside the columns of glance(), which take the place of those of the same
# name: an NA takes a row away, the names r2.within.adjusted and vcov.type are its own.
#' @exportS3Method modelsummary::glance_custom fe_lm
glance_custom.fe_lm <- function(x, ...) {
  out <- data.frame(
    within.adj.r.squared = NA, r2.within.adjusted = fit_statistics(x)$within.adj.r.squared,
    vcov.type = paste0(x$vcov_info$label, if (length(x$vcov_info$G)) {
      paste(" by", paste(names(x$vcov_info$G), collapse = " and "))
    }))
  for (effect in names(x$fixef_sizes)) out[[paste("FE:", effect)]] <- "X"
  out
}
