# Tables: the numbers in the cells are those of the models, every writer shows all of them, the
# notes are true, bad input is refused.

stepwise <- function(...) {
  fe_lm(ln_upmf ~ ln_imdig + csw0(pgdp, fdi, gfcf) | country + year, digitrade, intercept = "lsdv",
        ...)
}

cell <- function(x, part, row, column) {
  at <- x$cells$part == part & x$cells$row == row & x$cells$column == column
  x$cells$text[at]
}

test_that("cells are the rounded estimates, errors and statistics of each model", {
  m <- stepwise()
  x <- fe_table(m, digits = 5, digits_stat = 3, stats = c("nobs", "adj.r.squared", "outcome.mean"))
  for (j in seq_along(m)) {
    fit <- tidy(m[[j]])
    for (r in seq_len(nrow(fit))) {
      main <- cell(x, "coef", fit$term[r], j)
      expect_identical(sub("\\*+$", "", main), sprintf("%.5f", fit$estimate[r]))
      stars <- sum(fit$p.value[r] < c(0.1, 0.05, 0.01))
      expect_identical(main, paste0(sprintf("%.5f", fit$estimate[r]), strrep("*", stars)))
      expect_identical(cell(x, "se", fit$term[r], j), sprintf("(%.5f)", fit$std.error[r]))
    }
  }
  expect_identical(cell(x, "stat", "stat:N", 2), as.character(nrow(digitrade)))
  expect_identical(cell(x, "stat", "stat:Mean of dep. var.", 1),
                   sprintf("%.3f", mean(digitrade$ln_upmf)))
  expect_identical(cell(x, "coef", "fdi", 1), "")
})

test_that("the paper's Table 2 comes out cell by cell", {
  m <- fe_lm(ln_upmf ~ ln_imdig + csw0(pgdp, fdi, gfcf, rd, urban) | country + year, digitrade,
             intercept = "lsdv")
  x <- fe_table(m, style = "paper")
  printed <- digitrade_published[digitrade_published$table == 2, ]
  skip_if(!nrow(printed))
  printed <- printed[printed$term %in% c("ln_imdig", "pgdp", "urban", "_cons"), ]
  if ("doubt" %in% names(printed)) printed <- printed[printed$doubt %in% c("", NA), ]
  expect_gt(nrow(printed), 10)
  stars <- ifelse(is.na(printed$stars), "", printed$stars)
  for (r in seq_len(nrow(printed))) {
    row <- sub("_cons", "(Intercept)", printed$term[r], fixed = TRUE)
    expect_identical(cell(x, "coef", row, as.integer(printed$column[r])),
                     paste0(sprintf("%.4f", as.numeric(printed$estimate[r])), stars[r]))
    expect_identical(cell(x, "se", row, as.integer(printed$column[r])),
                     sprintf("(%.4f)", as.numeric(printed$std_error[r])))
  }
})

test_that("the statistic in parentheses can be t, p or an interval, below or beside", {
  m <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade, vcov = ~country)
  fit <- tidy(m, conf.int = TRUE, conf.level = 0.9)
  show <- function(...) fe_table(m, digits = 3, stars = FALSE, ...)
  expect_identical(cell(show(statistic = "t"), "se", "ln_imdig", 1),
                   sprintf("(%.3f)", fit$statistic))
  expect_identical(cell(show(statistic = "p"), "se", "ln_imdig", 1), sprintf("(%.3f)", fit$p.value))
  both <- show(statistic = "ci", level = 0.9, beside = TRUE)
  expect_identical(cell(both, "coef", "ln_imdig", 1),
                   sprintf("%.3f [%.3f, %.3f]", fit$estimate, fit$conf.low, fit$conf.high))
  expect_false("se" %in% both$cells$part)
})

test_that("vcov and cluster restate every column, and the notes say so", {
  m <- stepwise()
  x <- fe_table(m, cluster = "country", digits = 6)
  for (j in 1:4) {
    se <- sqrt(vcov(m[[j]], ~country)["ln_imdig", "ln_imdig"])
    expect_identical(cell(x, "se", "ln_imdig", j), sprintf("(%.6f)", se))
  }
  note <- paste(x$notes, collapse = " ")
  expect_match(note, "clustered \\(CR1\\) by country \\(63 clusters\\)")
  expect_no_match(note, "HC1")
})

test_that("columns with different variances are told apart in the notes", {
  m <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade)
  x <- fe_table(m, summary(m, vcov = ~country), summary(m, vcov = "iid"))
  note <- grep("Standard errors", x$notes, value = TRUE)
  expect_match(note, "(1): heteroskedasticity-robust (HC1)", fixed = TRUE)
  expect_match(note, "(2): clustered (CR1) by country", fixed = TRUE)
  expect_match(note, "(3): iid", fixed = TRUE)
})

test_that("rows are chosen by name or expression, reordered, renamed, and hidden ones named", {
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp + fdi + gfcf | country + year, digitrade)
  rows <- function(x) unique(x$cells$row[x$cells$part == "coef"])
  expect_identical(rows(fe_table(m, keep = "^(ln|p)")), c("ln_imdig", "pgdp"))
  expect_identical(rows(fe_table(m, drop = "fdi", order = c("gfcf", "pgdp"))),
                   c("gfcf", "pgdp", "ln_imdig"))
  x <- fe_table(m, coef_map = c(fdi = "Foreign", none = "None", ln_imdig = "Imports"))
  expect_identical(rows(x), c("fdi", "ln_imdig"))
  expect_identical(unique(x$cells$label[x$cells$part == "coef"]), c("Foreign", "Imports"))
  expect_match(paste(x$notes, collapse = " "), "Not shown: pgdp, gfcf")
})

test_that("labels come from the dictionary or the data, part by part in interactions", {
  d <- digitrade
  attr(d$pgdp, "label") <- "GDP per head"
  m <- fe_lm(ln_upmf ~ ln_imdig * pgdp | country, d)
  x <- fe_table(m, labels = c(ln_imdig = "Imports", ln_upmf = "Upgrading", country = "Countries"))
  shown <- unique(x$cells$label)
  expect_true(all(c("Imports", "GDP per head", "Imports \u00d7 GDP per head",
                    "Countries") %in% shown))
  expect_identical(x$heads[[1L]]$text, "Upgrading")
})

test_that("control variables collapse to Yes, No or Partly", {
  x <- fe_table(stepwise(), controls = c("pgdp", "fdi", "gfcf"), style = "paper")
  row <- x$cells[x$cells$row == "controls:Control variables", ]
  expect_identical(row$text, c("No", "Partly", "Partly", "Yes"))
  expect_false("pgdp" %in% x$cells$row)
  lines <- as.data.frame(x)$term
  expect_lt(which(lines == "Control variables"), which(lines == "_cons"))
})

test_that("fixed effects have rows of their own, blank where a model can't say", {
  a <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade)
  b <- fe_lm(ln_upmf ~ ln_imdig | country, digitrade)
  x <- fe_table(a, b, lm(ln_upmf ~ ln_imdig, digitrade), fe_labels = c(year = "Time effects"))
  expect_identical(x$cells$text[x$cells$row == "effect:year"], c("Yes", "No", ""))
  expect_true("Time effects" %in% x$cells$label)
  expect_false(any(startsWith(fe_table(a, fe_labels = FALSE)$cells$row, "effect:")))
})

test_that("models of other classes enter through tidy and glance", {
  skip_if_not_installed("broom")
  skip_if_not_installed("sandwich")
  m <- lm(mpg ~ wt, mtcars)
  x <- fe_table(m, vcov = sandwich::vcovHC, digits = 6)
  expect_identical(cell(x, "se", "wt", 1), sprintf("(%.6f)", sqrt(sandwich::vcovHC(m)["wt", "wt"])))
  expect_identical(cell(x, "stat", "stat:R2", 1), sprintf("%.4f", summary(m)$r.squared))
  expect_error(fe_table(m, vcov = "HC1"), "`vcov`.*class \"lm\"", class = "fe_error")
})

test_that("names head columns, lists head groups, split samples are named", {
  s <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade, split = "developed")
  one <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade)
  x <- fe_table(Split = s, All = one)
  texts <- lapply(x$heads, `[[`, "text")
  expect_identical(texts[[1L]], c("Split", "Split", ""))
  expect_identical(texts[[3L]], c("developed = FALSE", "developed = TRUE", "All"))
  expect_identical(texts[[4L]], c("(1)", "(2)", "(3)"))
  expect_identical(fe_table(list(A = one, B = one))$heads[[2L]]$text, c("A", "B"))
})

test_that("a note tells when stepwise columns use different samples", {
  d <- digitrade
  d$pgdp[1:3] <- NA
  told <- function(...) {
    x <- fe_table(fe_lm(ln_upmf ~ ln_imdig + csw0(pgdp) | country + year, d, ...))
    any(grepl("different samples (N = 816 to 819)", x$notes, fixed = TRUE))
  }
  expect_true(told())
  expect_false(told(common_sample = TRUE))
})

test_that("weights, constants and collinear regressors are told", {
  d <- digitrade
  d$twice <- 2 * d$pgdp
  m <- suppressWarnings(fe_lm(ln_upmf ~ pgdp + twice | country + year, d, weights = ~urban,
                              intercept = "mean"))
  note <- paste(fe_table(m)$notes, collapse = " ")
  expect_match(note, "Weighted least squares")
  expect_match(note, "Left out as collinear: twice in (1)", fixed = TRUE)
  expect_match(note, "Constant: mean of the outcome less")
  expect_identical(cell(fe_table(m), "stat", "stat:Mean of dep. var.", 1),
                   sprintf("%.4f", weighted.mean(d$ln_upmf, d$urban)))
})

test_that("numbers are fixed, without negative zero, blank when missing", {
  expect_identical(format_fixed(c(-0.00001, 123456789.5, NA, NaN, 1e-12, -2), 4),
                   c("0.0000", "123456789.5000", "", "", "0.0000", "-2.0000"))
  expect_identical(format_fixed(-0.2, 0), "0")
})

test_that("statistics may be functions and extra rows the user's own", {
  m <- stepwise()
  x <- fe_table(m, stats = list(Observations = "nobs", Median = function(m) median(residuals(m)),
                                "clusters"),
                cluster = "country", rows = list(Trend = c(TRUE, FALSE, FALSE, TRUE)))
  expect_identical(cell(x, "stat", "stat:Median", 3), format_fixed(median(residuals(m[[3L]])), 4))
  expect_identical(cell(x, "stat", "stat:Clusters", 1), "63")
  expect_identical(x$cells$text[x$cells$row == "row:Trend"], c("Yes", "No", "No", "Yes"))
})

test_that("every writer shows every number", {
  x <- fe_table(stepwise(), title = "All of them", statistic = "ci")
  shown <- unlist(regmatches(x$cells$text, gregexpr("[0-9]+\\.[0-9]+", x$cells$text)))
  for (kind in c("txt", "md", "html", "tex", "csv")) {
    if (kind %in% c("html", "tex") && !requireNamespace("tinytable", quietly = TRUE)) next
    text <- paste(format(x, kind, width = 200), collapse = "\n")
    expect_true(all(vapply(unique(shown), grepl, NA, text, fixed = TRUE)), info = kind)
    expect_match(text, "All of them")
  }
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
  skip_if_not_installed("tinytable")
  tex <- paste(format(x, "tex"), collapse = "\n")
  expect_match(tex, "a\\_b \\& 5\\%", fixed = TRUE)
  expect_match(tex, "\\#1 \\$x", fixed = TRUE)
  html <- paste(format(x, "html"), collapse = "\n")
  expect_match(html, "a_b &amp; 5% &lt;c&gt; #1", fixed = TRUE)
})

test_that("files of every kind are written; the HTML asks nothing of the net", {
  x <- fe_table(stepwise(), title = "T & t")
  dir <- tempfile()
  dir.create(dir)
  on.exit(unlink(dir, recursive = TRUE))
  pretty <- requireNamespace("tinytable", quietly = TRUE)
  word <- pretty && requireNamespace("rmarkdown", quietly = TRUE) && rmarkdown::pandoc_available()
  for (ext in c("txt", "md", "csv", if (pretty) c("html", "tex"), if (word) "docx")) {
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

test_that("data frames become tables", {
  d <- fe_describe(digitrade, ~ ln_upmf + ln_imdig)
  x <- fe_table(d, title = "Table 1")
  expect_identical(x$stub, "Variable")
  expect_identical(x$cells$text[x$cells$label == "ln_upmf"],
                   unlist(format(d)[1L, -1L], use.names = FALSE))
  y <- fe_table(data.frame(k = c("a", "b"), v = c(1.23456, NA)), digits = 2)
  expect_identical(y$cells$text, c("1.23", ""))
})

test_that("knit_print gives markdown outside of HTML and LaTeX documents", {
  skip_if_not_installed("knitr")
  x <- fe_table(stepwise())
  expect_match(as.character(knitr::knit_print(x)), ":-+:")
})

test_that("bad input is refused with the argument and the remedy", {
  m <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade)
  refused <- function(expr, text) expect_error(expr, text, class = "fe_error")
  refused(fe_table(), "`...` is empty")
  refused(fe_table(m, digit = 3), "argument `digit`.*Did you mean \"digits\"")
  refused(fe_table(m, "x"), "`...` has \"x\"")
  refused(fe_table(m, mtcars), "data frame beside")
  refused(fe_table(structure(list(), class = "odd")), "column 1 an object of class \"odd\"")
  refused(fe_table(m, keep = "nothing"), "`keep` has \"nothing\", which finds no coefficient")
  refused(fe_table(m, keep = "(("), "no regular expression")
  refused(fe_table(m, coef_map = c(zz = "Z")), "`coef_map` names no coefficient")
  refused(fe_table(m, stats = "r3"), "`stats` asks for \"r3\"")
  refused(fe_table(m, stats = list(function(m) 1)), "`stats` has in place 1")
  refused(fe_table(m, stats = list(Q = function(m) stop("no"))), "Q.*failed on column 1: no")
  refused(fe_table(m, rows = list(Trend = c("Yes", "No"))), "2 values, and the table has 1")
  refused(fe_table(m, groups = c(A = 2)), "`groups` names the groups of 2 columns")
  refused(fe_table(m, headings = c("a", "b")), "`headings` must hold 1")
  refused(fe_table(m, stars = 2), "`stars` must be named bounds")
  refused(fe_table(m, statistic = "z"), "`statistic` must be one of")
  refused(fe_table(m, style = "aer2"), "`style` must be one of")
  refused(fe_table(m, labels = "x"), "`labels` must be a named character vector")
  refused(fe_table_write(fe_table(m), "x.foo"), "not \"foo\"")
  refused(fe_table_write(fe_table(m), file.path(tempdir(), "no", "x.tex")), "does not exist")
  refused(fe_table_write(m, "x.tex"), "made by fe_table")
})
