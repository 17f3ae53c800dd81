# Regressors that are made after the outcome: the two mediators of Table 3 and the
# six service types of Table 4. Each is a regressor x added to a model m0 whose
# regressors stay; x moves until the regressions it enters give the printed cells.

window <- function(what, term, value, half)
  data.frame(what = what, term = term, lo = value - half, hi = value + half)
H <- 3e-5                                     # half window of a standard error

# Start movement: with e the residual of y in m0, SS = (e'e - rss) / b^2 is the
# residual sum of squares x needs for the wanted rss at coefficient b; the part
# k e, k = b SS / e'e, gives x'e = b SS; the rest is noise orthogonal to e.
start_movement <- function(m0, y, noise, b, rss) {
  e <- r <- numeric(819L)
  e[m0$rows] <- fit_model(m0, y)$e
  ee <- sum(e^2)
  ss <- (ee - rss) / b^2
  k <- b * ss / ee
  r[m0$rows] <- qr.resid(m0$qr, noise[m0$rows])
  r <- qr.resid(qr(e), r)
  noise * sqrt(max(ss - k^2 * ee, 0.2 * ss) / sum(r^2)) + k * e
}

solve_regressor <- function(x, m0, tg, S, damp, label) {
  g <- gauss_newton(x, regressor_cells(m0, ln_upmf, tg), tg$lo, tg$hi, S,
                    maxit = 300L, damp = damp, label = label)
  stopifnot(all(g$ok))
  g$x
}

# ---- mediators --------------------------------------------------------------------

# Table 3: `first` the column with the mediator on the left (slope a), `second` the
# one with it on the right (slope b). Identities: c = c' + a b and, for the
# constants, cons = cons' + b cons_a; the latter fixes cons_a.
make_mediator <- function(name, first, second, sd, level, trend, rho,
                          a = cell(3, first, "ln_imdig"), b = cell(3, second, name)) {
  m0 <- models$c6
  se <- function(column, term) cell(3, column, term, "std_error")
  cons_a <- (CONS[6] - cell(3, second, "_cons")) / b
  rss <- rss_of(cell(3, second, "adj_r2"), 819, 82, TSS)
  noise <- c(vapply(sd, function(s) ar1(13L, rho, s), numeric(13L)))
  x <- start_movement(m0, ln_upmf, noise, b, rss) + trend + rep(level, each = 13L)
  tg <- rbind(window("aux", "ln_imdig", a, 1e-7), window("aux", "_cons", cons_a, 1e-6),
              window("auxse", "ln_imdig", se(first, "ln_imdig"), H),
              window("auxse", "_cons", se(first, "_cons"), H),
              window("coef", "x", b, 1e-7), window("se", "x", se(second, name), H),
              window("se", "_cons", se(second, "_cons"), H),
              window("rss", "", rss, 0.0015 * rss))
  if (!is.na(se(second, "ln_imdig")))         # lost in column 2
    tg <- rbind(tg, window("se", "ln_imdig", se(second, "ln_imdig"), H))
  x_mean <- mean(x)
  x <- solve_regressor(x, m0, tg, ar_metric(sd, rho, 13L), 0.4, name)
  # levels: total sum of squares from adjusted R2 of the first column
  ms <- sum(qr.resid(m0$qr, x)^2) / (m0$n - m0$K)
  set_levels(x, p$country, rep(1, 63L), mean = x_mean,
             sd = sqrt(ms / (1 - cell(3, first, "adj_r2"))),
             extra = cbind(BASE), extra_values = sum(BASE * x))
}

# log of patent applications: grows with industry and income
make_innov <- function(size, income) {
  new_stream(12)
  sd <- 0.24 * exp(stats::rnorm(63L, 0, 0.3))
  level <- 5.2 + 0.8 * size + 0.4 * log(income) + stats::rnorm(63L, 0, 1.2)
  new_stream(13)
  make_mediator("ln_innov", "1", "2", sd, level, 0.02 * (p$t - 6), 0.65)
}

# log of subscriptions per head: saturating trend, developing countries catch up;
# a and b are chosen inside the rounding so that c - a b rounds to the printed c'
make_inter <- function(income) {
  new_stream(14)
  sd <- ifelse(p$dev_c, 0.07, 0.11) * exp(stats::rnorm(63L, 0, 0.25))
  level <- 0.17 + 0.04 * log(income / 20) + stats::rnorm(63L, 0, 0.10)
  trend <- 0.10 * (1 - exp(-p$t / 4)) - 0.06 + ifelse(p$dev, -1, 1) * 0.004 * (p$t - 6)
  new_stream(15)
  make_mediator("ln_inter", "3", "4", sd, level, trend, 0.75, a = 0.07677, b = 0.37447)
}

# ---- service types ------------------------------------------------------------------

# col: column of Table 4; missing: rows without a value; level, load: mean and how
# it grows with industry.
service_types <- function() {
  late <- row_of(p$id$late, 2008:2009)
  type <- function(stream, col, level, load, missing = integer(0))
    list(stream = stream, col = col, level = level, load = load, missing = missing)
  list(ln_insur = type(21, "3", 5.0, 0.65, row_of(20L, 2008:2009)),
       ln_finan = type(22, "4", 5.3, 0.70, late),
       ln_intelpro = type(23, "5", 5.6, 0.80, row_of(45L, 2008)),
       ln_ict = type(41, "6", 5.5, 0.70, late[1L]),
       ln_other = type(25, "7", 7.4, 0.75),
       ln_audio = type(32, "8", 4.2, 0.60, late))
}

# Window of the residual sum of squares (adjusted R2), and in it the value that the
# standard error suggests: se^2 = rss / df / SS with SS = (rss0 - rss) / b^2.
service_rss <- function(m0, rss0, adj, b, se) {
  K <- m0$K + 1L
  y <- ln_upmf[m0$rows]
  tss <- sum((y - mean(y))^2)
  w <- rss_of(adj + c(0.00004, -0.00004), m0$n, K, tss)
  ratio <- (m0$n - K) * (se / b)^2
  list(lo = w[1L], hi = w[2L], start = min(max(rss0 * ratio / (1 + ratio), w[1L]), w[2L]))
}

make_service <- function(name, z, X, size, income) {
  new_stream(z$stream)
  m0 <- make_model(X[, CONTROLS], setdiff(ALL, z$missing), p)
  stopifnot(m0$n == cell(4, z$col, "nobs"))
  b <- cell(4, z$col, name)
  se <- cell(4, z$col, name, "std_error")
  rss <- service_rss(m0, fit_model(m0, ln_upmf)$rss, cell(4, z$col, "adj_r2"), b, se)
  # A service may be traded unsteadily where and when industry is unsteady, which
  # takes its robust standard error off the classical one: the power of turbulence
  # that does so is looked for first, so that the solver has little left to do.
  unsteady <- pmin(turbulence(fit_model(models$c6, ln_upmf)$e, 13L), 0.20) / 0.11
  own <- rep(exp(stats::rnorm(63L, 0, 0.2)), each = 13L)
  path <- c(vapply(1:63, function(i) ar1(13L, 0.65, 1), numeric(13L)))
  level <- rep(z$level + z$load * (size - 3.46) + 0.3 * log(income / 15) +
                 stats::rnorm(63L, 0, 0.6), each = 13L)
  start <- function(power)
    start_movement(m0, ln_upmf, own * unsteady^power * path, b, rss$start)
  start_se <- function(power)
    regressor_cells(m0, ln_upmf, window("se", "x", 0, 0))(start(power))$value
  grid <- seq(-1, 3, by = 0.25)
  power <- grid[which.min(abs(vapply(grid, start_se, 0) - se))]
  x <- start(power) + 0.05 * (p$t - 6) - 0.06 * (p$t == 1) + level
  tg <- rbind(window("coef", "x", b, 1e-6),
              window("coef", "_cons", cell(4, z$col, "_cons"), 1e-6),
              window("se", "x", se, H),
              window("se", "_cons", cell(4, z$col, "_cons", "std_error"), H),
              data.frame(what = "rss", term = "", lo = rss$lo, hi = rss$hi))
  x <- solve_regressor(x, m0, tg, ar_metric(own * unsteady^power, 0.65, 13L), 0.3, name)
  x[z$missing] <- NA
  x
}
