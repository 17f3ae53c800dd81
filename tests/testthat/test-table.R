# Tables: the numbers in the cells are those of the models, the notes are true, bad input is
# refused.

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
  m <- stepwise("none")
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

test_that("the legend of the stars stands where there can be stars, and says where not", {
  m <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade, vcov = ~country)
  b <- fe_boot(m, R = 99, seed = 1)
  expect_no_match(fe_table(b)$notes, "p <")
  expect_no_match(fe_table(b, style = "cn", language = "zh")$notes, "\\*")
  notes <- fe_table(m, b)$notes
  expect_match(notes, "* p < 0.1.", fixed = TRUE, all = FALSE)
  expect_match(notes, "without stars: (2).", fixed = TRUE, all = FALSE)
  expect_no_match(fe_table(m, b, stars = FALSE)$notes, "stars")
  none <- fe_table(m, fe_lm(ln_upmf ~ pgdp | country, digitrade), keep = "ln_imdig")
  expect_no_match(none$notes, "without stars")
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
  m <- stepwise("none")
  x <- fe_table(m, stats = list(Observations = "nobs", Median = function(m) median(residuals(m)),
                                "clusters"),
                cluster = "country", rows = list(Trend = c(TRUE, FALSE, FALSE, TRUE)))
  expect_identical(cell(x, "stat", "stat:Median", 3), format_fixed(median(residuals(m[[3L]])), 4))
  expect_identical(cell(x, "stat", "stat:Clusters", 1), "63")
  expect_identical(x$cells$text[x$cells$row == "row:Trend"], c("Yes", "No", "No", "Yes"))
})

test_that("styles set stars, decimals, labels and marks, which arguments override", {
  m <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade)
  x <- fe_table(m, style = "aer", labels = c(year = "time"))
  expect_identical(cell(x, "coef", "ln_imdig", 1), sprintf("%.3f", coef(m)))
  expect_true(all(c("Country fixed effects", "Time fixed effects", "Observations") %in%
                    x$cells$label))
  expect_false(any(grepl("p <", x$notes)))
  expect_match(tail(format(x, "md"), 1L), "^\\*Notes:\\*")
  expect_match(cell(fe_table(m, style = "aer", stars = TRUE), "coef", "ln_imdig", 1), "\\*$")
  zh <- fe_table(m, style = "cn", language = "zh", labels = c(country = "\u56fd\u5bb6"))
  expect_identical(unique(zh$cells$text[zh$cells$row == "effect:country"]), "\u662f")
  expect_true("\u56fd\u5bb6\u56fa\u5b9a\u6548\u5e94" %in% zh$cells$label)
  by <- fe_lm(ln_upmf ~ ln_imdig | country, digitrade, vcov = ~country)
  mixed <- fe_table(m, by, m, style = "cn", language = "zh")
  expect_no_match(mixed$notes, " and ")
  expect_match(mixed$notes, "(1)\u3001(3)", fixed = TRUE, all = FALSE)
})

test_that("statistics count units, test jointly, and know instruments", {
  ols <- fe_lm(ln_upmf ~ ln_imdig + pgdp + fdi | country + year, digitrade, vcov = ~country)
  iv <- fe_lm(ln_upmf ~ pgdp | country + year | ln_imdig ~ fdi + urban, digitrade,
              vcov = ~country)
  x <- fe_table(ols, iv, digits_stat = 6,
                stats = c("units:country", "joint:^(pgdp|fdi)$", "effective.F", "overid.p.value"))
  expect_identical(cell(x, "stat", "stat:Number: country", 1),
                   as.character(length(unique(digitrade$country))))
  expect_identical(cell(x, "stat", "stat:p (joint: ^(pgdp|fdi)$)", 1),
                   sprintf("%.6f", fe_wald(ols, c("pgdp", "fdi"))$p.value))
  tests <- glance(fe_iv_tests(iv))
  expect_identical(x$cells$text[x$cells$row == "stat:Effective F"],
                   c("", sprintf("%.6f", tests$effective.F)))
  expect_identical(cell(x, "stat", "stat:p (overidentification)", 2),
                   sprintf("%.6f", tests$overid.p.value))
  expect_error(fe_table(ols, stats = "units:nobody"), "nobody", class = "fe_error")
})

test_that("the estimator is a line of its own where columns differ, and in the notes", {
  ols <- fe_lm(ln_upmf ~ ln_imdig | country, digitrade)
  iv <- fe_lm(ln_upmf ~ 1 | country | ln_imdig ~ fdi, digitrade)
  x <- fe_table(ols, iv, labels = c(fdi = "Foreign capital"))
  expect_identical(x$cells$text[x$cells$row == "stat:Estimator"], c("OLS", "2SLS"))
  expect_match(x$notes[1L], "(2): two-stage least squares; endogenous: ln_imdig; instruments: F",
               fixed = TRUE)
  expect_false("stat:Estimator" %in% fe_table(ols)$cells$row)
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

test_that("results of tests are tables of their own, and no columns beside models", {
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp + fdi | country + year, digitrade, vcov = ~country)
  w <- fe_wald(m, c("pgdp", "fdi"))
  x <- fe_table(w)
  expect_identical(x$cells$text[x$cells$column == 1L], sprintf("%.4f", coef(m)[c("pgdp", "fdi")]))
  expect_match(x$notes, sprintf("p = %.4f", w$p.value), fixed = TRUE)
  expect_error(fe_table(m, w), "table of its own", class = "fe_error")
})

test_that("heterogeneity and mediation add adjusted p-values, tests and indirect effects", {
  h <- fe_heterogeneity(ln_upmf ~ ln_imdig | country + year, digitrade, by = ~developed)
  x <- fe_table(h, digits_stat = 6)
  row <- x$cells[x$cells$row == paste0("stat:p (", h$adjusted$methods, ")"), ]
  expect_identical(row$text, sprintf("%.6f", h$table$p.adjusted))
  expect_match(x$notes, sprintf("p = %.4f", h$equality$p.value), fixed = TRUE, all = FALSE)
  me <- fe_mediate(ln_upmf ~ ln_imdig | country + year, digitrade, treat = "ln_imdig",
                   mediators = "ln_insti")
  indirect <- prod(coef(me$models$a[[1L]])["ln_imdig"], coef(me$models$b[[1L]])["ln_insti"])
  expect_match(fe_table(me)$notes, sprintf("Indirect effect.*%.4f", indirect), all = FALSE)
})

test_that("a decomposition is a column", {
  base <- fe_lm(ln_upmf ~ ln_imdig | country, digitrade)
  d <- fe_decompose(base, fe_lm(ln_upmf ~ ln_imdig + pgdp | country, digitrade))
  x <- fe_table(d, stars = FALSE)
  expect_identical(cell(x, "coef", "base", 1), sprintf("%.4f", coef(base)))
  expect_match(x$notes[1L], "Gelbach")
})

test_that("panels share columns; each shows its own models", {
  m <- parted()
  x <- fe_table(panels = list("Panel A. Poor" = m[1:2], "Panel B. Rich" = m[3:4]),
                headings = c("Short", "Long"))
  at <- function(panel, column) {
    x$cells$text[x$cells$panel == panel & x$cells$column == column & x$cells$part == "coef" &
                   x$cells$row == "ln_imdig"]
  }
  expect_match(at("Panel A. Poor", 2), sprintf("%.4f", coef(m[[2]])[["ln_imdig"]]), fixed = TRUE)
  expect_match(at("Panel B. Rich", 1), sprintf("%.4f", coef(m[[3]])[["ln_imdig"]]), fixed = TRUE)
  expect_identical(x$cells$text[x$cells$row == "stat:N"], c("416", "416", "403", "403"))
  expect_match(x$notes, "^Panel B: Standard errors.*31 clusters", all = FALSE)
  wide <- as.data.frame(x)
  expect_identical(wide$panel[wide$row == "effect:year"], "")
})

test_that("lines at the bottom of panels are those that all of them share", {
  m <- parted()
  other <- fe_lm(ln_upmf ~ ln_imdig + csw0(pgdp) | country, digitrade)
  panels <- list(A = m[1:2], B = other)
  lines <- function(x, row) x$cells$panel[x$cells$row == row & x$cells$column == 1L]
  x <- fe_table(panels = panels, headings = 1:2)
  expect_identical(lines(x, "effect:country"), "")
  expect_identical(lines(x, "effect:year"), c("A", "B"))
  none <- fe_table(panels = panels, headings = 1:2, bottom = "none")
  expect_identical(lines(none, "effect:country"), c("A", "B"))
})

test_that("panels of different outcomes name them, and unequal panels are refused", {
  a <- fe_lm(ln_upmf ~ ln_imdig | country, digitrade)
  b <- fe_lm(ln_insti ~ ln_imdig | country, digitrade)
  x <- fe_table(panels = list(A = a, B = b))
  expect_identical(x$cells$text[x$cells$row == "outcome"], c("ln_upmf", "ln_insti"))
  refused <- function(expr, text) expect_error(expr, text, class = "fe_error")
  refused(fe_table(panels = list(A = a, B = list(a, b))), "1 and 2 columns")
  refused(fe_table(a, panels = list(A = a)), "`panels` is given beside")
  refused(fe_table(panels = list(a, b)), "`panels` must be a list of models with names")
  refused(fe_table(panels = list(A = list(x = a), B = list(y = a))), "heads column 1 differently")
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
})
