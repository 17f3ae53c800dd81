# Builds data/digitrade.rda and data/digitrade_published.rda.
# Run from the package root: Rscript data-raw/digitrade.R

source("data-raw/digitrade-tools.R")
source("data-raw/digitrade-regressors.R")

new_stream <- function(k) {
  set.seed(20080 + k, kind = "Mersenne-Twister", normal.kind = "Inversion",
           sample.kind = "Rejection")
}

CONTROLS <- c("pgdp", "fdi", "gfcf", "rd", "urban")
XNAMES <- c("ln_imdig", CONTROLS)
TRACE <- nzchar(Sys.getenv("DIGITRADE_TRACE"))

# ---- 1. the panel -------------------------------------------------------------

make_panel <- function() {
  code <- sprintf("c%02d", seq_len(63L))
  # places that carry an extreme value of Table 1 or a base level
  id <- list(base = 1L, first_dev = 2L, rich = 38L, city = 52L, hub = c(12L, 38L, 42L, 26L),
             poor = 19L, rural = 54L, maker = 11L, tiny = 40L, closed = 33L, digital = 30L,
             late = 60L, low = c(61L, 9L, 24L))
  new_stream(1)
  dev_c <- rep(NA, 63L)
  dev_c[c(2L, 12L, 26L, 30L, 38L, 42L)] <- TRUE
  dev_c[c(1L, 52L, 19L, 54L, 11L, 40L, 33L, 60L, 61L, 9L, 24L)] <- FALSE
  free <- which(is.na(dev_c))
  dev_c[free] <- FALSE
  dev_c[sample(free, 31L - 6L)] <- TRUE
  list(country = factor(rep(code, each = 13L), levels = code), year = rep(2008:2020, 63L),
       t = rep(0:12, 63L), dev_c = dev_c, dev = rep(dev_c, each = 13L), id = id)
}
p <- make_panel()
ALL <- seq_len(819L)
D_all <- fe_dummies(p$country, p$year)
BASE <- drop(qr.solve(crossprod(D_all), c(1, numeric(74L))) %*% t(D_all)) # v -> base level
row_of <- function(i, year) (i - 1L) * 13L + year - 2007L

# ---- 2. targets of Table 2 and what they say about the regressors ----------------

published <- utils::read.csv("data-raw/paper/tables2to4.csv", na.strings = "",
                             colClasses = c(column = "character"))
published$doubt[is.na(published$doubt)] <- ""
table1 <- utils::read.csv("data-raw/paper/table1.csv")
t1 <- function(v, what) table1[table1$variable == v, what]
cell <- function(tab, column, term, what = "estimate")
  published[published$table == tab & published$column == column & published$term == term, what]

# Unrounded coefficients of the six columns (rows: column; columns: regressor).
B <- matrix(0, 6L, 6L, dimnames = list(NULL, XNAMES))
for (k in 1:6) for (j in seq_len(k)) B[k, j] <- cell(2, k, XNAMES[j])
# inside the rounding, away from its edges: the first eases adjusted R2 of columns
# 3 and 4, the second c' = c - a b of the mediators
B[4, "gfcf"] <- 0.00453
B[6, "ln_imdig"] <- 0.13953
CONS <- vapply(1:6, function(k) cell(2, k, "_cons"), 0)

# Adding x_k to column k - 1 changes the other coefficients by b_k times those of
# the regression of x_k on the earlier regressors (omitted variables):
#   B[k-1, j] - B[k, j] = b_k delta_kj,   CONS[k-1] - CONS[k] = b_k delta_k0.
delta <- function(k) (B[k - 1L, seq_len(k - 1L)] - B[k, seq_len(k - 1L)]) / B[k, k]
delta0 <- function(k) (CONS[k - 1L] - CONS[k]) / B[k, k]

# Residual sums of squares: RSS[k-1] - RSS[k] = b_k^2 SS_k, SS_k the residual sum
# of squares of x_k on the earlier regressors. SS_k is chosen inside what the
# standard errors and adjusted R2 allow.
TSS <- 818 * t1("ln_upmf", "sd")^2
rss_of <- function(adj, n, K, tss) (1 - adj) * (n - K) / (n - 1) * tss
RSS6 <- rss_of(1 - 0.004785, 819, 81, TSS)
SS <- c(ln_imdig = 13.2, pgdp = 8700, fdi = 150000, gfcf = 9600, rd = 25, urban = 915)

# ---- 3. regressors -----------------------------------------------------------------

# the indicators, their movement scaled so that ln_insti varies within countries
# as much as its standard error asks for
within_ss <- function(v, X = NULL) sum(qr.resid(qr(cbind(D_all, X)), v)^2)
SS_INSTI <- 24
indicators_at <- function(swing) { new_stream(2); make_indicators(p, swing) }
swing <- stats::uniroot(function(s) within_ss(institution_index(indicators_at(s))) - SS_INSTI,
                        c(0.2, 4), tol = 1e-4)$root
swing <- round(swing, 3L)
indicators <- indicators_at(swing)
ln_insti <- institution_index(indicators)

# movement scaled to the residual sum of squares SS_k, then the exact delta_kj,
# then the base level delta_k0 + sum delta_kj L(x_j) and the rows of Table 1
# (`w`, `along`: the coefficient of w on x_k given the earlier regressors, too)
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

# a country's level moves less readily where its institutions move much (else few
# countries would carry the interaction)
LEVEL_WEIGHT <- 1 / (0.1 + as.numeric(tapply(ln_insti, p$country, stats::sd)))

# Levels of ln_imdig from start values; extra: further linear functionals.
place_imdig <- function(x, L, extra = NULL, extra_values = NULL) {
  low <- row_of(p$id$closed, 2008:2020)
  high <- row_of(p$id$digital, 2008:2020)
  set_levels_within(x, p$country, LEVEL_WEIGHT, t1("ln_imdig", "min"), t1("ln_imdig", "max"), 0.03,
    rows = c(low[which.min(x[low])], high[which.max(x[high])]),
    values = c(t1("ln_imdig", "min"), t1("ln_imdig", "max")), mean = t1("ln_imdig", "mean"),
    sd = t1("ln_imdig", "sd"), extra = cbind(BASE, extra), extra_values = c(L, extra_values))
}

MOD <- c(ln_imdig = cell(3, 5, "ln_imdig"), ln_insti = cell(3, 5, "ln_insti"),
         inter = cell(3, 5, "ln_imdig:ln_insti"))
DELTA_W_URBAN <- -0.043

make_regressors <- function() {
  X <- matrix(0, 819L, 0L)
  L <- numeric(0)
  new_stream(3)
  lev <- list(
    ln_imdig = ifelse(p$dev_c, stats::rnorm(63L, 3.80, 0.26), stats::rnorm(63L, 3.55, 0.38)),
    pgdp = ifelse(p$dev_c, exp(stats::rnorm(63L, 3.55, 0.42)), exp(stats::rnorm(63L, 2.0, 0.75))),
    fdi = exp(stats::rnorm(63L, 0.9, 0.5)),
    gfcf = stats::rnorm(63L, 22, 4), 
    rd = ifelse(p$dev_c, exp(stats::rnorm(63L, 0.6, 0.4)), exp(stats::rnorm(63L, -0.75, 0.7))),
    urban = ifelse(p$dev_c, 56 + 40 * stats::rbeta(63L, 3, 2), 42 + 50 * stats::rbeta(63L, 1.6, 1.6)))
  lev$ln_imdig[p$id$closed] <- 2.1; lev$ln_imdig[p$id$digital] <- 4.45
  lev$pgdp[p$id$rich] <- 108; lev$pgdp[p$id$city] <- 50; lev$pgdp[p$id$poor] <- 1.4
  lev$pgdp[p$id$base] <- 12.5; lev$rd[p$id$base] <- 0.55
  lev$fdi[p$id$hub] <- c(110, 40, 20, 15); lev$fdi[p$id$city] <- 21
  lev$urban[p$id$rural] <- 32; lev$urban[p$id$city] <- 100; lev$urban[p$id$base] <- 91
  lev$urban[p$id$poor] <- 36
  lev$rd[p$id$poor] <- 0.1; lev$rd[p$id$city] <- 2.1
  lev$gfcf[p$id$maker] <- 42; lev$gfcf[p$id$closed] <- 15; lev$rd[p$id$digital] <- 4

  # the movements
  new_stream(4)
  a <- move_imdig(p, as.numeric(tapply(ln_insti - mean(ln_insti), p$country, mean)))
  X <- cbind(X, ln_imdig = fit_movement(1L, a$move, NULL, NULL))
  sd_imdig <- a$sd
  L["ln_imdig"] <- 3.67
  X[, "ln_imdig"] <- place_imdig(X[, "ln_imdig"] + rep(lev$ln_imdig, each = 13L), L[["ln_imdig"]])
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
  w <- (X[, "ln_imdig"] - mean(X[, "ln_imdig"])) * (ln_insti - mean(ln_insti))
  X <- cbind(X, urban = fit_movement(6L, a$move,
                                     parabola_metric(p, a$slope_sd, a$bend_sd, c(p$id$city, p$id$base)), X,
                                     w, DELTA_W_URBAN))

  # the levels
  for (k in 2:6) {
    v <- XNAMES[k]
    L[v] <- delta0(k) + sum(delta(k) * L[seq_len(k - 1L)])
    x <- X[, v] + rep(lev[[v]], each = 13L)
    ends <- switch(v, pgdp = p$id[c("poor", "rich")], fdi = list(p$id$hub[4L], p$id$hub[1L]),
                   gfcf = list(p$id$closed, p$id$maker), rd = p$id[c("poor", "digital")],
                   urban = p$id[c("rural", "city")])
    low <- row_of(ends[[1L]], 2008:2020)
    high <- row_of(ends[[2L]], 2008:2020)
    w <- switch(v, pgdp = lev$pgdp^2, fdi = (1 + lev$fdi)^2, gfcf = rep(1, 63L),
                rd = lev$rd^2, urban = pmax(1, 100 - lev$urban))
    gap <- switch(v, pgdp = 0.15, fdi = 1, gfcf = 0.3, rd = 0.03, urban = 0.5)
    if (TRACE) cat(v, '\n')
    X[, v] <- set_levels_within(
      x, p$country, w, t1(v, "min"), t1(v, "max"), gap,
      rows = c(low[which.min(x[low])], high[which.max(x[high])]),
      values = c(t1(v, "min"), t1(v, "max")), mean = t1(v, "mean"), sd = t1(v, "sd"),
      extra = cbind(BASE), extra_values = L[[v]])
  }
  list(X = X, L = L, sd_imdig = sd_imdig)
}
reg <- make_regressors()

# The moderation column: with u = ln_imdig - mean, v = ln_insti - mean, w = u v and
# Delta the coefficients of v and w on the six regressors (ln_imdig centred),
#   B[6, imdig] = b_imdig + b_insti Delta_v + b_inter Delta_w   (and the constants).
# Levels of ln_imdig (not its movement) are moved until both hold, together with
# Table 1 and the base level.
meet_moderation <- function(X, L) {
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
  w <- v * (x - xbar)
  if (TRACE) {
    cat("slope now", sum(g1 * w), "want", slope, "const now", sum(g0 * w), "want", const, "\n")
    print(round(drop(crossprod(m$P, w)), 4)); cat("SS of w", sum(qr.resid(m$qr, w)^2), "\n")
  }
  place_imdig(x, L[["ln_imdig"]], cbind(g1 * v, g0 * v),
              c(slope + xbar * sum(g1 * v), const + xbar * sum(g0 * v)))
}
X <- reg$X
X[, "ln_imdig"] <- meet_moderation(X, reg$L)

# ---- 4. the outcome --------------------------------------------------------------------

u <- X[, "ln_imdig"] - mean(X[, "ln_imdig"])
v <- ln_insti - mean(ln_insti)
XMOD <- cbind(ln_imdig = u, ln_insti = v, inter = u * v, X[, CONTROLS])
DEV <- which(p$dev)
DEVG <- which(!p$dev)
models <- c(lapply(1:6, function(k) make_model(X[, seq_len(k), drop = FALSE], ALL, p)),
            list(make_model(XMOD, ALL, p), make_model(X, DEV, p), make_model(X, DEVG, p),
                 make_model(X[, CONTROLS], ALL, p)))
names(models) <- c(paste0("c", 1:6), "mod", "dev", "devg", "ctrl")
RSS_DEV <- 2.04
RSS_DEVG <- 7.70
TSS_DEV <- RSS_DEV / (403 - models$dev$K) / (1 - 0.9984) * 402
TSS_DEVG <- RSS_DEVG / (416 - models$devg$K) / (1 - 0.9942) * 415

# One row a condition on y: window [lo, hi] inside the printed rounding.
outcome_targets <- function() {
  out <- NULL
  put <- function(model, what, term, value, half) {
    out <<- rbind(out, data.frame(model = model, what = what, term = term,
                                  lo = value - half, hi = value + half))
  }
  # coefficients: all others follow from these (sections 2 and 3)
  for (x in XNAMES) put("c6", "coef", x, B[6, x], 1e-7)
  put("c6", "coef", "_cons", CONS[6], 1e-7)
  put("mod", "coef", "ln_insti", MOD[["ln_insti"]], 1e-7)
  put("mod", "coef", "inter", MOD[["inter"]], 1e-7)
  put("dev", "coef", "ln_imdig", cell(4, 1, "ln_imdig"), 1e-6)
  put("dev", "coef", "_cons", cell(4, 1, "_cons"), 1e-6)
  put("devg", "coef", "ln_imdig", cell(4, 2, "ln_imdig"), 1e-6)
  put("devg", "coef", "_cons", cell(4, 2, "_cons"), 1e-6)
  h <- 0.00003
  for (k in 1:6) for (x in c(XNAMES[seq_len(k)], "_cons"))
    put(paste0("c", k), "se", x, cell(2, k, x, "std_error"), h)
  put("mod", "se", "ln_imdig", cell(3, 5, "ln_imdig", "std_error"), h)
  put("mod", "se", "ln_insti", cell(3, 5, "ln_insti", "std_error"), h)
  put("mod", "se", "inter", cell(3, 5, "ln_imdig:ln_insti", "std_error"), h)
  put("mod", "se", "_cons", cell(3, 5, "_cons", "std_error"), h)
  put("dev", "se", "ln_imdig", cell(4, 1, "ln_imdig", "std_error"), h)
  put("dev", "se", "_cons", cell(4, 1, "_cons", "std_error"), h)
  put("devg", "se", "ln_imdig", cell(4, 2, "ln_imdig", "std_error"), h)
  put("devg", "se", "_cons", cell(4, 2, "_cons", "std_error"), h)
  put("c6", "rss", "", RSS6, 0.001 * RSS6)
  put("c6", "resid", row_of(p$id$late, 2008), 0.657, 0.002)
  put("c6", "resid", row_of(p$id$late, 2009), 0.648, 0.002)
  put("dev", "rss", "", RSS_DEV, 0.005 * RSS_DEV)
  put("devg", "rss", "", RSS_DEVG, 0.005 * RSS_DEVG)
  out
}

start_outcome <- function() {
  new_stream(11)
  income <- as.numeric(tapply(X[, "pgdp"], p$country, mean))
  sd <- ifelse(p$dev_c, 0.066 * (income / 36)^0.6, 0.118) *
    exp(stats::rnorm(63L, 0, ifelse(p$dev_c, 0.2, 0.32)))
  sd <- pmin(pmax(sd, ifelse(p$dev_c, 0.04, 0.06)), 0.20)
  sd[p$id$low] <- pmin(sd[p$id$low], 0.14)
  noise <- c(vapply(1.18 * sd, function(s) ar1(13L, 0.6, s), numeric(13L)))
  # one developing country loses industry early (its first two years lack some
  # service types, section 5)
  late <- row_of(p$id$late, 2008:2020)
  noise[late] <- noise[late] + c(0.80, 0.80, 0.25, 0, -0.05, rep(-0.15, 8L))
  cycle <- c(0.03, -0.10, -0.01, 0.06, 0.04, 0.05, 0.05, -0.06, -0.06, 0, 0.05, 0.03, -0.03)
  boom <- c(-6, 2, 6, 8, 6, 4, 2, -6, -8, -4, -2, 0, -2) / 100
  group <- ifelse(p$dev, -0.5, 0.5) * (0.024 * (p$t - 6) + boom[p$t + 1L])
  level <- stats::rnorm(63L, ifelse(p$dev_c, 3.77, 3.17), 1.7)
  level <- pmin(pmax(level, -0.2), 6.9)
  level[p$id$first_dev] <- 6
  level[p$id$maker] <- 7.8
  level[p$id$tiny] <- -0.9
  level[p$id$late] <- 3.4
  y <- noise + group + cycle[p$t + 1L]
  y <- y - drop(X %*% drop(crossprod(models$c6$P, y))[XNAMES]) + drop(X %*% B[6, ])
  G <- stats::model.matrix(~ p$country - 1)
  y <- y - drop(G %*% (crossprod(G, y) / 13)) + rep(level, each = 13L)
  # base level, so that the constant starts right
  shift <- function(i, model, const) {
    y[row_of(i, 2008:2020)] <<- y[row_of(i, 2008:2020)] + const - fit_model(models[[model]], y)$coef[["_cons"]]
  }
  shift(p$id$base, "c6", CONS[6])
  list(y = y, sd = sd)
}

y0 <- start_outcome()
targets <- outcome_targets()
sol <- gauss_newton(y0$y, outcome_cells(models, targets), targets$lo, targets$hi,
                    ar_metric(y0$sd, 0.6, 13L), maxit = 200L, damp = 0.3, trace = TRACE,
                    label = "y")
stopifnot(all(sol$ok))

# levels: Table 1, the total sums of squares of the two groups (their adjusted R2)
# and both base levels; within-country variation, hence all slopes, stays
level_outcome <- function(y) {
  base_dev <- numeric(819L)
  D <- fe_dummies(p$country[DEV], p$year[DEV])
  base_dev[DEV] <- drop(qr.solve(crossprod(D), c(1, numeric(ncol(D) - 1L))) %*% t(D))
  low <- row_of(p$id$tiny, 2008:2020)
  high <- row_of(p$id$maker, 2008:2020)
  v <- "ln_upmf"
  set_levels_within(y, p$country, rep(1, 63L), t1(v, "min"), t1(v, "max"), 0.1,
    rows = c(low[which.min(y[low])], high[which.max(y[high])]),
    values = c(t1(v, "min"), t1(v, "max")), mean = t1(v, "mean"), sd = t1(v, "sd"),
    extra = cbind(BASE, base_dev), extra_values = c(sum(BASE * y), sum(base_dev * y)),
    tss = list(list(rows = DEV, sd = sqrt(TSS_DEV / 402)),
               list(rows = DEVG, sd = sqrt(TSS_DEVG / 415))))
}
ln_upmf <- level_outcome(sol$x)

# ---- 5. mediators and service types -------------------------------------------------------

country_level <- function(v) rep(as.numeric(tapply(v, p$country, mean)), each = 13L)

# Windows for a regressor of Tables 3 and 4: rows of data.frame(what, term, lo, hi).
window <- function(what, term, value, half)
  data.frame(what = what, term = term, lo = value - half, hi = value + half)

# Regressor x from a start path: `m0` the model it is added to, b its coefficient,
# rss the residual sum of squares wanted with it. The start movement gets the
# share of the residual of y that b asks for, and the variance that rss asks for.
start_movement <- function(m0, y, noise, b, rss) {
  e <- numeric(819L)
  e[m0$rows] <- fit_model(m0, y)$e
  ss <- (sum(e^2) - rss) / b^2
  k <- b * ss / sum(e^2)
  r <- numeric(819L)
  r[m0$rows] <- qr.resid(m0$qr, noise[m0$rows])
  r <- qr.resid(qr(e), r)
  noise * sqrt(max(ss - k^2 * sum(e^2), 0.2 * ss) / sum(r^2)) + k * e
}

# Table 3, columns 1-4. The constant of the first step is what the identity leaves:
# cons = cons' + b cons_a.
make_mediator <- function(stream, name, first, second, sd, level, trend, rho,
                          a = cell(3, first, "ln_imdig"), b = cell(3, second, name)) {
  new_stream(stream)
  m0 <- models$c6
  cons_a <- (CONS[6] - cell(3, second, "_cons")) / b
  rss <- rss_of(cell(3, second, "adj_r2"), 819, 82, TSS)
  noise <- c(vapply(sd, function(s) ar1(13L, rho, s), numeric(13L)))
  x <- start_movement(m0, ln_upmf, noise, b, rss) + trend
  x <- x + rep(level, each = 13L)
  tg <- rbind(window("aux", "ln_imdig", a, 1e-7), window("aux", "_cons", cons_a, 1e-6),
              window("auxse", "ln_imdig", cell(3, first, "ln_imdig", "std_error"), 3e-5),
              window("auxse", "_cons", cell(3, first, "_cons", "std_error"), 3e-5),
              window("coef", "x", b, 1e-7),
              window("se", "x", cell(3, second, name, "std_error"), 3e-5),
              window("se", "_cons", cell(3, second, "_cons", "std_error"), 3e-5),
              window("rss", "", rss, 0.0015 * rss))
  if (name == "ln_inter")
    tg <- rbind(tg, window("se", "ln_imdig", cell(3, second, "ln_imdig", "std_error"), 3e-5))
  g <- gauss_newton(x, regressor_cells(m0, ln_upmf, tg), tg$lo, tg$hi, ar_metric(sd, rho, 13L),
                    maxit = 200L, damp = 0.4, trace = TRACE, label = name)
  stopifnot(all(g$ok))
  ss <- sum(qr.resid(m0$qr, g$x)^2)
  tss <- ss / 738 / (1 - cell(3, first, "adj_r2")) * 818
  set_levels(g$x, p$country, rep(1, 63L), sd = sqrt(tss / 818), mean = mean(x),
             extra = cbind(BASE), extra_values = sum(BASE * g$x))
}

size <- as.numeric(tapply(ln_upmf, p$country, mean))
income <- as.numeric(tapply(X[, "pgdp"], p$country, mean))
noise_sd <- y0$sd

new_stream(12)
ln_innov <- make_mediator(13, "ln_innov", "1", "2", 0.24 * exp(stats::rnorm(63L, 0, 0.3)),
  5.2 + 0.8 * size + 0.4 * log(income) + stats::rnorm(63L, 0, 1.2), 0.02 * (p$t - 6), 0.65)
new_stream(14)
ln_inter <- make_mediator(15, "ln_inter", "3", "4",
  ifelse(p$dev_c, 0.07, 0.11) * exp(stats::rnorm(63L, 0, 0.25)),
  0.17 + 0.04 * log(income / 20) + stats::rnorm(63L, 0, 0.10),
  0.10 * (1 - exp(-(p$t) / 4)) - 0.06 + ifelse(p$dev, -1, 1) * 0.004 * (p$t - 6), 0.75,
  a = 0.07677, b = 0.37447)

# Table 4, columns 3-8
late2 <- row_of(p$id$late, 2008:2009)
SEGMENTS <- list(
  ln_insur = list(stream = 21, col = "3", missing = row_of(20L, 2008:2009), level = 5.0, load = 0.65),
  ln_finan = list(stream = 22, col = "4", missing = late2, level = 5.3, load = 0.70),
  ln_intelpro = list(stream = 23, col = "5", missing = row_of(45L, 2008L), level = 5.6, load = 0.80),
  ln_ict = list(stream = 41, col = "6", missing = late2[1L], level = 5.5, load = 0.70),
  ln_other = list(stream = 25, col = "7", missing = integer(0), level = 7.4, load = 0.75),
  ln_audio = list(stream = 32, col = "8", missing = late2, level = 4.2, load = 0.60))

make_segment <- function(name) {
  z <- SEGMENTS[[name]]
  new_stream(z$stream)
  rows <- setdiff(ALL, z$missing)
  stopifnot(length(rows) == cell(4, z$col, "nobs"))
  m0 <- make_model(X[, CONTROLS], rows, p)
  b <- cell(4, z$col, name)
  tss <- sum((ln_upmf[rows] - mean(ln_upmf[rows]))^2)
  n <- length(rows)
  adj <- cell(4, z$col, "adj_r2")
  rss <- rss_of(adj, n, m0$K + 1L, tss)
  rss_hi <- rss_of(adj - 0.00004, n, m0$K + 1L, tss)
  rss_lo <- rss_of(adj + 0.00004, n, m0$K + 1L, tss)
  f0 <- fit_model(m0, ln_upmf)
  # the residual sum of squares that the standard error suggests, within the window
  # of adjusted R2: se^2 = rss / df / SS, SS = (rss0 - rss) / b^2
  ratio <- (n - m0$K - 1) * (cell(4, z$col, name, "std_error") / b)^2
  rss <- min(max(f0$rss * ratio / (1 + ratio), rss_lo), rss_hi)
  if (TRACE) cat(name, "RSS without", f0$rss, "with", rss_lo, rss, rss_hi, "SS",
                 (f0$rss - c(rss_lo, rss, rss_hi)) / b^2, "iid se",
                 sqrt(rss / (n - m0$K - 1) / ((f0$rss - c(rss_lo, rss, rss_hi)) / b^2)),
                 "want", cell(4, z$col, name, "std_error"), "\n")
  # a service may be traded unsteadily where and when industry is unsteady, which
  # takes its robust standard error off the classical one: the power of turbulence
  # that does so is looked for first, so that the solver has little left to do
  unsteady <- pmin(turbulence(fit_model(models$c6, ln_upmf)$e, 13L), 0.20) / 0.11
  own <- rep(exp(stats::rnorm(63L, 0, 0.2)), each = 13L)
  path <- c(vapply(1:63, function(i) ar1(13L, 0.65, 1), numeric(13L)))
  level <- rep(z$level + z$load * (size - 3.46) + 0.3 * log(income / 15) +
                 stats::rnorm(63L, 0, 0.6), each = 13L)
  se <- cell(4, z$col, name, "std_error")
  start <- function(power) start_movement(m0, ln_upmf, own * unsteady^power * path, b, rss)
  se_gap <- function(power)
    regressor_cells(m0, ln_upmf, window("se", "x", se, 0))(start(power))$value - se
  grid <- seq(-1, 3, by = 0.25)
  power <- grid[which.min(abs(vapply(grid, se_gap, 0)))]
  if (TRACE) cat(name, "power", power, "se at start", se_gap(power) + se, "\n")
  sd <- own * unsteady^power
  x <- start(power) + 0.05 * (p$t - 6) - 0.06 * (p$t == 1) + level
  tg <- rbind(window("coef", "x", b, 1e-6),
              window("coef", "_cons", cell(4, z$col, "_cons"), 1e-6),
              window("se", "x", se, 3e-5),
              window("se", "_cons", cell(4, z$col, "_cons", "std_error"), 3e-5),
              data.frame(what = "rss", term = "", lo = rss_lo, hi = rss_hi))
  g <- gauss_newton(x, regressor_cells(m0, ln_upmf, tg), tg$lo, tg$hi, ar_metric(sd, 0.65, 13L),
                    maxit = 300L, damp = 0.3, trace = TRACE, label = name)
  stopifnot(all(g$ok))
  g$x[z$missing] <- NA
  g$x
}
segments <- sapply(names(SEGMENTS), make_segment, simplify = FALSE)

# ---- 6. the data frame ---------------------------------------------------------------------

# Six decimals for what was solved for (far below what any printed digit feels);
# the indicators have four, and ln_insti follows from them exactly.
digitrade <- data.frame(
  country = p$country, year = as.integer(p$year), developed = p$dev,
  ln_upmf = ln_upmf, X, ln_innov = ln_innov, ln_inter = ln_inter, ln_insti = 0,
  segments)
solved <- setdiff(names(digitrade), c("country", "year", "developed", "ln_insti"))
digitrade[solved] <- lapply(digitrade[solved], round, 6L)
digitrade$ln_insti <- ln_insti
digitrade <- cbind(digitrade, indicators)
rownames(digitrade) <- NULL
stopifnot(nrow(digitrade) == 819L, !anyDuplicated(digitrade[c("country", "year")]))

# ---- 7. the printed cells --------------------------------------------------------------------

make_published <- function() {
  what <- c("mean", "sd", "min", "max", "obs")
  one <- data.frame(
    table = 1L, column = rep(what, each = nrow(table1)), term = rep(table1$variable, length(what)),
    estimate = unlist(table1[what], use.names = FALSE), std_error = NA_real_, stars = "",
    doubt = "", digits = rep(c(3L, 3L, 3L, 3L, 0L), each = nrow(table1)))
  two <- published
  two$stars[is.na(two$stars)] <- ""
  two$digits <- ifelse(two$term == "nobs", 0L, 4L)
  out <- rbind(one, two[names(one)])
  out$table <- as.integer(out$table)
  rownames(out) <- NULL
  out
}
digitrade_published <- make_published()

dir.create("data", showWarnings = FALSE)
save(digitrade, file = "data/digitrade.rda", version = 2, compress = "xz")
save(digitrade_published, file = "data/digitrade_published.rda", version = 2, compress = "xz")
