# Figures of coefficients: what is drawn is what the models say.

# The data of the first layer with this geom, with the models' own columns where they are.
layer_values <- function(p, geom) {
  at <- which(vapply(p$layers, function(l) inherits(l$geom, geom), NA))[1L]
  ggplot2::layer_data(p, at)
}

test_that("points and whiskers are estimates and intervals", {
  skip_if_not_installed("ggplot2")
  expect_warning(m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, vcov = ~country,
                            intercept = "lsdv"), "lie within the clusters", class = "fe_warning")
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

test_that("thin lines are the simultaneous bands of the drawn coefficients", {
  skip_if_not_installed("ggplot2")
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp + rd | country + year, digitrade, vcov = ~country)
  p <- plot(m, simultaneous = TRUE, drop = "rd", level = 0.9)
  band <- fe_bands(m, terms = c("ln_imdig", "pgdp"), level = 0.9)
  drawn <- layer_values(p, "GeomSegment")
  expect_equal(sort(drawn$x), sort(band$band.low))
  expect_equal(sort(drawn$xend), sort(band$band.high))
  expect_true(all(p$data$band.low < p$data$conf.low))
  expect_match(gsub("\n", " ", p$labels$caption), "thin: simultaneous")
  event <- fe_lm(ln_upmf ~ i(year, developed, ref = 2012) | country + year, digitrade)
  drawn <- layer_values(plot(event, simultaneous = TRUE), "GeomSegment")
  expect_equal(drawn$yend, fe_bands(event)$band.high)
  expect_error(plot(event, lm(pgdp ~ rd, digitrade), simultaneous = TRUE),
               "`simultaneous`.*fe_lm")
})

test_that("residuals, leverages and quantiles are those of lm with dummies", {
  skip_if_not_installed("ggplot2")
  d <- digitrade[digitrade$year < 2012, ]
  m <- fe_lm(ln_upmf ~ ln_imdig | country + year, d, weights = pgdp)
  oracle <- lm(ln_upmf ~ ln_imdig + country + factor(year), d, weights = pgdp)
  e <- unname(residuals(oracle) * sqrt(d$pgdp))
  p <- plot(m, type = "residuals")
  expect_equal(layer_values(p, "GeomPoint")$y, e, tolerance = 1e-8)
  expect_equal(layer_values(p, "GeomPoint")$x, unname(fitted(oracle)), tolerance = 1e-8)
  p <- plot(m, type = "leverage")
  expect_equal(layer_values(p, "GeomPoint")$y, unname(hatvalues(oracle)), tolerance = 1e-8)
  expect_equal(layer_values(p, "GeomPoint")$x, e^2 / sum(e^2), tolerance = 1e-8)
  top <- order(cooks.distance(oracle), decreasing = TRUE)[1:5]
  expect_identical(layer_values(p, "GeomText")$label, as.character(top))
  p <- plot(m, type = "qq")
  expect_equal(layer_values(p, "GeomPoint")$y, sort(e) / sigma(oracle), tolerance = 1e-8)
})

test_that("figures of residuals refuse what they cannot show", {
  skip_if_not_installed("ggplot2")
  m <- fe_lm(ln_upmf ~ sw(ln_imdig, pgdp) | country, digitrade)
  expect_error(plot(m, type = "qq"), "`type`.*one model", class = "fe_error")
  expect_error(plot(m[[1]], type = "hat"), "`type`", class = "fe_error")
  iv <- fe_lm(ln_upmf ~ 1 | country | ln_imdig ~ rd, digitrade)
  expect_error(plot(iv, type = "leverage"), class = "fe_error")
})

test_that("many rows are counted in cells", {
  skip_if_not_installed("ggplot2")
  set.seed(4)
  d <- data.frame(x = rnorm(10500), id = rep(1:500, 21))
  d$y <- d$x + rnorm(nrow(d))
  p <- plot(fe_lm(y ~ x | id, d), type = "residuals")
  expect_equal(sum(ggplot2::layer_data(p, 1L)$count), nrow(d))
})
