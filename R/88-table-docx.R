# Word: the table in the markup of Word (ECMA-376, part 1, section 17.4) inside of a document that
# pandoc packs; letters and pages are those of a reference document.

export_docx <- function(x, file) {
  if (!requireNamespace("rmarkdown", quietly = TRUE) || !rmarkdown::pandoc_available()) {
    stop_arg("file", "is a Word file, which needs the package rmarkdown and the program pandoc",
             "Install them, or write \"html\", which Word opens too")
  }
  text <- tempfile(fileext = ".md")
  on.exit(unlink(text))
  layout <- table_layout(x)
  writeLines(enc2utf8(docx_page(layout)), text, useBytes = TRUE)
  page <- if (ncol(layout$body) > 6L) "landscape.docx" else "portrait.docx"
  reference <- system.file("word", page, package = "fepanel")
  target <- file.path(normalizePath(dirname(file)), basename(file))
  rmarkdown::pandoc_convert(text, from = "markdown", to = "docx", output = target,
                            options = paste0("--reference-doc=", reference))
}

docx_page <- function(layout) {
  raw <- function(lines) c("```{=openxml}", lines, "```", "")
  c(if (!is.null(layout$title)) {
      raw(docx_paragraph(layout$title, "left", "<w:b/>"))
    }, raw(docx_table(layout)),
    if (length(layout$notes)) {
      c(raw(docx_paragraph(paste(layout$mark, paste(layout$notes, collapse = " ")), "left")))
    })
}

docx_table <- function(layout) {
  n <- ncol(layout$body)
  widths <- docx_widths(layout)
  c("<w:tbl><w:tblPr><w:tblW w:w=\"5000\" w:type=\"pct\"/><w:jc w:val=\"center\"/>",
    "<w:tblLayout w:type=\"fixed\"/></w:tblPr>",
    sprintf("<w:tblGrid>%s</w:tblGrid>", paste0("<w:gridCol w:w=\"", widths, "\"/>",
                                                collapse = "")),
    docx_heads(layout, widths), docx_rows(layout, widths), "</w:tbl>")
}

docx_heads <- function(layout, widths) {
  last <- length(layout$heads)
  vapply(seq_len(last), function(h) {
    head <- layout$heads[[h]]
    spans <- head_spans(head)
    ruled <- spans$from %in% ruled_spans(head)$from
    border <- function(below) docx_borders(h == 1L, below, 12L, 4L)
    cells <- vapply(seq_len(nrow(spans)), function(s) {
      at <- seq(spans$from[s], spans$to[s]) + 1L
      docx_cell(spans$text[s], sum(widths[at]), length(at), border(h == last || ruled[s]))
    }, "")
    stub <- docx_cell(if (h == last) layout$stub else "", widths[1L], 1L, border(h == last), "left")
    docx_row(c(stub, cells), "<w:trPr><w:tblHeader/></w:trPr>")
  }, "")
}

docx_rows <- function(layout, widths) {
  last <- length(layout$labels)
  vapply(seq_len(last), function(r) {
    border <- docx_borders(layout$rule[r], r == last, 4L, 12L)
    if (layout$part[r] == "panel") {
      return(docx_row(docx_cell(layout$labels[r], sum(widths), length(widths), border, "left",
                                "<w:i/>")))
    }
    docx_row(c(docx_cell(layout$labels[r], widths[1L], 1L, border, "left"),
               vapply(seq_along(layout$body[r, ]), function(j) {
                 docx_cell(layout$body[r, j], widths[j + 1L], 1L, border)
               }, "")))
  }, "")
}

docx_row <- function(cells, about = "") {
  paste0("<w:tr>", about, paste(cells, collapse = ""), "</w:tr>")
}

# above, below: are there any; their sizes in eighths of a point
docx_borders <- function(above, below, size_above, size_below) {
  paste(sprintf("<w:%s w:val=\"single\" w:sz=\"%d\" w:space=\"0\" w:color=\"000000\"/>",
                c("top", "bottom"), c(size_above, size_below))[c(above, below)], collapse = "")
}

docx_cell <- function(text, width, span, border, align = "center", font = "") {
  paste0(sprintf("<w:tc><w:tcPr><w:tcW w:w=\"%d\" w:type=\"dxa\"/>", as.integer(width)),
         if (span > 1L) sprintf("<w:gridSpan w:val=\"%d\"/>", span),
         if (nzchar(border)) sprintf("<w:tcBorders>%s</w:tcBorders>", border),
         "</w:tcPr>", docx_paragraph(text, align, font), "</w:tc>")
}

docx_paragraph <- function(text, align, font = "") {
  sprintf(paste0("<w:p><w:pPr><w:pStyle w:val=\"Compact\"/><w:jc w:val=\"%s\"/></w:pPr><w:r>",
                 "<w:rPr>%s</w:rPr><w:t xml:space=\"preserve\">%s</w:t></w:r></w:p>"),
          align, font, escape_xml(text))
}

# Twentieths of a point, of the text widths of the two reference documents.
docx_widths <- function(layout) {
  characters <- column_characters(layout)
  page <- if (ncol(layout$body) > 6L) 13600 else 9300
  as.integer(round(page * characters / sum(characters)))
}

escape_xml <- function(x) {
  x <- gsub("&", "&amp;", enc2utf8(x), fixed = TRUE)
  x <- gsub("<", "&lt;", x, fixed = TRUE)
  gsub("\"", "&quot;", gsub(">", "&gt;", x, fixed = TRUE), fixed = TRUE)
}
