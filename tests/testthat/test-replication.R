# The printed cells of the paper, from the package and, without our estimator, from lm() and
# sandwich.

study <- new.env()
sys.source(system.file("study", "study.R", package = "fepanel"), study)
controls <- study$study_controls
segments <- c("ln_insur", "ln_finan", "ln_intelpro", "ln_ict", "ln_other", "ln_audio")

# The regressions behind the tables: outcome, regressors in front of the controls, how many
# controls, sample.
plan <- function() {
  row <- function(table, column, outcome, front, k = 5, rows = rep(TRUE, 819)) {
    list(table = table, column = column, outcome = outcome,
         regressors = c(front, controls[seq_len(k)]), rows = rows)
  }
  c(lapply(1:6, function(j) row(2, j, "ln_upmf", "ln_imdig", j - 1)),
    list(row(3, 1, "ln_innov", "ln_imdig"), row(3, 2, "ln_upmf", c("ln_imdig", "ln_innov")),
         row(3, 3, "ln_inter", "ln_imdig"), row(3, 4, "ln_upmf", c("ln_imdig", "ln_inter")),
         row(3, 5, "ln_upmf", c("ln_imdig", "ln_insti", "ln_imdig:ln_insti")),
         row(4, 1, "ln_upmf", "ln_imdig", rows = digitrade$developed),
         row(4, 2, "ln_upmf", "ln_imdig", rows = !digitrade$developed)),
    lapply(seq_along(segments), function(s) row(4, s + 2, "ln_upmf", segments[s])))
}

# The paper's interaction is of variables centred at their sample means.
centred <- function(p) {
  d <- digitrade[p$rows, ]
  if ("ln_imdig:ln_insti" %in% p$regressors) {
    d$ln_imdig <- d$ln_imdig - mean(d$ln_imdig)
    d$ln_insti <- d$ln_insti - mean(d$ln_insti)
  }
  d
}

printed_cells <- function(p) {
  d <- digitrade_published
  d[d$table == p$table & d$column == as.character(p$column) & d$doubt == "", ]
}

by_fepanel <- function(p) {
  f <- as.formula(sprintf("%s ~ %s | country + year", p$outcome,
                          paste(p$regressors, collapse = " + ")))
  fe_lm(f, centred(p), intercept = "lsdv")
}

by_lm <- function(p) {
  l <- lm(reformulate(c(p$regressors, "country", "factor(year)"), p$outcome),
          droplevels(centred(p)))
  se <- sqrt(diag(sandwich::vcovHC(l, "HC1")))
  function(term) {
    if (term == "nobs") return(list(estimate = nobs(l), std_error = NA, stars = ""))
    if (term == "adj_r2") {
      return(list(estimate = summary(l)$adj.r.squared, std_error = NA, stars = ""))
    }
    term <- if (term == "_cons") "(Intercept)" else term
    p <- 2 * pt(-abs(coef(l)[[term]] / se[[term]]), l$df.residual)
    list(estimate = coef(l)[[term]], std_error = se[[term]], stars = study$stars_of(p))
  }
}

unequal_cells <- function(p, computed) {
  cells <- printed_cells(p)
  equal <- vapply(seq_len(nrow(cells)), function(i) {
    study$compare_cell(cells[i, ], computed(cells$term[i]))$equal
  }, NA)
  cells$term[!equal]
}

test_that("every undoubted cell of Tables 2 to 4 equals the printed digits", {
  for (p in plan()) {
    m <- by_fepanel(p)
    expect_identical(unequal_cells(p, function(term) study$computed_cell(m, term)), character(),
                     label = sprintf("cells of table %d (%d)", p$table, p$column))
  }
})

test_that("the same cells come out of lm() and sandwich", {
  skip_if_not_installed("sandwich")
  for (p in plan()) {
    expect_identical(unequal_cells(p, by_lm(p)), character(),
                     label = sprintf("cells of table %d (%d)", p$table, p$column))
  }
})

test_that("the comparison can fail", {
  p <- plan()[[6]]
  m <- by_fepanel(p)
  m$coefficients["urban"] <- m$coefficients["urban"] + 1e-4
  expect_identical(unequal_cells(p, function(term) study$computed_cell(m, term)), "urban")
})

test_that("the interaction of fe_moderate() is the paper's; ln_insti is the index of its parts", {
  f <- as.formula(sprintf("ln_upmf ~ ln_imdig + ln_insti + %s | country + year",
                          paste(controls, collapse = " + ")))
  m <- fe_moderate(f, digitrade, "ln_imdig", "ln_insti", intercept = "lsdv")
  expect_identical(sprintf("%.4f", coef(m)[["ln_imdig:ln_insti"]]), "0.1472")
  index <- fe_index(digitrade, grep("^(wgi|ief)_", names(digitrade), value = TRUE),
                    transform = "log")
  expect_equal(as.numeric(index), digitrade$ln_insti, tolerance = 1e-12)
})

test_that("the panel is what its page says", {
  expect_identical(dim(digitrade), c(819L, 33L))
  expect_identical(order(digitrade$country, digitrade$year), 1:819)
  expect_identical(colSums(!is.na(digitrade[segments])),
                   c(ln_insur = 817, ln_finan = 817, ln_intelpro = 818, ln_ict = 818,
                     ln_other = 819, ln_audio = 817))
  expect_identical(c(sum(digitrade$developed), sum(!digitrade$developed)), c(403L, 416L))
})

test_that("a map of column names is data: nothing but arithmetic of columns is evaluated", {
  d <- data.frame(a = c(1, exp(1)), b = 1:2)
  expect_equal(study$map_value("log(a) + b", d), c(1, 3))
  expect_error(study$map_value("system('ls')", d), "neither a column")
  expect_error(study$map_value("a; b", d), "no expression")
  expect_error(study$map_value("nope", d), "nope")
  filled <- study$fill_series(c(NA, 1, NA, 4, NA), c(2000, 2001, 2003, 2004, 2005))
  expect_equal(filled, c(1, 1, 3, 4, 4))
})

test_that("a panel that cannot carry the study is refused in a sentence", {
  file <- tempfile(fileext = ".csv")
  refused <- function(d, says) {
    write.csv(d, file, row.names = FALSE)
    expect_error(study$study_panel(file), says)
  }
  d <- data.frame(country = rep(c("a", "b"), each = 3), year = 1:3, ln_upmf = rnorm(6), ln_imdig = rnorm(6))
  write.csv(d, file, row.names = FALSE)
  expect_identical(nrow(study$study_panel(file)), 6L)
  refused(d[0, ], "no row")
  refused(rbind(d, d[1, ]), "twice")
  refused(transform(d, ln_imdig = "x"), "not numeric")
  refused(transform(d, ln_imdig = 1), "does not vary")
  refused(d[1:3, ], "fewer than two")
  refused(transform(d, developed = "yes"), "developed")
  refused(d[-3], "ln_upmf")
})
