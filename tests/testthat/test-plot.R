# Figures of coefficients: what is drawn is what the models say.

# The data of the first layer with this geom, with the models' own columns where they are.
layer_values <- function(p, geom) {
  at <- which(vapply(p$layers, function(l) inherits(l$geom, geom), NA))[1L]
  ggplot2::layer_data(p, at)
}

test_that("points and whiskers are estimates and intervals", {
  skip_if_not_installed("ggplot2")
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, vcov = ~country,
             intercept = "lsdv")
  p <- plot(m, level = 0.9)
  expect_s3_class(p, "ggplot")
  fit <- tidy(m, conf.int = TRUE, conf.level = 0.9)
  fit <- fit[fit$term != "(Intercept)", ]
  drawn <- layer_values(p, "GeomSegment")
  expect_equal(sort(drawn$x), sort(fit$conf.low))
  expect_equal(sort(drawn$xend), sort(fit$conf.high))
  expect_match(p$labels$caption, "90% confidence intervals.*by country")
  expect_equal(nrow(layer_values(plot(m, intercept = TRUE), "GeomPoint")), 3L)
})

test_that("several models are told apart by colour and by shape", {
  skip_if_not_installed("ggplot2")
  m <- fe_lm(ln_upmf ~ ln_imdig + csw0(pgdp, rd) | country + year, digitrade)
  drawn <- layer_values(plot(m), "GeomPoint")
  expect_equal(nrow(drawn), 6L)
  expect_equal(length(unique(drawn$colour)), 3L)
  expect_equal(length(unique(drawn$shape)), 3L)
  expect_equal(anyDuplicated(round(drawn$y, 6)), 0L)
  two <- plot(m[[1]], summary(m[[1]], vcov = ~country), names = c("HC1", "Clustered"))
  expect_identical(levels(two$data$model), c("HC1", "Clustered"))
})

test_that("coefficients of i() are drawn along their variable with the reference at zero", {
  skip_if_not_installed("ggplot2")
  m <- fe_lm(ln_upmf ~ i(year, developed, ref = 2012) | country + year, digitrade, vcov = ~country)
  p <- plot(m)
  drawn <- layer_values(p, "GeomPoint")
  expect_equal(drawn$x, setdiff(2008:2020, 2012))
  expect_equal(drawn$y, unname(coef(m)))
  last <- ggplot2::layer_data(p, length(p$layers))
  expect_equal(c(last$x, last$y), c(2012, 0))
})

test_that("choice and order of coefficients follow the arguments", {
  skip_if_not_installed("ggplot2")
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp + rd | country + year, digitrade)
  p <- plot(m, coef_map = c(rd = "R&D", ln_imdig = "Imports"))
  expect_identical(rev(levels(p$data$label)), c("R&D", "Imports"))
  expect_error(plot(m, keep = "zzz"), "`keep`", class = "fe_error")
})

test_that("more groups than colours still differ", {
  skip_if_not_installed("ggplot2")
  pair <- lapply(group_scales(12), function(s) s$palette(12))
  expect_equal(anyDuplicated(paste(pair[[1L]], pair[[2L]])), 0L)
})
