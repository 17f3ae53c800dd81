# Regressors of digitrade.R: institution index, ln_imdig and the five controls.
# A regressor is movement (within countries, zero level) plus country levels. The
# movements are made so that the nested columns of Table 2 can hold exactly, the
# levels so that Table 1 and the constants can (see digitrade.R, section 2).

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

# ---- movements that meet Table 2 ----------------------------------------------

# Residual sum of squares of v on the dummies and X.
within_ss <- function(v, X = NULL) sum(qr.resid(qr(cbind(D_all, X)), v)^2)

# Indicators whose movement is scaled so that ln_insti varies within countries by
# SS_INSTI, which is what its standard error asks for.
scaled_indicators <- function() {
  at <- function(swing) {
    new_stream(2)
    make_indicators(p, swing)
  }
  gap <- function(swing) within_ss(institution_index(at(swing))) - SS_INSTI
  swing <- round(stats::uniroot(gap, c(0.2, 4), tol = 1e-4)$root, 3L)
  at(swing)
}

# Movement of the k-th regressor: residual sum of squares SS_k given the earlier
# ones (Xbefore), coefficients delta_kj on them; corrections in the metric S.
# (`w`, `along`: the coefficient of w on x_k given the earlier regressors, too.)
fit_movement <- function(k, move, S, Xbefore, w = NULL, along = NULL) {
  target <- SS[[XNAMES[k]]]
  if (k == 1L) return(move * sqrt(target / within_ss(move)))
  m <- make_model(Xbefore, ALL, p)
  P <- m$P[, seq_len(k - 1L), drop = FALSE]
  want <- delta(k)
  if (!is.null(w)) {
    P <- cbind(P, qr.resid(m$qr, w))
    want <- c(want, along * target)
  }
  for (it in 1:60) {
    move <- meet_linear(move, P, want, S)
    if (it < 60) move <- move * sqrt(target / within_ss(move, Xbefore))
  }
  move
}

# Movements of all six; ln_imdig comes with its levels, since the interaction
# ln_imdig x ln_insti, which urban is to go along with, depends on them.
make_movements <- function(lev) {
  new_stream(4)
  a <- move_imdig(p, as.numeric(tapply(ln_insti - mean(ln_insti), p$country, mean)))
  X <- cbind(ln_imdig = fit_movement(1L, a$move, NULL, NULL))
  X[, "ln_imdig"] <- place_imdig(X[, "ln_imdig"] + rep(lev$ln_imdig, each = 13L))
  new_stream(5)
  a <- move_pgdp(p, lev$pgdp)
  X <- cbind(X, pgdp = fit_movement(2L, a$move, ar_metric(a$sd, 0.7, 13L), X))
  new_stream(6)
  a <- move_fdi(p)
  X <- cbind(X, fdi = fit_movement(3L, a$move, ar_metric(a$sd, 0.2, 13L), X))
  new_stream(7)
  a <- move_gfcf(p)
  X <- cbind(X, gfcf = fit_movement(4L, a$move, ar_metric(a$sd, 0.7, 13L), X))
  new_stream(8)
  a <- move_rd(p, lev$rd)
  X <- cbind(X, rd = fit_movement(5L, a$move, ar_metric(a$sd, 0.8, 13L), X))
  new_stream(9)
  a <- move_urban(p)
  S <- parabola_metric(p, a$slope_sd, a$bend_sd, c(p$id$city, p$id$base))
  w <- (X[, "ln_imdig"] - mean(X[, "ln_imdig"])) * (ln_insti - mean(ln_insti))
  cbind(X, urban = fit_movement(6L, a$move, S, X, w, DELTA_W_URBAN))
}

# ---- levels that meet Table 1 and the base level --------------------------------

# Start levels, one a country; the named places get theirs by hand.
start_levels <- function() {
  new_stream(3)
  d <- p$dev_c
  normal <- function(m1, s1, m0, s0) ifelse(d, stats::rnorm(63L, m1, s1), stats::rnorm(63L, m0, s0))
  lev <- list(
    ln_imdig = normal(3.80, 0.26, 3.55, 0.38),
    pgdp = exp(normal(3.55, 0.42, 2.0, 0.75)),
    fdi = exp(stats::rnorm(63L, 0.9, 0.5)),
    gfcf = stats::rnorm(63L, 22, 4),
    rd = exp(normal(0.6, 0.4, -0.75, 0.7)),
    urban = ifelse(d, 56 + 40 * stats::rbeta(63L, 3, 2), 42 + 50 * stats::rbeta(63L, 1.6, 1.6)))
  by_hand <- list(
    ln_imdig = c(closed = 2.1, digital = 4.45),
    pgdp = c(rich = 108, city = 50, poor = 1.4, base = 12.5),
    fdi = c(city = 21),
    gfcf = c(maker = 42, closed = 15),
    rd = c(base = 0.55, poor = 0.1, city = 2.1, digital = 4),
    urban = c(rural = 32, city = 100, base = 91, poor = 36))
  lev$fdi[p$id$hub] <- c(110, 40, 20, 15)
  for (v in names(by_hand)) for (place in names(by_hand[[v]]))
    lev[[v]][p$id[[place]]] <- by_hand[[v]][[place]]
  lev
}

# Base levels L(x_k) = delta_k0 + sum_j delta_kj L(x_j); that of ln_imdig is free.
base_levels <- function() {
  L <- c(ln_imdig = L_IMDIG)
  for (k in 2:6) L[XNAMES[k]] <- delta0(k) + sum(delta(k) * L[seq_len(k - 1L)])
  L
}

# Rows at which the path of `place` in x is lowest and that of `other` highest.
extreme_rows <- function(x, place, other) {
  low <- row_of(place, 2008:2020)
  high <- row_of(other, 2008:2020)
  c(low[which.min(x[low])], high[which.max(x[high])])
}

# Levels of variable v under its row of Table 1: x start path, w how readily a
# country's level moves, ends the places of minimum and maximum, gap the distance
# at which other paths keep off the bounds, further linear functionals in `...`.
meet_table1 <- function(v, x, w, ends, gap, extra, extra_values, ...) {
  bounds <- c(t1(v, "min"), t1(v, "max"))
  set_levels_within(x, p$country, w, bounds[1L], bounds[2L], gap,
                    rows = extreme_rows(x, ends[1L], ends[2L]), values = bounds,
                    mean = t1(v, "mean"), sd = t1(v, "sd"),
                    extra = extra, extra_values = extra_values, ...)
}

# ln_imdig: a country's level moves less readily where its institutions move much
# (else few countries would carry the interaction).
place_imdig <- function(x, extra = NULL, extra_values = NULL) {
  w <- 1 / (0.1 + as.numeric(tapply(ln_insti, p$country, stats::sd)))
  meet_table1("ln_imdig", x, w, c(p$id$closed, p$id$digital), 0.03,
              cbind(BASE, extra), c(L_IMDIG, extra_values))
}

place_controls <- function(X, lev) {
  L <- base_levels()
  id <- p$id
  place <- function(v, w, ends, gap)
    meet_table1(v, X[, v] + rep(lev[[v]], each = 13L), w, ends, gap, cbind(BASE), L[[v]])
  X[, "pgdp"] <- place("pgdp", lev$pgdp^2, c(id$poor, id$rich), 0.15)
  X[, "fdi"] <- place("fdi", (1 + lev$fdi)^2, c(id$hub[4L], id$hub[1L]), 1)
  X[, "gfcf"] <- place("gfcf", rep(1, 63L), c(id$closed, id$maker), 0.3)
  X[, "rd"] <- place("rd", lev$rd^2, c(id$poor, id$digital), 0.03)
  X[, "urban"] <- place("urban", pmax(1, 100 - lev$urban), c(id$rural, id$city), 0.5)
  X
}

# ---- the moderation column ------------------------------------------------------

# With u = ln_imdig - mean, v = ln_insti - mean, w = u v and
# Delta the coefficients of v and w on the six regressors (ln_imdig centred),
#   B[6, imdig] = b_imdig + b_insti Delta_v + b_inter Delta_w   (and the constants).
# Levels of ln_imdig (not its movement) are moved until both hold, together with
# Table 1 and the base level.
meet_moderation <- function(X) {
  x <- X[, "ln_imdig"]
  xbar <- t1("ln_imdig", "mean")
  m <- make_model(X, ALL, p)
  # movements do not depend on levels, so neither do these functionals, up to the
  # base level of ln_imdig itself, which is given
  g1 <- m$P[, "ln_imdig"]
  g0 <- m$P[, "_cons"] + xbar * g1
  v <- ln_insti - mean(ln_insti)
  slope <- (B[6, "ln_imdig"] - MOD[["ln_imdig"]] - MOD[["ln_insti"]] * sum(g1 * v)) / MOD[["inter"]]
  gap <- CONS[6] + B[6, "ln_imdig"] * xbar - cell(3, 5, "_cons")
  const <- (gap - MOD[["ln_insti"]] * sum(g0 * v)) / MOD[["inter"]]
  # functionals of x: w = v (x - xbar) and xbar is given
  place_imdig(x, cbind(g1 * v, g0 * v),
              c(slope + xbar * sum(g1 * v), const + xbar * sum(g0 * v)))
}
make_regressors <- function() {
  lev <- start_levels()
  X <- place_controls(make_movements(lev), lev)
  X[, "ln_imdig"] <- meet_moderation(X)
  X
}
