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

# Rows whose cross products are exactly those of the lower triangle given, within `groups` if there
# are any (else about the mean).
rows_with <- function(lower, names, n, groups = rep(1, n)) {
  k <- length(names)
  S <- matrix(0, k, k)
  S[lower.tri(S, TRUE)] <- lower
  S <- S + t(S) - diag(diag(S))
  noise <- vapply(seq_len(k), function(j) {
    z <- sin(j * seq_len(n)^1.5)
    z - ave(z, groups)
  }, numeric(n))
  as.data.frame(`colnames<-`(qr.Q(qr(noise)) %*% chol(S), names))
}

test_that("the indirect effects of mediation 4.5.1 on its jobs data are found at each rho", {
  # medsens(rho.by = 0.1, eps = 1e-14) of job_seek ~ treat + econ_hard + sex + age and
  # depress2 ~ treat + job_seek + econ_hard + sex + age. Estimates are functions of the covariances.
  names <- c("treat", "econ_hard", "sex", "age", "job_seek", "depress2")
  cov <- c(0.22197448407, -0.00131563894875, -0.0130041907892, 0.082405604676, 0.0149721839737,
           -0.0140612560255, 0.971974207311, -0.028926010941, 0.000774264349487, 0.0518106373211,
           0.128912154139, 0.248693085012, 0.145121489807, -0.00362480074528, 0.0237524279789,
           109.110943641, 0.50477629859, -0.0380287325748, 0.530022135397, -0.120147774758,
           0.424279257107)
  d <- rows_with(899 * cov, names, 899)
  x <- fe_mediate(depress2 ~ treat + econ_hard + sex + age, d, mediators = "job_seek", R = 0)
  s <- fe_sensitivity(x, rho = c(-0.9, -0.5, -0.3, 0, 0.3, 0.5, 0.9))
  expect_equal(s$rho$indirect, c(0.09859859918738, 0.01622841438015, 0.00167123333563,
                                 -0.01574464502889, -0.03316052339332, -0.04771770443783,
                                 -0.13008788924665), tolerance = 1e-6)
  # R2tilde.d.thresh over R2star.d.thresh: the unexplained shares of both equations
  expect_equal(s$rho_zero$r2.total / s$rho_zero$r2.residual, 0.0782613495148 / 0.09,
               tolerance = 1e-9)
  expect_identical(s$rho_zero$r2.within, NA_real_)
})

test_that("bounds and values of sensemakr 0.1.6 on its darfur data are found within villages", {
  # peacefactor ~ directlyharmed + age + farmer_dar + herder_dar + pastvoted + hhsize_darfur +
  # female + village: cross products within the 486 villages, 1276 rows
  names <- c("peacefactor", "directlyharmed", "age", "farmer_dar", "herder_dar", "pastvoted",
             "hhsize_darfur", "female")
  cross <- c(89.0619085398, 21.3238737008, 0.14873588654, -11.9065230437, -0.40975469116,
             -11.4948113931, 68.4796841545, -45.4613055197, 181.108191895, -40.639911318,
             -0.865322834828, 11.2149767985, 6.26913849756, 12.7731868502, -15.9672204857,
             179741.642846, 1064.33162348, 598.599837442, -1318.89220338, 14613.3955658,
             -1420.67204125, 126.870155322, 21.7182315578, 2.14976913944, -71.2565381585,
             19.8469995463, 99.8626403859, 2.34398935764, -140.45855298, 2.25507144065,
             178.406523588, -155.46814009, 25.9626736106, 27614.0082416, -237.918553791,
             191.943635265)
  village <- rep_len(1:486, 1276)
  d <- cbind(rows_with(cross, names, 1276, village), village)
  m <- fe_lm(peacefactor ~ directlyharmed + age + farmer_dar + herder_dar + pastvoted +
               hhsize_darfur + female | village, d)
  s <- fe_sensitivity(m, benchmark = "female", kd = 1:3)
  expect_equal(unlist(s$stats[c("estimate", "std.error", "r2.treat.outcome", "rv", "rv.alpha")],
                      use.names = FALSE),
               c(0.097315819285, 0.0232565378098, 0.0218730933411, 0.138776353894,
                 0.0762579655449), tolerance = 1e-7)
  expect_equal(s$bounds$r2.treat, c(0.00916428667505, 0.0183285733501, 0.02749286002515),
               tolerance = 1e-7)
  expect_equal(s$bounds$r2.outcome, c(0.124640923036, 0.2493240642, 0.374050471038),
               tolerance = 1e-7)
  expect_equal(s$bounds$estimate, c(0.0752202712144, 0.0529151723845, 0.0303960234642),
               tolerance = 1e-7)
  expect_equal(s$bounds$std.error, c(0.0218733277438, 0.020350062078, 0.0186700648171),
               tolerance = 1e-7)
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
