test_that("a confounder of given partial R2 moves the estimate exactly as the formula says", {
  set.seed(4)
  d <- digitrade
  base <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, d)
  d$z <- rnorm(nrow(d)) + d$ln_imdig / 4 + d$ln_upmf
  long <- lm(ln_upmf ~ ln_imdig + pgdp + z + country + factor(year), d)
  partial <- function(with, without) 1 - deviance(with) / deviance(without)
  r2y <- partial(long, update(long, . ~ . - z))
  to_d <- update(long, ln_imdig ~ . - ln_imdig)
  r2d <- partial(to_d, update(to_d, . ~ . - z))
  s <- fe_sensitivity(base)
  moved <- fepanel:::adjusted_estimate(s$stats, r2d, r2y)
  ref <- summary(long)$coefficients["ln_imdig", ]
  expect_equal(abs(moved$estimate - s$stats$estimate), abs(ref[[1]] - s$stats$estimate),
               tolerance = 1e-8)
  expect_equal(moved$std.error, ref[[2]], tolerance = 1e-8)
})

test_that("robustness values solve their equations", {
  s <- fe_sensitivity(fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade))$stats
  expect_equal(fepanel:::adjusted_estimate(s, s$rv, s$rv)$estimate, 0, tolerance = 1e-10)
  worst <- max(vapply(seq(0, s$rv.alpha, length.out = 2001), function(y) {
    -abs(fepanel:::adjusted_estimate(s, s$rv.alpha, y)$statistic)
  }, 0))
  expect_equal(-worst, qt(0.975, s$df - 1), tolerance = 1e-4)
})

test_that("the Darfur example of sensemakr 0.1.4 is reproduced", {
  # t 4.184 on 783 degrees of freedom: RV 13.88 %, 7.63 %
  expect_equal(round(fepanel:::robustness_value(0.09731582 / 0.02325654, 783, 1, 0), 4), 0.1388)
  expect_equal(round(fepanel:::robustness_value(0.09731582 / 0.02325654, 783, 1,
                                                qt(0.975, 782)), 4), 0.0763)
})

test_that("with errors of known correlation the true indirect effect is found at that rho", {
  set.seed(2)
  n <- 400
  t <- rnorm(n)
  e2 <- resid(lm(rnorm(n) ~ t))
  u <- resid(lm(rnorm(n) ~ t + e2))
  e2 <- e2 / sd(e2)
  e3 <- 0.4 * e2 + sqrt(1 - 0.16) * u / sd(u)
  m <- 1 + 0.5 * t + e2
  d <- data.frame(t, m, y = 2 + 0.3 * t + 0.7 * m + e3)
  x <- fe_mediate(y ~ t, d, mediators = "m", R = 0)
  s <- fe_sensitivity(x, rho = c(0, 0.4))
  expect_equal(s$rho$indirect[2], 0.35, tolerance = 1e-8)
  expect_equal(s$rho$direct[2], 0.3, tolerance = 1e-8)
  expect_equal(s$rho$indirect[1], coef(x)[["indirect:m"]], tolerance = 1e-10)
  expect_equal(fe_sensitivity(x, rho = s$rho_zero$rho)$rho$indirect, 0, tolerance = 1e-10)
})

test_that("the band at rho = 0 is that of the joint delta method, controls of single paths too", {
  for (v in list("HC1", ~country)) {
    x <- fe_mediate(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, R = 0, vcov = v,
                    mediators = "ln_innov", covariates = list(m = ~ rd))
    e <- tidy(x, "delta")
    expect_equal(fe_sensitivity(x, rho = 0)$rho$std.error, e$std.error[e$effect == "indirect"],
                 tolerance = 1e-9)
  }
})

test_that("the band elsewhere is the derivative by the weight of each row", {
  d <- digitrade[seq(1, 819, 14), ]
  x <- fe_mediate(ln_upmf ~ ln_imdig, d, mediators = "ln_inter", R = 0, vcov = "HC1")
  rho <- 0.4
  paths <- function(w) {
    a <- lm.wfit(cbind(1, d$ln_imdig), d$ln_inter, w)
    y <- residuals(lm.wfit(cbind(1, d$ln_imdig), d$ln_upmf, w))
    s <- c(sum(w * y^2), sum(w * a$residuals^2), sum(w * y * a$residuals)) / sum(w)
    c(a$coefficients[[2L]], (s[3] - rho * sqrt((s[1] * s[2] - s[3]^2) / (1 - rho^2))) / s[2])
  }
  n <- nrow(d)
  at <- paths(rep(1, n))
  slopes <- vapply(seq_len(n), function(i) {
    (paths(1 + 1e-5 * (seq_len(n) == i)) - paths(1 - 1e-5 * (seq_len(n) == i))) / 2e-5
  }, numeric(2))
  psi <- sqrt(n / (n - 2)) * slopes[1, ] * at[2] + sqrt(n / (n - 3)) * slopes[2, ] * at[1]
  s <- fe_sensitivity(x, rho = rho)$rho
  expect_equal(s$indirect, prod(at), tolerance = 1e-9)
  expect_equal(s$std.error, sqrt(sum(psi^2)), tolerance = 1e-6)
})

test_that("within shares of rho leave out what the effects explain", {
  x <- fe_mediate(ln_upmf ~ ln_imdig | country + year, digitrade, R = 0, mediators = "ln_inter")
  z <- fe_sensitivity(x)$rho_zero
  share <- function(v, rhs) {
    effects <- lm(reformulate(c("country", "factor(year)"), v), digitrade)
    deviance(update(effects, reformulate(c(".", rhs), "."))) / deviance(effects)
  }
  expect_equal(z$r2.within / z$r2.residual,
               share("ln_inter", "ln_imdig") * share("ln_upmf", c("ln_imdig", "ln_inter")),
               tolerance = 1e-8)
  expect_lt(z$r2.total, z$r2.within)
})

test_that("methods give one row, classical intervals, a table, and figures", {
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp + rd | country + year, digitrade)
  s <- fe_sensitivity(m, benchmark = c("pgdp", "rd"), kd = 1:2)
  iid <- tidy(fe_lm(ln_upmf ~ ln_imdig + pgdp + rd | country + year, digitrade, vcov = "iid"),
              conf.int = TRUE)[1L, ]
  expect_equal(tidy(s, conf.int = TRUE)[c("p.value", "conf.low", "conf.high")],
               as.data.frame(iid)[c("p.value", "conf.low", "conf.high")], tolerance = 1e-9,
               ignore_attr = TRUE)
  expect_identical(nrow(glance(s)), 1L)
  expect_equal(glance(s)[["rv"]], s$stats$rv)
  expect_identical(nobs(s), nobs(m))
  expect_output(print(fe_table(s)), "Robustness value")
  skip_if_not_installed("ggplot2")
  built <- ggplot2::ggplot_build(plot(s))
  labels <- Filter(function(l) "label" %in% names(l), built$data)[[1L]]
  expect_setequal(sub(":.*", "", labels$label), c("as estimated", "1, 2 x pgdp", "1, 2 x rd"))
  expect_gt(min(diff(sort(labels$y))), 0.06 * max(built$data[[1L]]$y))
})

test_that("what has no sensitivity analysis is refused by name", {
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade)
  expect_error(fe_sensitivity(m, treat = "fdi"), "`treat` .*fdi")
  expect_error(fe_sensitivity(m, benchmark = "fdi"), "`benchmark` .*fdi")
  expect_error(fe_sensitivity(m, benchmark = "ln_imdig"), "`benchmark` .*treatment")
  expect_error(fe_sensitivity(m, benchmark = "pgdp", kd = 1e6), "`kd`")
  expect_error(fe_sensitivity(m, q = -1), "`q`")
  expect_error(fe_sensitivity(m, alpha = 2), "`alpha`")
  expect_error(tidy(fe_sensitivity(m), "rho"), "`what`")
  expect_error(plot(fe_sensitivity(m), "rho"), "`what`")
  expect_error(plot(fe_sensitivity(m), effect = 3), "`effect`")
  iv <- fe_lm(ln_upmf ~ pgdp | country + year | ln_imdig ~ fdi, digitrade)
  expect_error(fe_sensitivity(iv), "instrument|least squares")
  both <- c("ln_innov", "ln_inter")
  chain <- fe_mediate(ln_upmf ~ ln_imdig | country + year, digitrade, mediators = both, R = 0,
                      type = "serial")
  expect_error(fe_sensitivity(chain), "chain")
  x <- fe_mediate(ln_upmf ~ ln_imdig | country + year, digitrade, mediators = both, R = 0)
  for (rho in list(1, -1.2, NA_real_, "a", numeric())) {
    expect_error(fe_sensitivity(x, rho = rho), "`rho`")
  }
  expect_error(fe_sensitivity(x, level = 1.5), "level")
})
