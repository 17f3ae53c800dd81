# u1 all, u2 gap, u3 enters, u4 leaves, u5 once; times as years with one that nobody has.
small_panel <- function() {
  d <- data.frame(u = rep(c("u1", "u2", "u3", "u4", "u5"), c(4, 3, 2, 3, 1)),
                  t = c(1, 2, 4, 5, 1, 2, 5, 4, 5, 1, 2, 4, 2))
  d$x <- seq_len(nrow(d))
  d$x[c(2, 9)] <- c(NA, Inf)
  d[c(5, 13, 1, 9, 12, 2, 3, 4, 6, 7, 8, 10, 11), ]
}

test_that("units, gaps, entry and exit are counted", {
  view <- fe_panel_view(small_panel(), "u", ~t, "x")
  expect_identical(view$units$unit, paste0("u", 1:5))
  expect_equal(view$units$first, c(1, 1, 4, 1, 2))
  expect_equal(view$units$last, c(5, 5, 5, 4, 2))
  expect_equal(view$units$n, c(4, 3, 2, 3, 1))
  expect_equal(view$units$gaps, c(0, 1, 0, 0, 0))
  expect_equal(view$units$incomplete, c(1, 0, 1, 0, 0))
  expect_equal(view$periods$time, c(1, 2, 4, 5))
  expect_equal(view$periods$n, c(3, 4, 3, 3))
  expect_equal(view$periods$gaps, c(0, 0, 1, 0))
  expect_equal(view$periods$entry, c(3, 1, 1, 0))
  expect_equal(view$periods$exit, c(0, 1, 1, 3))
  expect_false(view$balanced)
})

test_that("patterns are those of a table of rows", {
  set.seed(2)
  d <- expand.grid(t = 1:4, u = 1:50)
  d <- d[runif(nrow(d)) < 0.7, ]
  view <- fe_panel_view(d, "u", "t")
  seen <- ifelse(unclass(table(d$u, d$t)) > 0, "1", ".")
  oracle <- table(apply(seen, 1, paste, collapse = ""))
  expect_equal(view$patterns$units, as.integer(oracle[view$patterns$pattern]))
  expect_equal(sum(view$patterns$share), 1)
  expect_false(is.unsorted(rev(view$patterns$units)))
  expect_equal(glance(view)$gaps, sum(vapply(split(d$t, d$u), function(t) {
    max(t) - min(t) + 1L - length(t)
  }, 0L)))
})

test_that("a balanced panel is said to be so, rows without keys are counted", {
  view <- fe_panel_view(digitrade, "country", "year")
  expect_true(view$balanced)
  expect_output(print(view), "819 rows, 63 units \\(country\\), 13 periods .*, balanced")
  d <- digitrade
  d$year[1:2] <- NA
  expect_output(print(fe_panel_view(d, "country", "year")), "2 rows without country or year")
})

test_that("cells in the figure are the rows", {
  skip_if_not_installed("ggplot2")
  view <- fe_panel_view(small_panel(), "u", "t", "x")
  p <- plot(view)
  expect_equal(c(table(p$data$status)), c(observed = 11, gap = 1, incomplete = 2, absent = 6))
  top <- p$data[p$data$place == max(p$data$place), ]
  expect_equal(unique(top$unit), 1L)
  counts <- plot(view, "counts")
  expect_equal(sum(ggplot2::layer_data(counts, 1L)$ymax - ggplot2::layer_data(counts, 1L)$ymin),
               14)
})

test_that("many units share lines, and no row is lost", {
  skip_if_not_installed("ggplot2")
  set.seed(3)
  d <- expand.grid(t = 1:6, u = 1:1003)
  d <- d[runif(nrow(d)) < 0.6, ]
  view <- fe_panel_view(d, "u", "t")
  cells <- plot(view, most = 40)$data
  expect_equal(sum(cells$share * (cells$high - cells$low)), nrow(d))
  expect_equal(nrow(cells), 240L)
})

test_that("bad input is refused with the argument and the remedy", {
  d <- small_panel()
  expect_error(fe_panel_view(d, time = "t"), "`id` is missing", class = "fe_error")
  expect_error(fe_panel_view(d, "u"), "`time` is missing", class = "fe_error")
  expect_error(fe_panel_view(d, "u", "when"), "`time`.*\"when\"", class = "fe_error")
  expect_error(fe_panel_view(rbind(d, d[3, ]), "u", "t"), "do not identify rows.*row 14",
               class = "fe_error")
  expect_error(fe_panel_view(transform(d, u = NA), "u", "t"), "nowhere", class = "fe_error")
  expect_error(tidy(fe_panel_view(d, "u", "t"), "cells"), "`what`", class = "fe_error")
})
