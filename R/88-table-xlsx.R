# Excel through openxlsx, which joins cells: cells as text, as they are printed.

export_xlsx <- function(x, file) {
  need_writer("openxlsx", "xlsx")
  layout <- table_layout(x)
  book <- openxlsx::createWorkbook()
  openxlsx::addWorksheet(book, "Table", gridLines = FALSE)
  openxlsx::pageSetup(book, 1L, fitToWidth = TRUE, fitToHeight = FALSE,
                      orientation = if (ncol(layout$body) > 6L) "landscape" else "portrait")
  openxlsx::modifyBaseFont(book, fontSize = 11, fontName = "Times New Roman")
  first <- xlsx_title(book, layout)
  body <- xlsx_heads(book, layout, first)
  xlsx_body(book, layout, body)
  xlsx_rules(book, layout, first, body)
  widths <- column_characters(layout)
  openxlsx::setColWidths(book, 1L, seq_along(widths), widths)
  xlsx_notes(book, layout, body + nrow(layout$body), widths)
  openxlsx::saveWorkbook(book, file, overwrite = TRUE)
}

# -> the next free row
xlsx_title <- function(book, layout) {
  if (is.null(layout$title)) return(1L)
  openxlsx::writeData(book, 1L, layout$title)
  xlsx_style(book, 1L, 1L, textDecoration = "bold")
  2L
}

xlsx_heads <- function(book, layout, row) {
  for (head in layout$heads) {
    openxlsx::writeData(book, 1L, t(head$text), 2L, row, colNames = FALSE)
    spans <- head_spans(head)
    for (s in which(spans$to > spans$from & spans$text != "")) {
      openxlsx::mergeCells(book, 1L, seq(spans$from[s], spans$to[s]) + 1L, row)
    }
    ruled <- ruled_spans(head)
    for (s in seq_len(nrow(ruled))) {
      xlsx_style(book, row, seq(ruled$from[s], ruled$to[s]) + 1L, border = "bottom")
    }
    xlsx_style(book, row, seq_along(head$text) + 1L, halign = "center")
    row <- row + 1L
  }
  openxlsx::writeData(book, 1L, layout$stub, 1L, row - 1L)
  row
}

xlsx_body <- function(book, layout, row) {
  text <- cbind(layout$labels, layout$body)
  text[text == ""] <- NA
  openxlsx::writeData(book, 1L, text, 1L, row, colNames = FALSE)
  rows <- seq(row, length.out = nrow(text))
  xlsx_style(book, rows, seq_len(ncol(layout$body)) + 1L, halign = "center")
  for (r in rows[layout$part == "panel"]) {
    openxlsx::mergeCells(book, 1L, seq_len(ncol(text)), r)
    xlsx_style(book, r, 1L, textDecoration = "italic")
  }
}

xlsx_rules <- function(book, layout, first, body) {
  columns <- seq_len(ncol(layout$body) + 1L)
  last <- body + nrow(layout$body) - 1L
  xlsx_style(book, first, columns, border = "top", borderStyle = "medium")
  xlsx_style(book, c(body, body + which(layout$rule) - 1L), columns, border = "top")
  xlsx_style(book, last, columns, border = "bottom", borderStyle = "medium")
}

xlsx_notes <- function(book, layout, row, widths) {
  if (!length(layout$notes)) return(invisible())
  text <- paste(layout$mark, paste(layout$notes, collapse = " "))
  openxlsx::writeData(book, 1L, text, 1L, row)
  openxlsx::mergeCells(book, 1L, seq_along(widths), row)
  xlsx_style(book, row, 1L, wrapText = TRUE, valign = "top", fontSize = 9)
  lines <- ceiling(1.1 * nchar(text, "width") / (1.25 * sum(widths)))
  openxlsx::setRowHeights(book, 1L, row, 13 * lines)
}

xlsx_style <- function(book, rows, columns, ...) {
  openxlsx::addStyle(book, 1L, openxlsx::createStyle(...), rows, columns, gridExpand = TRUE,
                     stack = TRUE)
}
