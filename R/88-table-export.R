# Export of tables through other packages: tinytable for HTML, knitr, and what modelsummary asks of
# a model.

need_writer <- function(package, kind) {
  if (requireNamespace(package, quietly = TRUE)) return(invisible())
  stop_arg("format", sprintf("is \"%s\", which needs the package %s", kind, package),
           sprintf("Run install.packages(\"%s\"), or use \"txt\", \"md\", \"tex\" or \"csv\"",
                   package))
}

# A tinytable of the same cells: joined headings, rules between the parts, notes below.
#' @exportS3Method tinytable::tt fe_table
tt.fe_table <- function(x, ...) {
  layout <- table_layout(x)
  frame <- data.frame(layout$labels, layout$body)
  names(frame) <- c(x$stub, x$heads[[length(x$heads)]]$text)
  notes <- if (length(x$notes)) paste(layout$mark, paste(x$notes, collapse = " "))
  out <- tinytable::tt(frame, caption = x$title, notes = notes, escape = TRUE, ...)
  for (head in rev(x$heads[-length(x$heads)])) {
    spans <- head_spans(head)
    spans <- spans[spans$text != "", ]
    at <- Map(function(from, to) seq(from, to) + 1L, spans$from, spans$to)
    out <- tinytable::group_tt(out, j = stats::setNames(at, spans$text))
  }
  wide <- which(layout$part == "panel")
  # in HTML the style of a covered cell is that of the cell which covers it
  centred <- setdiff(seq(1L - length(x$heads), nrow(frame)), wide)
  out <- tinytable::style_tt(out, i = centred, j = seq_along(frame)[-1L], align = "c")
  if (length(wide)) {
    out <- tinytable::style_tt(out, i = wide, j = 1L, italic = TRUE, align = "l",
                               colspan = ncol(frame))
  }
  rules <- which(layout$rule)
  if (length(rules)) {
    out <- tinytable::style_tt(out, i = rules, line = "t", line_width = 0.05)
  }
  out
}

# Styles and scripts are put into the file itself, so that it needs nothing from the net.
portable_html <- function(x) tinytable::theme_html(tinytable::tt(x), portable = TRUE)

html_lines <- function(x) {
  need_writer("tinytable", "html")
  text <- tinytable::save_tt(portable_html(x), output = "html")
  strsplit(paste(text, collapse = "\n"), "\n", fixed = TRUE)[[1L]]
}

export_html <- function(x, file) {
  need_writer("tinytable", "html")
  tinytable::save_tt(portable_html(x), file, overwrite = TRUE)
}

#' @rdname fe_table_write
#' @exportS3Method knitr::knit_print fe_table
knit_print.fe_table <- function(x, options = NULL, ...) {
  if (knitr::is_html_output() && requireNamespace("tinytable", quietly = TRUE)) {
    return(knitr::knit_print(portable_html(x), options = options, ...))
  }
  tex <- knitr::is_latex_output()
  meta <- if (tex && requireNamespace("rmarkdown", quietly = TRUE)) {
    list(rmarkdown::latex_dependency("booktabs"))
  }
  lines <- c("", format(x, if (tex) "tex" else "md"), "")
  knitr::asis_output(paste(lines, collapse = "\n"), meta = meta)
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
  if (is_iv(x)) {
    out$first.stage.F <- NA
    out[["First-stage F"]] <- format_fixed(min(first_stage_tests(x)$statistic), 3L)
  }
  for (effect in names(x$fixef_sizes)) out[[paste("FE:", effect)]] <- "X"
  out
}
