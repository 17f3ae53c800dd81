# Written tables: every writer shows every number and every panel and escapes what is special to it;
# other packages read models and tables.

test_that("every writer shows every number", {
  x <- fe_table(stepwise(), title = "All of them", statistic = "ci")
  shown <- unlist(regmatches(x$cells$text, gregexpr("[0-9]+\\.[0-9]+", x$cells$text)))
  for (kind in c("txt", "md", "html", "tex", "csv")) {
    if (kind == "html" && !requireNamespace("tinytable", quietly = TRUE)) next
    text <- paste(format(x, kind, width = 200), collapse = "\n")
    expect_true(all(vapply(unique(shown), grepl, NA, text, fixed = TRUE)), info = kind)
    expect_match(text, "All of them")
  }
})

test_that("every writer shows the panels, and escapes what is special to it", {
  m <- parted()
  x <- fe_table(panels = list("A. 5% <of> R&D_1" = m[1:2], "B. \u00e9\u03b2 $x$" = m[3:4]),
                headings = c("a", "b"))
  text <- function(kind) paste(format(x, kind), collapse = "\n")
  expect_match(text("txt"), "A. 5% <of> R&D_1", fixed = TRUE)
  expect_match(text("csv"), "B. \u00e9\u03b2 $x$", fixed = TRUE)
  expect_match(text("md"), "*A. 5% \\<of> R&D_1*", fixed = TRUE)
  expect_match(text("md"), "*B. \u00e9\u03b2 \\$x\\$*", fixed = TRUE)
  expect_match(text("tex"), "\\textit{A. 5\\% \\textless{}of\\textgreater{} R\\&D\\_1}",
               fixed = TRUE)
  expect_match(text("tex"), "B. \u00e9$\\beta$ \\$x\\$", fixed = TRUE)
  skip_if_not_installed("tinytable")
  expect_match(text("html"), "A. 5% &lt;of&gt; R&amp;D_1", fixed = TRUE)
})

test_that("in HTML no cell that a panel's heading covers centres it", {
  skip_if_not_installed("tinytable")
  m <- parted()
  x <- fe_table(panels = list(A = m[1:2], B = m[3:4]), headings = 1:2)
  lines <- format(x, "html")
  css <- regmatches(lines, regexpr("tinytable_css_[a-z0-9]+(?=.*text-align: center)", lines,
                                   perl = TRUE))
  centred <- grep(sprintf("positions:.*(%s)", paste(css, collapse = "|")), lines, value = TRUE)
  heading <- which(table_layout(x)$part == "panel")
  expect_match(centred, "i: '2',", all = FALSE)
  expect_no_match(centred, sprintf("i: '(%s)',", paste(heading, collapse = "|")))
})

test_that("text tables align decimals and break into panels at the width", {
  lines <- format(fe_table(stepwise()), "txt", width = 200)
  rows <- grep("^(ln_imdig|pgdp|Constant  | +\\(0).*\\.", lines, value = TRUE)
  last <- vapply(rows, function(l) max(gregexpr(".", l, fixed = TRUE)[[1L]]), 0)
  expect_length(unique(last[nchar(rows) > 60]), 1L)
  narrow <- format(fe_table(stepwise()), "txt", width = 60)
  expect_true(all(nchar(narrow) <= 60))
  expect_length(grep("^ln_imdig", narrow), 2L)
})

test_that("special characters are escaped", {
  m <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade)
  x <- fe_table(m, labels = c(ln_imdig = "a_b & 5% <c> #1 $x"), title = "R&D_1")
  expect_match(paste(format(x, "md"), collapse = "\n"), "\\*\\*\\*", fixed = TRUE)
  expect_match(paste(format(x, "md"), collapse = "\n"), "\\<c>", fixed = TRUE)
  tex <- paste(format(x, "tex"), collapse = "\n")
  expect_match(tex, "a\\_b \\& 5\\%", fixed = TRUE)
  expect_match(tex, "\\#1 \\$x", fixed = TRUE)
  skip_if_not_installed("tinytable")
  html <- paste(format(x, "html"), collapse = "\n")
  expect_match(html, "a_b &amp; 5% &lt;c&gt; #1", fixed = TRUE)
})

test_that("LaTeX files compile", {
  skip_on_cran()
  skip_if(!nzchar(Sys.which("pdflatex")))
  dir <- withr::local_tempdir()
  m <- parted()
  x <- fe_table(panels = list("A. 5% <of> R&D_1" = m[1:2], "B. \u03b2 ^ ~ \\ {x}" = m[3:4]),
                headings = c("a", "b"), title = "T_1")
  fe_table_write(x, file.path(dir, "t.tex"))
  writeLines(c("\\documentclass{article}\\usepackage{booktabs}\\begin{document}",
               "\\input{t}", "\\end{document}"), file.path(dir, "d.tex"))
  withr::local_dir(dir)
  status <- system2("pdflatex", c("-halt-on-error", "-interaction=nonstopmode", "d.tex"),
                    stdout = FALSE, stderr = FALSE)
  skip_if(!file.exists("d.log") || any(grepl("booktabs.sty' not found", readLines("d.log"))))
  expect_identical(status, 0L)
})

test_that("files of every kind are written; the HTML asks nothing of the net", {
  x <- fe_table(stepwise(), title = "T & t")
  dir <- tempfile()
  dir.create(dir)
  on.exit(unlink(dir, recursive = TRUE))
  pretty <- requireNamespace("tinytable", quietly = TRUE)
  word <- requireNamespace("rmarkdown", quietly = TRUE) && rmarkdown::pandoc_available()
  for (ext in c("txt", "md", "csv", "tex", if (pretty) "html", if (word) "docx")) {
    file <- file.path(dir, paste0("t.", ext))
    expect_false(withVisible(fe_table_write(x, file))$visible)
    expect_gt(file.size(file), 200)
  }
  read <- utils::read.csv(file.path(dir, "t.csv"), header = FALSE, skip = 1,
                          colClasses = "character")
  expect_identical(unlist(read[read$V1 == "ln_imdig", -1L], use.names = FALSE),
                   x$cells$text[x$cells$row == "ln_imdig" & x$cells$part == "coef"])
  if (pretty) {
    html <- readLines(file.path(dir, "t.html"), warn = FALSE)
    expect_false(any(grepl("(src|href)=[\"']?(https?:)?//", html)))
  }
  skip_if_not(word)
  utils::unzip(file.path(dir, "t.docx"), exdir = file.path(dir, "d"))
  document <- readLines(file.path(dir, "d", "word", "document.xml"), warn = FALSE)
  document <- paste(document, collapse = "")
  expect_match(document, cell(x, "se", "ln_imdig", 4), fixed = TRUE)
})

test_that("Excel files hold the cells as text, with joined headings", {
  skip_if_not_installed("openxlsx")
  m <- parted()
  x <- fe_table(Poor = m[1:2], Rich = m[3:4], title = "5% <of> R&D_1 \u00e9")
  file <- withr::local_tempfile(fileext = ".xlsx")
  fe_table_write(x, file)
  back <- openxlsx::read.xlsx(file, colNames = FALSE, skipEmptyRows = FALSE,
                              skipEmptyCols = FALSE, na.strings = "")
  expect_identical(back[1L, 1L], "5% <of> R&D_1 \u00e9")
  row <- unlist(back[which(back[[1L]] == "ln_imdig"), -1L], use.names = FALSE)
  expect_identical(row, x$cells$text[x$cells$row == "ln_imdig" & x$cells$part == "coef"])
  expect_length(openxlsx::loadWorkbook(file)$worksheets[[1L]]$mergeCells, 5L)
})

test_that("knit_print gives markdown outside of HTML and LaTeX documents", {
  skip_if_not_installed("knitr")
  x <- fe_table(stepwise())
  expect_match(as.character(knitr::knit_print(x)), ":-+:")
})

test_that("broom and knitr read the models and tables", {
  m <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade, vcov = ~country)
  x <- fe_table(m)
  if (requireNamespace("knitr", quietly = TRUE)) {
    expect_match(knitr::kable(x), cell(x, "se", "ln_imdig", 1), fixed = TRUE, all = FALSE)
  }
  skip_if_not_installed("broom")
  expect_identical(broom::tidy(m), tidy(m))
})

test_that("modelsummary and tinytable take the models and the tables", {
  skip_if_not_installed("modelsummary")
  skip_if_not_installed("tinytable")
  m <- stepwise()
  out <- modelsummary::modelsummary(unname(as.list(m)[c(1, 4)]), output = "data.frame", fmt = 4,
                                    stars = c("*" = 0.1, "**" = 0.05, "***" = 0.01))
  x <- fe_table(m)
  row <- out[out$term == "ln_imdig", ]
  expect_identical(unlist(row[row$statistic == "estimate", c("(1)", "(2)")], use.names = FALSE),
                   c(cell(x, "coef", "ln_imdig", 1), cell(x, "coef", "ln_imdig", 4)))
  expect_true(all(c("FE: country", "FE: year") %in% out$term))
  expect_s4_class(tinytable::tt(x), "tinytable")
})

test_that("texreg has a method for the models, and for what holds several of them", {
  skip_if_not_installed("texreg")
  m <- fe_lm(ln_upmf ~ ln_imdig + csw0(pgdp) | country + year, digitrade, vcov = ~country)
  expect_silent(out <- texreg::extract(m[[2]]))
  expect_equal(out@coef, unname(coef(m[[2]])))
  expect_equal(out@se, unname(sqrt(diag(vcov(m[[2]])))))
  expect_equal(out@pvalues, tidy(m[[2]])$p.value)
  gof <- stats::setNames(out@gof, out@gof.names)
  expect_equal(gof[["Within R^2"]], glance(m[[2]])$within.r.squared)
  expect_equal(gof[c("Num. obs.", "Num. groups: country")], c(819, 63), ignore_attr = TRUE)
  text <- texreg::screenreg(unname(as.list(m)))
  expect_match(text, "Model 2")
  expect_match(text, "Num. groups: year +13 +13")
  h <- fe_heterogeneity(ln_upmf ~ ln_imdig | country, digitrade, by = ~developed)
  expect_match(texreg::texreg(h), "& $0.20^{***}$ & $-0.07$", fixed = TRUE)
  iv <- fe_lm(ln_upmf ~ pgdp | country | ln_imdig ~ fdi, digitrade)
  expect_match(texreg::screenreg(iv), sprintf("First-stage F +%.2f", glance(iv)$first.stage.F))
})

test_that("files that cannot be written are refused", {
  m <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade)
  refused <- function(expr, text) expect_error(expr, text, class = "fe_error")
  refused(fe_table_write(fe_table(m), "x.foo"), "\"x.foo\", whose extension is no format")
  refused(fe_table_write(fe_table(m), file.path(tempdir(), "no", "x.tex")), "does not exist")
  refused(fe_table_write(m, "x.tex"), "made by fe_table")
})
