# Tools of digitrade.R: regressions with country and year dummies as linear
# maps, and Gauss-Newton steps that move a variable until the regressions it
# enters give prescribed numbers.
#
# Notation. Z = [D, X]: dummies (intercept first) and regressors, n x K.
#   coefficients   b_k = p_k'y, where p_k is the k-th column of Z (Z'Z)^-1
#   residuals      e   = M y,   M = I - Z (Z'Z)^-1 Z'
#   HC1            V_k = n/(n-K) * sum_i p_ki^2 e_i^2
# The intercept is the coefficient of the first column of Z (base: first
# country, first year), so its standard error needs no formula of its own.

# ---- panel helpers ----------------------------------------------------------

fe_dummies <- function(country, year) {
  country <- droplevels(country)
  year <- factor(year)
  stats::model.matrix(~ country + year)
}

# h with h'v = level of the dummy fit of v at (first country, first year).
base_functional <- function(D)
  drop(qr.solve(crossprod(D), c(1, numeric(ncol(D) - 1L))) %*% t(D))

# Make a model: everything that does not depend on the outcome.
make_model <- function(X, rows, panel) {
  X <- as.matrix(X)[rows, , drop = FALSE]
  D <- fe_dummies(panel$country[rows], panel$year[rows])
  Z <- cbind(D, X)
  q <- qr(Z, tol = 1e-11)
  stopifnot(q$rank == ncol(Z))
  # columns are scaled by the triangular factor, so invert that
  Rinv <- backsolve(qr.R(q), diag(ncol(Z)))
  P <- qr.Q(q) %*% t(Rinv)
  P <- P[, c(ncol(D) + seq_len(ncol(X)), 1L), drop = FALSE]
  colnames(P) <- c(colnames(X), "_cons")
  n <- nrow(Z)
  list(rows = rows, X = X, qr = q, P = P, n = n, K = ncol(Z),
       f = n / (n - ncol(Z)))
}

# Coefficients, standard errors, RSS and adjusted R2 of outcome y in a model.
fit_model <- function(m, y) {
  y <- y[m$rows]
  e <- drop(qr.resid(m$qr, y))
  rss <- sum(e^2)
  tss <- sum((y - mean(y))^2)
  list(coef = drop(crossprod(m$P, y)), e = e, rss = rss, tss = tss,
       se = sqrt(m$f * colSums(m$P^2 * e^2)),
       adj = 1 - rss / (m$n - m$K) / (tss / (m$n - 1)))
}

# ---- random paths -----------------------------------------------------------

# AR(1) path of length n, started in its stationary distribution.
ar1 <- function(n, rho, sd) {
  e <- stats::rnorm(n, 0, sd * sqrt(1 - rho^2))
  e[1L] <- stats::rnorm(1L, 0, sd)
  as.numeric(stats::filter(e, rho, method = "recursive"))
}

# Covariance (as an operator on n x m matrices) of country-wise AR(1) paths with
# standard deviations sd (one a country or one a row). Corrections made with it are
# smooth in time and larger where a series varies more anyway.
ar_metric <- function(sd, rho, T) {
  A <- rho^abs(outer(seq_len(T), seq_len(T), "-"))
  function(G) {
    G <- as.matrix(G)
    s <- rep(sd, each = nrow(G) %/% length(sd))
    G <- s * G
    for (i in seq_len(nrow(G) %/% T)) {
      r <- (i - 1L) * T + seq_len(T)
      G[r, ] <- A %*% G[r, , drop = FALSE]
    }
    s * G
  }
}

# Three-year root mean square of e within countries: how turbulent the time is.
turbulence <- function(e, T) {
  E <- matrix(e^2, T)
  before <- rbind(E[1L, ], E[-T, , drop = FALSE])
  after <- rbind(E[-1L, , drop = FALSE], E[T, ])
  c(sqrt((before + E + after) / 3))
}

# ---- exact linear conditions ------------------------------------------------

# Smallest change of x (in the metric S) such that P'x = target.
meet_linear <- function(x, P, target, S) {
  P <- as.matrix(P)
  SP <- S(P)
  x + drop(SP %*% solve(crossprod(P, SP), target - drop(crossprod(P, x))))
}

# ---- Gauss-Newton with windows ----------------------------------------------

# Move x until value(x) lies in [lo, hi] (element by element). fun(x) returns
# list(value, jac) with jac n x m. Values inside their window are held where they
# are during a step. Steps are the smallest in the metric S; `damp` limits how
# much of a violation one step may remove.
gauss_newton <- function(x, fun, lo, hi, S, maxit = 60L, damp = 0.5, tol = 0,
                         trace = nzchar(Sys.getenv("DIGITRADE_TRACE")), label = "") {
  scale <- (hi - lo) / 2
  scale[scale == 0] <- 1
  for (it in seq_len(maxit)) {
    f <- fun(x)
    r <- pmin(pmax(f$value, lo), hi) - f$value
    worst <- max(abs(r / scale))
    if (trace) cat(sprintf("%s it %d worst %.3g (%s)\n", label, it, worst,
                           names(f$value)[which.max(abs(r / scale))]))
    if (worst <= tol) break
    step <- if (worst < 2) 1 else damp
    # overshoot slightly into the window, so that the end is reached
    r <- step * r + ifelse(r != 0 & worst < 2, sign(r) * 0.05 * scale, 0)
    J <- sweep(f$jac, 2L, scale, "/")
    SJ <- S(J)
    A <- crossprod(J, SJ)
    d <- sqrt(diag(A))
    A <- A / outer(d, d)
    diag(A) <- diag(A) + 1e-9
    x <- x + drop(SJ %*% (solve(A, r / scale / d) / d))
  }
  f <- fun(x)
  r <- pmin(pmax(f$value, lo), hi) - f$value
  list(x = x, value = f$value, ok = r == 0, iterations = it,
       worst = max(abs(r / scale)))
}

# Value and Jacobian, with respect to the OUTCOME y, of chosen numbers of several
# models. cells: data frame with model (name), what ("coef", "se", "rss",
# "resid"), term.
outcome_cells <- function(models, cells) {
  function(y) {
    n <- length(y)
    J <- matrix(0, n, nrow(cells))
    v <- numeric(nrow(cells))
    for (name in unique(cells$model)) {
      m <- models[[name]]
      f <- fit_model(m, y)
      for (j in which(cells$model == name)) {
        k <- cells$term[j]
        if (cells$what[j] == "coef") {
          v[j] <- f$coef[[k]]
          J[m$rows, j] <- m$P[, k]
        } else if (cells$what[j] == "se") {
          v[j] <- f$se[[k]]
          # V = f sum p^2 e^2, dV/dy = 2 f M (p^2 e), d se = dV / (2 se)
          J[m$rows, j] <- m$f * qr.resid(m$qr, m$P[, k]^2 * f$e) / v[j]
        } else if (cells$what[j] == "resid") {    # residual of one row
          i <- as.integer(k)
          v[j] <- f$e[i]
          J[m$rows, j] <- qr.resid(m$qr, as.numeric(seq_len(m$n) == i))
        } else {
          v[j] <- f$rss
          J[m$rows, j] <- 2 * f$e
        }
      }
    }
    names(v) <- paste(cells$model, cells$what, cells$term)
    list(value = v, jac = J)
  }
}

# The same with respect to a REGRESSOR x that is added to the model m0 (whose
# regressors and sample stay). With r = M0 x, s = r'r, y0 = M0 y:
#   b = r'y0 / s,  e = y0 - b r,  RSS = e'e,
# influence vector of x's coefficient: r/s; of any functional with influence
# vector g in m0: q = g - (g'x) r/s, its value there g'y - (g'x) b.
# V = f sum q^2 e^2. Gradients are taken in r and in g'x and led back to x by M0.
regressor_cells <- function(m0, y, cells) {
  y <- y[m0$rows]
  y0 <- drop(qr.resid(m0$qr, y))
  fac <- m0$n / (m0$n - m0$K - 1)
  function(x_all) {
    x <- x_all[m0$rows]
    r <- drop(qr.resid(m0$qr, x))
    s <- sum(r^2)
    b <- sum(r * y0) / s
    e <- y0 - b * r
    db <- (y0 - 2 * b * r) / s                 # gradient of b in r
    v <- numeric(nrow(cells))
    J <- matrix(0, length(x_all), nrow(cells))
    for (j in seq_len(nrow(cells))) {
      k <- cells$term[j]
      what <- cells$what[j]
      gx <- NULL                               # gradient outside M0
      if (what == "rss") {
        v[j] <- sum(e^2)
        g_r <- -2 * b * e                      # e'r = 0, so b's change drops out
      } else if (what == "aux") {              # coefficient when x is the outcome
        v[j] <- sum(m0$P[, k] * x)
        g_r <- NULL
        gx <- m0$P[, k]
      } else if (what == "auxse") {            # and its standard error
        v[j] <- sqrt(m0$f * sum(m0$P[, k]^2 * r^2))
        g_r <- m0$f * m0$P[, k]^2 * r / v[j]
      } else if (what == "coef") {
        if (k == "x") {
          v[j] <- b
          g_r <- db
        } else {
          g <- m0$P[, k]
          d <- sum(g * x)
          v[j] <- sum(g * y) - d * b
          g_r <- -d * db
          gx <- -b * g
        }
      } else {                                 # se
        if (k == "x") {
          d <- -1
          g <- 0
        } else {
          g <- m0$P[, k]
          d <- sum(g * x)
        }
        q <- g - d * r / s
        V <- fac * sum(q^2 * e^2)
        v[j] <- sqrt(V)
        # dV = 2 fac sum(q e^2 dq + q^2 e de)
        # dq = -dd r/s - d (dr/s - 2 r (r'dr)/s^2),  de = -db r - b dr
        qe2 <- q * e^2
        q2e <- q^2 * e
        g_r <- -d * (qe2 / s - 2 * sum(qe2 * r) * r / s^2) -
          sum(q2e * r) * db - b * q2e
        g_r <- fac * g_r / v[j]
        if (k != "x") gx <- -fac * sum(qe2 * r) / s / v[j] * g
      }
      J[m0$rows, j] <- (if (is.null(g_r)) 0 else qr.resid(m0$qr, g_r)) +
        (if (is.null(gx)) 0 else gx)
    }
    names(v) <- paste(cells$what, cells$term)
    list(value = v, jac = J)
  }
}

# ---- levels: mean, standard deviation, minimum and maximum -------------------

# Shift the country levels of x (weights w: how readily a level moves) until, as
# far as asked, its mean and standard deviation, its values at `rows`, the linear
# functionals in the columns of `extra` and the standard deviations of subsets
# (`tss`: list of list(rows, sd)) have their values. Newton steps of least weighted
# length; within-country variation is untouched.
set_levels <- function(x, country, w, mean = NULL, sd = NULL, rows = NULL,
                       values = NULL, extra = NULL, extra_values = NULL,
                       tss = NULL, maxit = 200L) {
  G <- stats::model.matrix(~ country - 1)
  n <- length(x)
  for (it in seq_len(maxit)) {
    val <- tgt <- numeric(0)
    J <- NULL
    add <- function(v, t, grad) {
      val <<- c(val, v)
      tgt <<- c(tgt, t)
      J <<- cbind(J, drop(crossprod(G, grad)))
    }
    if (!is.null(mean)) add(base::mean(x), mean, rep(1 / n, n))
    if (!is.null(sd)) add(stats::sd(x), sd,
                          (x - base::mean(x)) / ((n - 1) * stats::sd(x)))
    for (j in seq_along(rows)) add(x[rows[j]], values[j], as.numeric(seq_len(n) == rows[j]))
    for (j in seq_along(extra_values)) add(sum(extra[, j] * x), extra_values[j], extra[, j])
    for (z in tss) {
      d <- (x[z$rows] - base::mean(x[z$rows]))
      g <- numeric(n)
      g[z$rows] <- d / ((length(d) - 1) * stats::sd(x[z$rows]))
      add(stats::sd(x[z$rows]), z$sd, g)
    }
    r <- tgt - val
    if (max(abs(r)) < 1e-11 * max(1, abs(tgt))) break
    JW <- J * w
    x <- x + drop(G %*% (JW %*% solve(crossprod(J, JW), r)))
  }
  stopifnot(max(abs(r)) < 1e-9 * max(1, abs(tgt)))
  x
}

# set_levels() under bounds: whenever a country's path would leave (lo, hi), its
# extreme row is held just inside, a little further for each such country.
set_levels_within <- function(x, country, w, lo, hi, gap, rows = NULL, values = NULL, ...) {
  held <- rows
  at <- values
  given <- country[c(rows, 1L)]               # levels that other conditions fix
  for (it in 1:40) {
    y <- set_levels(x, country, w, rows = held, values = at, ...)
    outside <- setdiff(which(y < lo - 1e-9 | y > hi + 1e-9), rows)
    if (length(outside) == 0L) return(y)
    if (any(country[outside] %in% given))
      stop("a path is wider than its bounds: ", toString(unique(country[outside])))
    # one held row a country: a more extreme one replaces an earlier one
    for (place in unique(country[outside])) {
      r <- outside[country[outside] == place]
      worst <- r[which.max(pmax(lo - y[r], y[r] - hi))]
      keep <- country[held] != place
      held <- c(held[keep], worst)
      at <- at[keep]
      step <- gap * (1 + 0.37 * (length(at) - length(rows)))
      at <- c(at, if (y[worst] < lo) lo + step else hi - step)
    }
  }
  stop("levels cannot be kept within bounds")
}
