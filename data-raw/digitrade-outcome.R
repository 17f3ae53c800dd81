# The outcome of digitrade.R: ln_upmf, from a realistic start to one that meets
# Table 2, Table 3 column 5 and Table 4 columns 1 and 2.

# The models the outcome enters, with everything that does not depend on it.
outcome_models <- function(X) {
  u <- X[, "ln_imdig"] - mean(X[, "ln_imdig"])
  v <- ln_insti - mean(ln_insti)
  moderation <- cbind(ln_imdig = u, ln_insti = v, inter = u * v, X[, CONTROLS])
  nested <- lapply(1:6, function(k) make_model(X[, seq_len(k), drop = FALSE], ALL, p))
  c(stats::setNames(nested, paste0("c", 1:6)),
    list(mod = make_model(moderation, ALL, p), dev = make_model(X, DEV, p),
         devg = make_model(X, DEVG, p)))
}

# One row a condition on y: window [lo, hi] inside the printed rounding. The other
# coefficients of Table 2 follow from column 6 (sections 2 and 3 of digitrade.R).
outcome_targets <- function() {
  rows <- list()
  put <- function(model, what, term, value, half) {
    rows[[length(rows) + 1L]] <<- data.frame(model = model, what = what, term = term,
                                             lo = value - half, hi = value + half)
  }
  se <- function(model, tab, column, terms, labels = terms)
    for (j in seq_along(terms))
      put(model, "se", terms[j], cell(tab, column, labels[j], "std_error"), 3e-5)

  for (x in XNAMES) put("c6", "coef", x, B[6, x], 1e-7)
  put("c6", "coef", "_cons", CONS[6], 1e-7)
  put("mod", "coef", "ln_insti", MOD[["ln_insti"]], 1e-7)
  put("mod", "coef", "inter", MOD[["inter"]], 1e-7)
  for (g in 1:2) for (x in c("ln_imdig", "_cons"))
    put(c("dev", "devg")[g], "coef", x, cell(4, g, x), 1e-6)

  for (k in 1:6) se(paste0("c", k), 2, k, c(XNAMES[seq_len(k)], "_cons"))
  se("mod", 3, 5, c("ln_imdig", "ln_insti", "inter", "_cons"),
     c("ln_imdig", "ln_insti", "ln_imdig:ln_insti", "_cons"))
  se("dev", 4, 1, c("ln_imdig", "_cons"))
  se("devg", 4, 2, c("ln_imdig", "_cons"))

  put("c6", "rss", "", RSS6, 0.001 * RSS6)
  put("dev", "rss", "", RSS_DEV, 0.005 * RSS_DEV)
  put("devg", "rss", "", RSS_DEVG, 0.005 * RSS_DEVG)
  # the two rows that some service types lack stand out: column 8 of Table 4 has a
  # higher adjusted R2 than a regressor with |t| = 1.7 could give it
  put("c6", "resid", row_of(p$id$late, 2008), 0.657, 0.002)
  put("c6", "resid", row_of(p$id$late, 2009), 0.648, 0.002)
  do.call(rbind, rows)
}

# Country levels, AR(1) noise that differs by country, a common business cycle, a
# boom and catch-up of developing countries; coefficients already those of column 6.
start_outcome <- function(X) {
  new_stream(11)
  income <- country_mean(X[, "pgdp"])
  sd <- ifelse(p$dev_c, 0.066 * (income / 36)^0.6, 0.118) *
    exp(stats::rnorm(63L, 0, ifelse(p$dev_c, 0.2, 0.32)))
  sd <- pmin(pmax(sd, ifelse(p$dev_c, 0.04, 0.06)), 0.20)
  sd[p$id$low] <- pmin(sd[p$id$low], 0.14)
  noise <- c(vapply(1.18 * sd, function(s) ar1(13L, 0.6, s), numeric(13L)))
  # one developing country loses industry early
  late <- row_of(p$id$late, 2008:2020)
  noise[late] <- noise[late] + c(0.80, 0.80, 0.25, 0, -0.05, rep(-0.15, 8L))
  cycle <- c(3, -10, -1, 6, 4, 5, 5, -6, -6, 0, 5, 3, -3) / 100
  boom <- c(-6, 2, 6, 8, 6, 4, 2, -6, -8, -4, -2, 0, -2) / 100
  group <- ifelse(p$dev, -0.5, 0.5) * (0.024 * (p$t - 6) + boom[p$t + 1L])
  level <- stats::rnorm(63L, ifelse(p$dev_c, 3.77, 3.17), 1.7)
  level <- pmin(pmax(level, -0.2), 6.9)
  level[unlist(p$id[c("first_dev", "maker", "tiny", "late")])] <- c(6, 7.8, -0.9, 3.4)

  m <- models$c6
  y <- noise + group + cycle[p$t + 1L]
  y <- y - drop(X %*% drop(crossprod(m$P, y))[XNAMES]) + drop(X %*% B[6, ])
  y <- y + rep(level - country_mean(y), each = 13L)
  first <- row_of(p$id$base, 2008:2020)
  y[first] <- y[first] + CONS[6] - fit_model(m, y)$coef[["_cons"]]
  list(y = y, sd = sd)
}

solve_outcome <- function(start) {
  tg <- outcome_targets()
  g <- gauss_newton(start$y, outcome_cells(models, tg), tg$lo, tg$hi,
                    ar_metric(start$sd, 0.6, 13L), maxit = 200L, damp = 0.3, label = "ln_upmf")
  stopifnot(all(g$ok))
  g$x
}

# Levels: Table 1, the total sums of squares of the two groups (their adjusted R2)
# and both base levels; within-country variation, hence all slopes, stays.
level_outcome <- function(y) {
  D <- fe_dummies(p$country[DEV], p$year[DEV])
  base_dev <- numeric(819L)
  base_dev[DEV] <- base_functional(D)
  spread <- function(rows, m, rss, adj) list(rows = rows, sd = sqrt(rss / (m$n - m$K) / (1 - adj)))
  meet_table1("ln_upmf", y, rep(1, 63L), c(p$id$tiny, p$id$maker), 0.1,
              cbind(BASE, base_dev), c(sum(BASE * y), sum(base_dev * y)),
              tss = list(spread(DEV, models$dev, RSS_DEV, cell(4, 1, "adj_r2")),
                         spread(DEVG, models$devg, RSS_DEVG, cell(4, 2, "adj_r2"))))
}
