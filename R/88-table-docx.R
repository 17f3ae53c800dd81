# Word files: a table in WordprocessingML (ECMA-376) inside a ZIP archive without compression
# (PKWARE's APPNOTE), both written here, so that no other program is needed.

write_docx <- function(layout) {
  document <- paste0(
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>",
    "<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>",
    if (!is.null(layout$title)) docx_paragraph(layout$title, "left", before = 120L),
    docx_table(layout),
    if (length(layout$notes)) {
      docx_paragraph(paste("Note:", paste(layout$notes, collapse = " ")), "left", size = 18L, before = 60L)
    },
    "<w:sectPr><w:pgSz w:w=\"", if (ncol(layout$body) > 5L) "16838\" w:h=\"11906\" w:orient=\"landscape\"/>"
    else "11906\" w:h=\"16838\"/>",
    "<w:pgMar w:top=\"1134\" w:right=\"1134\" w:bottom=\"1134\" w:left=\"1134\" w:header=\"708\"",
    " w:footer=\"708\" w:gutter=\"0\"/></w:sectPr></w:body></w:document>")
  types <- paste0(
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>",
    "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">",
    "<Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>",
    "<Override PartName=\"/word/document.xml\" ContentType=\"application/vnd.openxmlformats-",
    "officedocument.wordprocessingml.document.main+xml\"/></Types>")
  relations <- paste0(
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>",
    "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">",
    "<Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/",
    "relationships/officeDocument\" Target=\"word/document.xml\"/></Relationships>")
  zip_store(list("[Content_Types].xml" = types, "_rels/.rels" = relations, "word/document.xml" = document))
}

docx_table <- function(layout) {
  n <- ncol(layout$body)
  heads <- vapply(seq_along(layout$heads), function(h) {
    docx_head(layout$heads[[h]], if (h == length(layout$heads)) layout$stub else "",
              h == 1L, h == length(layout$heads))
  }, "")
  last <- nrow(layout$body)
  pieces <- lapply(seq_len(n), function(j) docx_texts(split_column(layout$body[, j], layout$part)))
  body <- vapply(seq_len(last), function(r) {
    edges <- c(if (layout$rule[r]) "top", if (r == last) "bottom")
    docx_row(c(layout$labels[r], vapply(pieces, `[`, "", r)), c("left", rep("center", n)), edges,
             thick = "bottom")
  }, "")
  paste0("<w:tbl><w:tblPr><w:tblW w:w=\"0\" w:type=\"auto\"/><w:jc w:val=\"center\"/></w:tblPr><w:tblGrid>",
         strrep("<w:gridCol/>", n + 1L), "</w:tblGrid>", paste(c(heads, body), collapse = ""), "</w:tbl>")
}

# Numbers with figure spaces in place of missing digits, so that decimals stand below each other.
docx_texts <- function(p) {
  spaces <- function(x) gsub(".", "\u2007", x)
  number <- paste0(p$open, spaces(p$left), gsub("-", "\u2212", p$number, fixed = TRUE), spaces(p$right),
                   p$close, p$tail)
  ifelse(p$free, p$text, number)
}

docx_head <- function(head, stub, first, last) {
  spans <- head_spans(head)
  ruled <- spans$from %in% ruled_spans(head)$from
  edges <- c(if (first) "top", if (last) "bottom")
  docx_row(c(stub, spans$text), c("left", rep("center", nrow(spans))), edges, thick = "top",
           span = c(1L, spans$to - spans$from + 1L), under = c(FALSE, ruled))
}

docx_row <- function(text, align, edges, thick, span = rep(1L, length(text)),
                     under = rep(FALSE, length(text))) {
  cells <- vapply(seq_along(text), function(j) {
    sides <- intersect(c("top", "bottom"), c(edges, if (under[j]) "bottom"))
    border <- sprintf("<w:%s w:val=\"single\" w:sz=\"%d\" w:space=\"0\" w:color=\"auto\"/>", sides,
                      ifelse(sides %in% intersect(edges, thick), 12L, 4L))
    paste0("<w:tc><w:tcPr><w:tcW w:w=\"0\" w:type=\"auto\"/>",
           if (span[j] > 1L) sprintf("<w:gridSpan w:val=\"%d\"/>", span[j]),
           if (length(sides)) paste0("<w:tcBorders>", paste(border, collapse = ""), "</w:tcBorders>"),
           "<w:noWrap/></w:tcPr>", docx_paragraph(text[j], align[j]), "</w:tc>")
  }, "")
  paste0("<w:tr>", paste(cells, collapse = ""), "</w:tr>")
}

# size in half points, before in twentieths of a point.
docx_paragraph <- function(text, align, size = 20L, before = 0L) {
  font <- "<w:rFonts w:ascii=\"Times New Roman\" w:hAnsi=\"Times New Roman\" w:cs=\"Times New Roman\"/>"
  run <- function(text, extra = "") {
    sprintf("<w:r><w:rPr>%s<w:sz w:val=\"%d\"/>%s</w:rPr><w:t xml:space=\"preserve\">%s</w:t></w:r>", font,
            size, extra, escape_xml(text))
  }
  raised <- "<w:vertAlign w:val=\"superscript\"/>"
  runs <- if (grepl("\\bR2\\b", text, perl = TRUE)) {
    bits <- regmatches(text, regexpr("\\bR2\\b", text, perl = TRUE), invert = TRUE)[[1L]]
    paste0(run(paste0(bits[1L], "R")), run("2", raised), if (nzchar(bits[2L])) run(bits[2L]))
  } else run(text)
  paste0("<w:p><w:pPr><w:spacing w:before=\"", before, "\" w:after=\"0\"/><w:jc w:val=\"", align, "\"/></w:pPr>",
         runs, "</w:p>")
}

escape_xml <- function(x) {
  x <- gsub("&", "&amp;", x, fixed = TRUE)
  x <- gsub("<", "&lt;", x, fixed = TRUE)
  gsub(">", "&gt;", x, fixed = TRUE)
}

# ---- ZIP -------------------------------------------------------------------------------------------------

# files: named list of strings -> raw vector. Method 0 (stored), time stamp 1980-01-01: same in, same out.
zip_store <- function(files) {
  local <- central <- raw()
  for (name in names(files)) {
    data <- charToRaw(enc2utf8(files[[name]]))
    fields <- c(little(c(20, 2048, 0, 0, 33), 2L), crc32(data), little(c(length(data), length(data)), 4L),
                little(nchar(name, "bytes"), 2L), little(0, 2L))
    central <- c(central, little(0x02014b50, 4L), little(20, 2L), fields, little(c(0, 0, 0), 2L),
                 little(c(0, length(local)), 4L), charToRaw(name))
    local <- c(local, little(0x04034b50, 4L), fields, charToRaw(name), data)
  }
  n <- length(files)
  c(local, central, little(0x06054b50, 4L), little(c(0, 0, n, n), 2L),
    little(c(length(central), length(local)), 4L), little(0, 2L))
}

# Whole numbers as `bytes` bytes each, lowest first.
little <- function(x, bytes) {
  unlist(lapply(x, function(v) as.raw((v %/% 256^(seq_len(bytes) - 1L)) %% 256)))
}

# CRC-32 (ISO 3309), as four bytes, lowest first: bitwXor works on 32-bit integers, of which the
# high and the low halves are kept apart.
crc32 <- function(data) {
  table <- crc32_table()
  high <- low <- 65535L
  for (byte in as.integer(data)) {
    at <- bitwXor(bitwAnd(low, 255L), byte) + 1L
    low <- bitwXor(bitwOr(bitwShiftR(low, 8L), bitwShiftL(bitwAnd(high, 255L), 8L)), table$low[at])
    high <- bitwXor(bitwShiftR(high, 8L), table$high[at])
  }
  little(c(bitwXor(low, 65535L), bitwXor(high, 65535L)), 2L)
}

crc32_table <- function() {
  high <- integer(256L)
  low <- 0:255
  for (step in 1:8) {
    odd <- bitwAnd(low, 1L) == 1L
    low <- bitwOr(bitwShiftR(low, 1L), bitwShiftL(bitwAnd(high, 1L), 15L))
    high <- bitwShiftR(high, 1L)
    low[odd] <- bitwXor(low[odd], 0x8320L)
    high[odd] <- bitwXor(high[odd], 0xEDB8L)
  }
  list(high = high, low = low)
}
