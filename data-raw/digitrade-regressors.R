# Regressors of digitrade.R: institution index, ln_imdig and the five controls.
# Each returns a vector in panel order; within-country variation is made so that
# the nested columns of Table 2 can hold exactly (see digitrade.R, section 2).

# ---- the institution indicators ---------------------------------------------

# Six governance scores and eight freedom scores around one latent quality path
# per country: a persistent level, a slow drift and a smooth AR(1) part. `swing`
# scales the movement over time.
make_indicators <- function(p, swing) {
  level <- ifelse(p$dev_c, stats::rnorm(63L, 1.0, 0.42), stats::rnorm(63L, -0.55, 0.5))
  level[p$id$city] <- 1.2
  level[p$id$base] <- -0.5
  level[p$id$closed] <- -0.4
  level[p$id$low] <- c(-1.2, -1.1, -1.0)[seq_along(p$id$low)]
  level <- pmax(level, -1.25)
  sd <- ifelse(p$dev_c, 0.085, 0.115)
  sd[p$id$closed] <- 0.04
  drift <- 0.2 * sd * pmin(pmax(stats::rnorm(63L), -1.5), 1.5) + ifelse(p$dev_c, -0.005, 0.012)
  wave <- vapply(sd, function(s) ar1(13L, 0.85, s), numeric(13L))
  latent <- rep(level, each = 13L) + swing * (rep(drift, each = 13L) * (p$t - 6) + c(wave))
  own <- function(sd_level, sd_time) {
    rep(stats::rnorm(63L, 0, sd_level), each = 13L) +
      swing * c(vapply(seq_len(63L), function(i) ar1(13L, 0.8, sd_time), numeric(13L)))
  }
  squash <- function(z, lo, hi) {             # soft limits of the scale
    mid <- (lo + hi) / 2
    half <- (hi - lo) / 2
    mid + half * tanh((z - mid) / half)
  }
  wgi <- function(load, sd_level) squash(0.1 + load * latent + own(sd_level, 0.06), -2.6, 2.6)
  ief <- function(mid, load, sd_level, sd_time)
    squash(mid + load * latent + own(sd_level, sd_time), 0, 100)
  out <- data.frame(
    wgi_va = wgi(0.75, 0.38), wgi_pv = wgi(0.70, 0.42), wgi_ge = wgi(0.88, 0.22),
    wgi_rq = wgi(0.86, 0.22), wgi_rl = wgi(0.95, 0.20), wgi_cc = wgi(1.00, 0.28),
    ief_property = ief(58, 20, 7, 2.5), ief_spending = ief(62, -9, 17, 3),
    ief_business = ief(71, 10, 7, 2.5), ief_labor = ief(60, 4, 11, 2.5),
    ief_monetary = ief(78, 3.5, 4, 2), ief_trade = ief(80, 6, 5, 2),
    ief_investment = ief(65, 15, 9, 3), ief_financial = ief(60, 13, 9, 2.5))
  round(out, 4L)
}

# log(s - min(s) + 1), s the first principal component score (z scores, n - 1;
# first eigenvector of the correlation matrix, signed so that its sum is > 0).
institution_index <- function(ind) {
  Z <- scale(as.matrix(ind))
  v <- eigen(stats::cor(as.matrix(ind)), symmetric = TRUE)$vectors[, 1L]
  s <- drop(Z %*% v) * sign(sum(v))
  log(s - min(s) + 1)
}

# ---- shares and controls: start values --------------------------------------

# Every start value is level + movement, movement scaled by `size`.
move_imdig <- function(p, quality) {
  # all shares of digital services rise, faster in developing countries; travel
  # collapses in 2020, so the share of the rest jumps
  common <- 0.008 * p$t + 0.10 * (p$t == 12) + 0.02 * (p$t == 1)
  group <- ifelse(p$dev, -0.5, 0.5) * (0.014 * (p$t - 6))
  # among developing countries, those with better institutions change more
  calm <- ifelse(p$dev_c, 1, exp(1.1 * (quality + 0.4)))
  slope <- calm * ifelse(p$dev_c, stats::rnorm(63L, 0, 0.009), stats::rnorm(63L, 0, 0.016))
  sd <- calm * ifelse(p$dev_c, 0.074, 0.115) * exp(stats::rnorm(63L, 0, 0.25))
  wave <- vapply(sd, function(s) ar1(13L, 0.72, s), numeric(13L))
  list(move = common + group + rep(slope, each = 13L) * (p$t - 6) + c(wave), sd = sd)
}

move_pgdp <- function(p, level) {
  growth <- ifelse(p$dev_c, stats::rnorm(63L, 0.012, 0.012), stats::rnorm(63L, 0.030, 0.018))
  cycle <- c(0, -0.09, -0.06, 0.03, 0.01, 0.03, 0.03, -0.08, -0.07, -0.03, 0.02, 0, -0.05)
  beta <- exp(stats::rnorm(63L, 0, 0.25))
  wave <- vapply(seq_len(63L), function(i) ar1(13L, 0.75, 0.075), numeric(13L))
  path <- rep(growth, each = 13L) * (p$t - 6) + rep(beta, each = 13L) * cycle[p$t + 1L] + c(wave)
  list(move = rep(level, each = 13L) * (exp(path) - 1), sd = 0.09 * level)
}

# Foreign investment is calm in most countries; in a few financial hubs it comes
# in rare large waves (skewed), in one of them in both directions.
move_fdi <- function(p) {
  sd <- ifelse(p$dev_c, 3, 2) * exp(stats::rnorm(63L, 0, 0.4))
  hub <- p$id$hub
  sd[hub] <- c(75, 45, 34, 30)[seq_along(hub)]
  sd[p$id$city] <- 5
  wave <- vapply(sd, function(s) ar1(13L, 0.25, 1) * s * sqrt(4 / stats::rchisq(13L, 6)),
                 numeric(13L))
  for (i in hub[1:3]) {
    z <- exp(0.75 * ar1(13L, 0.3, 1))
    wave[, i] <- (z - mean(z)) / stats::sd(z) * sd[i]
  }
  list(move = c(wave), sd = sd)
}

move_gfcf <- function(p) {
  sd <- ifelse(p$dev_c, 2.4, 3.2) * exp(stats::rnorm(63L, 0, 0.25))
  sd[p$id$base] <- 1.6
  cycle <- c(1.2, -0.6, -0.7, 0, 0.1, -0.2, -0.1, 0, -0.1, 0.1, 0.3, 0.3, -0.2)
  wave <- vapply(sd, function(s) ar1(13L, 0.75, s), numeric(13L))
  slope <- stats::rnorm(63L, 0, 0.15)
  list(move = cycle[p$t + 1L] + rep(slope, each = 13L) * (p$t - 6) + c(wave), sd = sd)
}

move_rd <- function(p, level) {
  sd <- 0.13 * level^0.8
  wave <- vapply(sd, function(s) ar1(13L, 0.85, s), numeric(13L))
  slope <- stats::rnorm(63L, 0.018, 0.02) * level
  list(move = rep(slope, each = 13L) * (p$t - 6) + 0.02 * (p$t == 12) * rep(level, each = 13L) +
         c(wave), sd = sd)
}

# Urban shares move slowly: a parabola in time for each country, none for the
# city-state. Returned with its basis, so that conditions can be met by changing
# the parabolas and nothing else.
move_urban <- function(p) {
  slope <- ifelse(p$dev_c, pmax(stats::rnorm(63L, 0.17, 0.12), -0.05),
                  pmax(stats::rnorm(63L, 0.36, 0.24), -0.1))
  bend <- stats::rnorm(63L, 0, ifelse(p$dev_c, 0.006, 0.011))
  slope[p$id$base] <- 0.08
  bend[p$id$base] <- -0.002
  slope[p$id$city] <- bend[p$id$city] <- 0
  tc <- p$t - 6
  list(move = rep(slope, each = 13L) * tc + rep(bend, each = 13L) * (tc^2 - 14),
       slope_sd = ifelse(p$dev_c, 0.12, 0.24), bend_sd = ifelse(p$dev_c, 0.006, 0.011))
}

# Metric of country-wise parabolas (no correction where `fixed`).
parabola_metric <- function(p, slope_sd, bend_sd, fixed) {
  tc <- p$t - 6
  B <- stats::model.matrix(~ p$country - 1)
  W <- c(slope_sd, bend_sd)^2
  W[c(fixed, 63L + fixed)] <- 0
  B <- cbind(B * tc, B * (tc^2 - 14))
  function(G) B %*% (W * crossprod(B, as.matrix(G)))
}
