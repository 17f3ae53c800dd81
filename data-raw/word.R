# The reference documents of Word tables, inst/word/portrait.docx and landscape.docx: pandoc's own
# default with small letters, tight lines, rules above and below tables, and a page size. Needs
# pandoc and zip.
#
#   Rscript data-raw/word.R

edit <- function(file, pairs) {
  text <- paste(readLines(file, warn = FALSE), collapse = "\n")
  for (pair in pairs) {
    if (!grepl(pair[1], text, fixed = TRUE)) stop("not found in ", basename(file), ": ", pair[1])
    text <- sub(pair[1], pair[2], text, fixed = TRUE)
  }
  writeLines(text, file)
}

make <- function(name, half_points, page) {
  work <- tempfile()
  dir.create(work)
  source <- file.path(work, "default.docx")
  system2("pandoc", c("-o", source, "--print-default-data-file", "reference.docx"))
  parts <- file.path(work, "parts")
  utils::unzip(source, exdir = parts)
  size <- sprintf(c("<w:sz w:val=\"%d\" />", "<w:szCs w:val=\"%d\" />"), half_points)
  edit(file.path(parts, "word", "styles.xml"), list(
    c("<w:sz w:val=\"24\" />", size[1]), c("<w:szCs w:val=\"24\" />", size[2]),
    c("<w:spacing w:before=\"36\" w:after=\"36\" />", "<w:spacing w:before=\"0\" w:after=\"0\" />"),
    c("<w:spacing w:before=\"180\" w:after=\"180\" />",
      "<w:spacing w:before=\"60\" w:after=\"60\" />"),
    c("<w:tblInd w:w=\"0\" w:type=\"dxa\" />\n      <w:tblCellMar>",
      paste0("<w:tblInd w:w=\"0\" w:type=\"dxa\" /><w:tblBorders>",
             "<w:top w:val=\"single\" w:sz=\"8\"/>",
             "<w:bottom w:val=\"single\" w:sz=\"8\"/></w:tblBorders>\n      <w:tblCellMar>")),
    c("<w:left w:w=\"108\"", "<w:left w:w=\"70\""),
    c("<w:right w:w=\"108\"", "<w:right w:w=\"70\"")))
  margins <- paste0("<w:pgMar w:top=\"1134\" w:right=\"1134\" w:bottom=\"1134\" w:left=\"1134\"",
                    " w:header=\"708\" w:footer=\"708\" w:gutter=\"0\"/>")
  edit(file.path(parts, "word", "document.xml"),
       list(c("<w:sectPr />", sprintf("<w:sectPr><w:pgSz %s/>%s</w:sectPr>", page, margins))))
  target <- file.path(normalizePath("inst/word"), name)
  unlink(target)
  old <- setwd(parts)
  on.exit(setwd(old))
  utils::zip(target, list.files(".", recursive = TRUE, all.files = TRUE), flags = "-r9Xq")
}

dir.create("inst/word", showWarnings = FALSE)
make("portrait.docx", 18L, "w:w=\"11906\" w:h=\"16838\"")
make("landscape.docx", 16L, "w:w=\"16838\" w:h=\"11906\" w:orient=\"landscape\"")
