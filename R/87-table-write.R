# Writers of tables. A layout is what the cells look like as lines; a writer turns a layout into
# text. To add a format: a function(layout, width) -> lines, and its entry in table_writers, or a
# function(table, file), and its entry in table_exports (88-table-*.R).

# -> stub, heads, body (lines x columns, as text), labels, part, row and panel (of each line), rule
# (logical: a rule above the line), title, notes, mark (what notes begin with)
table_layout <- function(x) {
  cells <- x$cells
  cells[c("label", "text")] <- lapply(cells[c("label", "text")], one_line)
  heads <- lapply(x$heads, function(head) replace(head, "text", list(one_line(head$text))))
  key <- paste(cells$part, cells$row, cells$panel, sep = "\r")
  line <- match(key, unique(key))
  first <- !duplicated(line)
  body <- matrix("", max(line), max(cells$column))
  body[cbind(line, cells$column)] <- cells$text
  block <- c(coef = 1, se = 1, block = 2, stat = 3, text = 1, panel = 1)[cells$part[first]]
  panel <- cells$panel[first]
  new <- c(FALSE, panel[-1L] != panel[-length(panel)])
  list(stub = one_line(x$stub), heads = heads, body = body, labels = cells$label[first],
       part = cells$part[first], row = cells$row[first], panel = panel,
       rule = (c(FALSE, diff(block) != 0) & table_styles[[x$style]]$rules) | new,
       title = one_line(x$title), notes = one_line(x$notes),
       mark = table_look(x$style, x$language)$note)
}

# A cell is one line: breaks and tabs are blanks; the other control characters, which XML does not
# know and a terminal obeys, are left out; bytes that are no UTF-8 are written as such. NULL stays.
one_line <- function(x) {
  if (is.null(x)) return(NULL)
  x <- iconv(enc2utf8(x), "UTF-8", "UTF-8", sub = "byte")
  x <- gsub("[\t\n\r\f\v\u0085\u2028\u2029]+", " ", x, perl = TRUE)
  gsub("[\u0001-\u001f\u007f-\u009f]", "", x, perl = TRUE)
}

# Runs of joined columns, which end where `within`, the line above, changes: from, to, text.
head_spans <- function(head) {
  n <- length(head$text)
  key <- paste(head$within, head$text, sep = "\r")
  new <- c(TRUE, key[-1L] != key[-n] | !head$joined | head$text[-1L] == "")[seq_len(n)]
  from <- which(new)
  data.frame(from = from, to = c(from[-1L] - 1L, n), text = head$text[from])
}

# Spans that a short rule marks: those of joined lines that are not the whole width.
ruled_spans <- function(head) {
  spans <- head_spans(head)
  if (!head$joined || nrow(spans) == 1L) return(spans[0L, ])
  spans[spans$text != "", ]
}

# Pieces of the cells of one column: open bracket, number, close bracket, tail (stars), and what is
# missing on its left (minus sign, digits) and right (decimals) against the widest number of the
# coefficients, or of the fit statistics. `free` cells are no numbers, or whole ones in a table of
# models, and are centred.
split_column <- function(text, part) {
  pattern <- "^([[(]?)(-?)([0-9]+)(\\.[0-9]+)?([])]?)([^0-9]*)$"
  piece <- function(k) sub(pattern, paste0("\\", k), text)
  free <- !grepl(pattern, text) | (piece(4L) == "" & part != "text")
  take <- function(k) ifelse(free, "", piece(k))
  lack <- function(width) stats::ave(width, part == "stat", FUN = max) - width
  minus <- take(2L)
  digits <- nchar(take(3L))
  data.frame(
    free = free, text = text, open = take(1L), number = paste0(minus, take(3L), take(4L)),
    close = take(5L), tail = take(6L),
    left = paste0(strrep("-", lack(nchar(minus))), strrep("0", lack(digits))),
    right = strrep("0", lack(nchar(take(4L)))))
}

# ---- plain text ----------------------------------------------------------------------------------

write_txt <- function(layout, width = getOption("width")) {
  wide <- layout$part == "panel"
  room <- max(nchar(c(layout$stub, layout$labels[!wide]), "width"))
  stub <- align_text(c(layout$stub, layout$labels), "left", room)
  columns <- lapply(seq_len(ncol(layout$body)), function(j) {
    plain_column(layout$body[, j], layout$part)
  })
  loose <- Filter(function(head) !head$joined, layout$heads)
  widths <- vapply(seq_along(columns), function(j) {
    max(nchar(c(columns[[j]], vapply(loose, function(head) head$text[j], "")), "width"))
  }, 0L)
  panels <- panel_columns(widths + 2L, width - nchar(stub[1L], "width"))
  lines <- lapply(panels, function(at) plain_panel(layout, stub, columns[at], widths[at], at))
  long <- max(nchar(unlist(lines), "width"), min(60L, width))
  notes <- unlist(lapply(layout$notes, strwrap, width = min(long, width) + 1L))
  c(if (!is.null(layout$title)) strwrap(layout$title, width), unlist(join_panels(lines)), notes)
}

join_panels <- function(lines) {
  for (p in seq_along(lines)[-1L]) lines[[p]] <- c("", lines[[p]])
  lines
}

# Consecutive columns that fit a line; at least one a panel.
panel_columns <- function(widths, room) {
  panel <- integer(length(widths))
  used <- 0
  for (j in seq_along(widths)) {
    new <- j == 1L || used + widths[j] > room
    used <- if (new) widths[j] else used + widths[j]
    panel[j] <- if (j == 1L) 1L else panel[j - 1L] + new
  }
  split(seq_along(widths), panel)
}

plain_panel <- function(layout, stub, columns, widths, at) {
  heads <- lapply(layout$heads, function(head) {
    list(text = head$text[at], joined = head$joined, within = head$within[at])
  })
  heads <- Filter(function(head) any(head$text != ""), heads)
  widths <- widen_spans(heads, widths)
  top <- unlist(lapply(seq_along(heads), function(h) {
    blank <- strrep(" ", nchar(stub[1L], "width"))
    plain_head(heads[[h]], widths, if (h == length(heads)) stub[1L] else blank)
  }))
  cells <- Map(align_text, columns, "centre", widths)
  body <- do.call(paste, c(list(stub[-1L]), unname(cells), sep = "  "))
  rule <- strrep("-", sum(widths + 2L) + nchar(stub[1L], "width"))
  lines <- unlist(Map(function(line, above) c(if (above) rule, line), body, layout$rule),
                  use.names = FALSE)
  sub(" +$", "", c(rule, top, rule, lines, rule))
}

# A joined heading that is longer than its columns widens the last of them.
widen_spans <- function(heads, widths) {
  for (head in heads) {
    spans <- head_spans(head)
    for (s in seq_len(nrow(spans))) {
      at <- spans$from[s]:spans$to[s]
      lack <- nchar(spans$text[s], "width") - (sum(widths[at]) + 2L * (length(at) - 1L))
      if (lack > 0L) widths[at] <- widths[at] + ceiling(lack / length(at))
    }
  }
  widths
}

plain_head <- function(head, widths, stub) {
  spans <- head_spans(head)
  ruled <- ruled_spans(head)
  span_width <- function(s) sum(widths[spans$from[s]:spans$to[s]] + 2L) - 2L
  each <- seq_len(nrow(spans))
  text <- vapply(each, function(s) align_text(spans$text[s], "centre", span_width(s)), "")
  dashes <- vapply(each, function(s) {
    strrep(if (spans$from[s] %in% ruled$from) "-" else " ", span_width(s))
  }, "")
  c(paste(c(stub, text), collapse = "  "),
    if (nrow(ruled)) paste(c(strrep(" ", nchar(stub, "width")), dashes), collapse = "  "))
}

plain_column <- function(text, part) {
  p <- split_column(text, part)
  blank <- function(x) strrep(" ", nchar(x))
  room <- function(x) align_text(x, "left")
  core <- paste0(blank(p$left), room(p$open), p$number)
  inner <- if (all(p$free)) 0L else max(nchar(core[!p$free]))
  before <- strrep(" ", pmax(inner - nchar(core) + 1L, 0L) %/% 2L)
  number <- ifelse(p$free, "", paste0(before, core, p$close, p$tail, blank(p$right)))
  fits <- nchar(p$text, "width") <= inner
  free <- ifelse(fits, align_text(p$text, "centre", inner), p$text)
  short <- !p$free | fits
  free[short] <- room(ifelse(p$free, free, number)[short])
  free
}

align_text <- function(text, how, width = max(nchar(text, "width"), 0L)) {
  lack <- pmax(width - nchar(text, "width"), 0L)
  before <- if (how == "centre") lack %/% 2L else 0L
  paste0(strrep(" ", before), text, strrep(" ", lack - before))
}

# Characters that each column needs, the first one included.
column_characters <- function(layout) {
  loose <- Filter(function(head) !head$joined, layout$heads)
  width <- function(text) max(nchar(text, "width"), 0L)
  stub <- width(c(layout$stub, layout$labels[layout$part != "panel"]))
  body <- vapply(seq_len(ncol(layout$body)), function(j) {
    width(c(layout$body[, j], vapply(loose, function(head) head$text[j], "")))
  }, 0L)
  pmax(c(stub, body), 8L) + 2
}

# ---- markdown, CSV -------------------------------------------------------------------------------

write_md <- function(layout, width = NULL) {
  heads <- t(vapply(layout$heads, function(head) head$text, character(ncol(layout$body))))
  heads <- matrix(heads, length(layout$heads))
  stub <- c(rep("", nrow(heads) - 1L), layout$stub)
  all <- escape_md(cbind(c(stub, layout$labels), rbind(heads, layout$body)))
  wide <- which(layout$part == "panel") + nrow(heads)
  all[wide, 1L] <- paste0("*", all[wide, 1L], "*")
  all[] <- apply(all, 2L, function(column) align_text(column, "left"))
  lines <- apply(all, 1L, function(line) sprintf("| %s |", paste(line, collapse = " | ")))
  # as wide as the columns: what reads them as relative widths gets those of the text
  dashes <- strrep("-", pmax(nchar(all[1L, ], "width") - 2L, 3L))
  marks <- paste0(":", dashes, c("-", rep(":", ncol(layout$body))))
  c(if (!is.null(layout$title)) c(paste0("**", escape_md(layout$title), "**"), ""),
    lines[1L], sprintf("| %s |", paste(marks, collapse = " | ")), lines[-1L],
    if (length(layout$notes)) {
      c("", paste0("*", layout$mark, "* ", escape_md(paste(layout$notes, collapse = " "))))
    })
}

# A bracket that would begin a link, an image's or a span's target, a citation and an entity lose
# their meaning like the marks of emphasis, code, mathematics and tags.
escape_md <- function(x) {
  x <- gsub("([\\\\`*|<$^~@])", "\\\\\\1", x)
  x <- gsub("\\]([({[])", "]\\\\\\1", x)
  x <- gsub("&(#?[[:alnum:]]+;)", "\\\\&\\1", x)
  gsub("(^|[^[:alnum:]])_", "\\1\\\\_", x)
}

write_csv <- function(layout, width = NULL) {
  heads <- lapply(layout$heads, function(head) c("", head$text))
  heads[[length(heads)]][1L] <- layout$stub
  lines <- c(heads, lapply(seq_along(layout$labels),
                           function(r) c(layout$labels[r], layout$body[r, ])))
  quoted <- function(x) paste0("\"", gsub("\"", "\"\"", no_formula(x), fixed = TRUE), "\"")
  c(if (!is.null(layout$title)) quoted(layout$title),
    vapply(lines, function(l) paste(quoted(l), collapse = ","), ""),
    if (length(layout$notes)) quoted(layout$notes))
}

# Spreadsheets compute what begins with = + - or @: an apostrophe makes it text, unless it is a
# number, with or without stars.
no_formula <- function(x) {
  number <- grepl("^[-+]?[0-9.,]+(e[-+]?[0-9]+)?[^0-9(|!]*$", x)
  ifelse(grepl("^[-=+@]", x) & !number, paste0("'", x), x)
}

# ---- methods and files ---------------------------------------------------------------------------

table_writers <- list(txt = write_txt, md = write_md, csv = write_csv,
                      tex = function(layout, width) write_tex(layout))

# What needs another package: functions of the table and the file.
table_exports <- list(html = function(x, file) export_html(x, file),
                      docx = function(x, file) export_docx(x, file),
                      xlsx = function(x, file) export_xlsx(x, file))

table_extensions <- c(txt = "txt", text = "txt", md = "md", markdown = "md", html = "html",
                      htm = "html",
                      tex = "tex", latex = "tex", csv = "csv", docx = "docx", word = "docx",
                      xlsx = "xlsx", excel = "xlsx")

#' @rdname fe_table_write
#' @export
format.fe_table <- function(x, format = "txt", width = getOption("width"), ...) {
  format <- check_choice(format, setdiff(names(table_extensions),
                                         c("docx", "word", "xlsx", "excel")), "format")
  format <- table_extensions[[format]]
  if (format == "html") return(html_lines(x))
  table_writers[[format]](table_layout(x), check_count(width, "width", 20))
}

#' Write a table to a file
#'
#' Plain text, markdown, CSV and LaTeX need no other package; the LaTeX document needs
#' `\usepackage{booktabs}`. HTML is made by the package tinytable (one file that needs nothing from
#' the net); Word by pandoc, through rmarkdown; Excel by openxlsx, with joined headings and cells
#' that hold the text that is printed, stars and parentheses included. In CSV files the lines of the
#' heading come first and the notes last; what a spreadsheet would compute, because it begins with
#' `=`, `+`, `-` or `@` and is no number, is written behind an apostrophe. Spreadsheets read
#' "(0.0386)" as a negative number unless the columns are imported as text. `tinytable::tt()` of a
#' table gives a tinytable, to style further. A title "Table 1. Text" loses its number in LaTeX, which counts tables itself.
#'
#' @param x a table made by [fe_table()].
#' @param file path of the file; an existing one is replaced.
#' @param format `NULL` (by the extension of `file`), or one of "txt", "md", "html", "tex", "csv",
#'   "docx", "xlsx".
#' @param width characters a line of plain text; wider tables are broken into panels of columns. In
#'   files the lines are as long as they must be.
#' @param wide `TRUE`: a line of the table a row (`part`, `row`, `term`, then a column for each
#'   model); `FALSE`: the cells.
#' @param row.names,optional,options,... unused.
#' @return `fe_table_write()` and `print`: `x`, invisibly. `format`: the lines of text.
#'   `as.data.frame`: a data frame of text with the keys of the lines, which `knitr::kable()` shows
#'   too; the table itself, printed in a knitr document, is without them.
#' @examples
#' m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade)
#' file <- tempfile(fileext = ".md")
#' fe_table_write(fe_table(m, title = "Benchmark"), file)
#' readLines(file)
#' cat(format(fe_table(m), "md"), sep = "\n")
#' @order 1
#' @export
fe_table_write <- function(x, file, format = NULL) {
  if (!inherits(x, "fe_table")) {
    stop_arg("x", paste("must be made by fe_table(), not", describe_value(x)),
             "Write fe_table_write(fe_table(x), file)")
  }
  if (missing(file) || !is.character(file) || length(file) != 1L || is.na(file)) {
    stop_arg("file", "must be the path of the file to write")
  }
  if (!dir.exists(dirname(file))) {
    stop_arg("file", sprintf("is in the directory %s, which does not exist",
                             dQuote(dirname(file), FALSE)),
             "Make it with dir.create()")
  }
  kind <- if (is.null(format)) tolower(tools::file_ext(file)) else
    check_choice(format, names(table_extensions), "format")
  if (!kind %in% names(table_extensions)) {
    stop_arg("file", sprintf("is %s, whose extension is no format", quote_text(file)),
             paste("Known are", quote_list(names(table_extensions), 20L), "or give `format`"))
  }
  kind <- table_extensions[[kind]]
  if (kind %in% names(table_exports)) {
    table_exports[[kind]](x, file)
    return(invisible(x))
  }
  lines <- table_writers[[kind]](table_layout(x), width = 10000L)
  writeLines(enc2utf8(lines), file, useBytes = TRUE)
  invisible(x)
}

#' @rdname fe_table_write
#' @export
print.fe_table <- function(x, width = getOption("width"), ...) {
  lines <- format(x, "txt", width = width)
  if (!isTRUE(l10n_info()[["UTF-8"]])) lines <- gsub("\u00d7", "x", lines, fixed = TRUE)
  writeLines(lines)
  invisible(x)
}

#' @rdname fe_table_write
#' @export
as.data.frame.fe_table <- function(x, row.names = NULL, optional = FALSE, wide = TRUE, ...) {
  if (!check_flag(wide, "wide")) return(x$cells)
  layout <- table_layout(x)
  names <- vapply(seq_len(ncol(layout$body)), function(j) {
    x$heads[[length(x$heads)]]$text[j]
  }, "")
  body <- as.data.frame(layout$body, stringsAsFactors = FALSE)
  names(body) <- make.unique(names)
  out <- data.frame(part = layout$part, row = layout$row, term = layout$labels,
                    stringsAsFactors = FALSE)
  if (any(layout$panel != "")) out <- cbind(panel = layout$panel, out)
  cbind(out, body)
}
