# An unbalanced panel with missing and infinite values.
unbalanced <- function() {
  set.seed(5)
  d <- expand.grid(year = 2001:2006, firm = paste0("f", 1:9))[-c(3, 20, 21, 40), ]
  d$x <- as.integer(d$firm) + rnorm(nrow(d))
  d$z <- rexp(nrow(d))
  d$z[c(2, 11)] <- NA
  d$big <- d$year > 2003
  d
}

test_that("the default statistics equal those of base R, variable by variable", {
  d <- unbalanced()
  table <- fe_describe(d, c("x", "z"))
  expect_identical(table$variable, c("x", "z"))
  for (v in c("x", "z")) {
    row <- table[table$variable == v, ]
    x <- d[[v]][!is.na(d[[v]])]
    expect_identical(row$n, as.double(length(x)))
    expect_equal(unlist(as.data.frame(row)[c("mean", "sd", "min", "max")]),
                 c(mean = mean(x), sd = sd(x), min = min(x), max = max(x)))
  }
  expect_identical(table$missing, c(0, 2))
})

test_that("by default all numeric and logical columns are described, keys left out", {
  d <- unbalanced()
  expect_identical(fe_describe(d)$variable, c("year", "x", "z", "big"))
  expect_identical(fe_describe(d, id = "firm", time = "year")$variable, c("x", "z", "big"))
  expect_identical(fe_describe(d, ~ .)$variable, c("year", "x", "z", "big"))
  expect_equal(fe_describe(d, ~big)$mean, mean(d$big))
})

test_that("percentiles and median are those of quantile()", {
  d <- unbalanced()
  table <- fe_describe(d, "x", stats = c("p25", "median", "p75", "p97.5"))
  expect_equal(unname(unlist(as.data.frame(table)[-1L])),
               unname(quantile(d$x, c(0.25, 0.5, 0.75, 0.975))))
  expect_identical(names(table), c("variable", "p25", "median", "p75", "p97.5"))
})

test_that("between and within statistics follow xtsum, on each variable's own values", {
  d <- unbalanced()
  all_stats <- c("mean", "sd_between", "sd_within", "min_between", "max_between", "min_within",
                 "max_within", "units", "t_bar")
  d$z[d$firm == "f4"] <- NA
  table <- fe_describe(d, c("x", "z"), id = ~firm, stats = all_stats)
  for (v in c("x", "z")) {
    used <- d[!is.na(d[[v]]), ]
    unit_means <- tapply(used[[v]], as.character(used$firm), mean)
    within <- numeric(nrow(used))
    for (i in seq_len(nrow(used))) {
      within[i] <- used[[v]][i] - unit_means[[as.character(used$firm[i])]] + mean(used[[v]])
    }
    expected <- c(mean(used[[v]]), sd(unit_means), sd(within), min(unit_means), max(unit_means),
                  min(within), max(within), length(unit_means), nrow(used) / length(unit_means))
    row <- as.data.frame(table)[table$variable == v, all_stats]
    expect_equal(unname(unlist(row)), expected, tolerance = 1e-12)
  }
  expect_equal(table$units, c(9, 8))
})

test_that("within is n - 1 of rows, so plm's within sum of squares is recovered", {
  skip_if_not_installed("plm")
  data("Grunfeld", package = "plm", envir = environment())
  table <- fe_describe(Grunfeld, "inv", id = "firm", time = "year")
  p <- plm::pdata.frame(Grunfeld, index = c("firm", "year"))
  expect_equal(table$sd_within, sqrt(sum(plm::Within(p$inv)^2) / (nrow(Grunfeld) - 1)))
  expect_equal(table$sd_between, sd(plm::between(p$inv)))
  expect_true(attr(table, "panel")$balanced)
  expect_output(print(table), "200 rows, 10 units \\(firm\\), 20 periods \\(year\\), balanced")
})

test_that("groups equal aggregate(), and rows without a group are a group", {
  d <- unbalanced()
  table <- fe_describe(d, "x", by = c("big", "year"))
  oracle <- aggregate(x ~ year + big, d, function(v) c(length(v), mean(v), sd(v)))
  expect_equal(table$year, oracle$year)
  expect_equal(unname(as.matrix(as.data.frame(table)[c("n", "mean", "sd")])),
               unname(oracle$x))
  d$big[1:3] <- NA
  table <- fe_describe(d, "x", by = "big", id = "firm")
  expect_identical(table$big, c(FALSE, TRUE, NA))
  expect_equal(table$n[3L], 3)
  expect_equal(table$units, vapply(list(FALSE, TRUE, NA), function(g) {
    as.double(length(unique(d$firm[d$big %in% g])))
  }, 0))
  expect_output(print(table), "big = \\(missing\\)")
})

test_that("missing and infinite values are counted and shown", {
  d <- data.frame(a = c(1, NA, Inf, 3, -Inf), b = NA_real_, c = c(1, 1, 1, 1, NaN))
  table <- fe_describe(d)
  expect_equal(table$n, c(2, 0, 4))
  expect_equal(table$missing, c(1, 5, 1))
  expect_equal(table$infinite, c(2, 0, 0))
  expect_equal(table$mean, c(2, NA, 1))
  expect_output(print(table), "Missing  Infinite.*Left out.*missing and infinite")
  expect_false("missing" %in% names(fe_describe(data.frame(a = 1:3))))
})

test_that("rows without an id stay in the plain statistics and out of the panel ones", {
  d <- data.frame(id = c("a", "a", "b", NA), x = c(1, 3, 5, 100))
  table <- fe_describe(d, "x", id = "id")
  expect_equal(table$mean, mean(d$x))
  expect_equal(table$sd_between, sd(c(2, 5)))
  expect_equal(table$sd_within, sd(c(-1, 1, 0)))
  expect_output(print(table), "1 without id left out of the panel statistics")
})

test_that("labels come from the argument, then the attribute, then the name", {
  d <- data.frame(a = 1:3, b = 1:3, c = 1:3)
  attr(d$a, "label") <- "Label of a"
  attr(d$b, "label") <- "Label of b"
  table <- fe_describe(d, labels = c(b = "Other"))
  expect_identical(table$label, c("Label of a", "Other", "c"))
  expect_identical(format(table)$Variable, c("Label of a", "Other", "c"))
  expect_error(fe_describe(d, labels = c(z = "Z")), "`labels`.*\"z\"")
})

test_that("print shows counts without decimals and no value as a false zero", {
  d <- data.frame(a = c(1, 2, 4), tiny = c(1, 2, 4) * 1e-8, mid = c(-1e-17, 1, -1))
  text <- format(fe_describe(d), digits = 2)
  expect_identical(text$N, c("3", "3", "3"))
  expect_identical(text$Mean[1L], "2.33")
  expect_equal(as.numeric(text$Mean[2L]), mean(d$tiny), tolerance = 0.05)
  expect_match(text$Mean[3L], "^0\\.00$")
  lines <- capture.output(print(fe_describe(d)))
  expect_length(unique(nchar(lines[2:5])), 1L)
})

test_that("the table becomes a plain data frame, a tidy one and markdown", {
  table <- fe_describe(data.frame(a = 1:3, g = c("u", "u", "v")), "a", by = "g")
  expect_identical(class(as.data.frame(table)), "data.frame")
  expect_identical(names(attributes(as.data.frame(table))), c("names", "row.names", "class"))
  expect_identical(names(tidy(table)), c("g", "term", "n", "mean", "sd", "min", "max"))
  expect_identical(table$sd, c(sd(1:2), NA))
  skip_if_not_installed("knitr")
  expect_match(knitr::knit_print(table), "|g  |Variable |  N|", fixed = TRUE)
})

test_that("a repeated pair of id and time is reported", {
  d <- data.frame(id = c(1, 1, 1, 2, 2), t = c(1, 2, 2, 1, 2), x = 1:5)
  expect_warning(table <- fe_describe(d, "x", id = "id", time = "t"), "row 3")
  expect_false(attr(table, "panel")$balanced)
})

test_that("bad input is refused with the argument and the remedy", {
  d <- unbalanced()
  expect_error(fe_describe(d, "firm"), "`vars`.*\"firm\".*factor")
  expect_error(fe_describe(d, "nope"), "`vars`.*\"nope\"")
  expect_error(fe_describe(d["firm"]), "no numeric column")
  expect_error(fe_describe(d, time = "year"), "`time`.*`id`")
  expect_error(fe_describe(d, id = c("firm", "year")), "`id` must name one column")
  expect_error(fe_describe(d, stats = "sd_within"), "`stats`.*\"sd_within\".*`id`")
  expect_error(fe_describe(d, stats = "average"), "`stats`.*\"average\"")
  expect_error(fe_describe(d, stats = "p101"), "`stats`.*\"p101\"")
  expect_error(fe_describe(d, "x", digits = 1.5), "`digits`")
  expect_error(fe_describe(d[0, ]), "no rows")
  expect_error(fe_describe(data.frame(n = 1:2, x = 1:2), "x", by = "n"), "`by`.*\"n\"")
  expect_error(fe_describe(list(1)), "`data` must be a data frame")
})
