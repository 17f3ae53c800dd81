# The data-generating processes of the benchmarks: functions of the number of rows `n` and a `seed`
# that return a data frame of doubles and integer identifiers. `draw()` keeps the session's random
# numbers as they were.
#
# Where a public benchmark leaves a detail open, the choice made here is said at the function.

draw <- function(seed, expr) {
  if (!exists(".Random.seed", globalenv())) set.seed(NULL)
  old <- get(".Random.seed", globalenv())
  on.exit(assign(".Random.seed", old, globalenv()))
  set.seed(seed, kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection")
  force(expr)
}

levels_of <- function(n, k) sample.int(as.integer(k), n, replace = TRUE)

# The effect of each row of a factor: one draw of N(0, 1) for each level.
effect_of <- function(id) rnorm(max(id))[id]

# fixest's "simple": three factors of n/20, sqrt(n) and n^.33 levels, drawn independently, so that
# the graph is dense and every method converges at once; ln(y + 1) of a negative binomial outcome.
gen_simple <- function(n, seed) {
  draw(seed, {
    indiv <- levels_of(n, n / 20)
    firm <- levels_of(n, sqrt(n))
    year <- levels_of(n, n^0.33)
    x1 <- rnorm(n)
    mu <- x1 + 0.05 * x1^2 + effect_of(indiv) + effect_of(firm) + effect_of(year)
    y <- log(rnbinom(n, mu = exp(mu), size = 0.5) + 1)
    data.frame(y, x1, indiv, firm, year)
  })
}

# fixest's "difficult": an individual's firms lie in a window of 21 that moves slowly with the
# individual's number, so that the graph is a long chain; the regressors follow the effects.
gen_difficult <- function(n, seed) {
  draw(seed, {
    indiv <- levels_of(n, n / 20)
    first <- pmax(1L, indiv %/% 8L - 10L)
    firm <- pmin(first + sample.int(21L, n, replace = TRUE) - 1L, as.integer(n / 160))
    year <- levels_of(n, round(n^0.3))
    x1 <- 5 * cos(indiv) + 5 * sin(firm) + 5 * sin(year) + runif(n)
    x2 <- cos(indiv) + sin(firm) + sin(year) + rnorm(n)
    y <- 3 * x1 + 5 * x2 + cos(indiv) + cos(firm)^2 + sin(year) + rnorm(n)
    data.frame(y, x1, x2, indiv, firm, year)
  })
}

# kylebutts/fixest_benchmarks: 10 years, n/10 individuals, a firm for every 23 individuals; the firm
# of a row is random ("simple") or runs 1, 2, ..., F, 1, 2, ... over the rows ("difficult").
# Chosen here: rows sorted by individual and year, effects and noise N(0, 1), slopes 1, x related to
# the individual's effect by .5.
gen_kylebutts <- function(n, seed, difficult = TRUE, k = 1) {
  draw(seed, {
    units <- as.integer(n / 10)
    firms <- max(2L, as.integer(round(units / 23)))
    indiv <- rep(seq_len(units), each = 10L)
    year <- rep(1:10, units)
    firm <- if (difficult) rep_len(seq_len(firms), 10L * units) else levels_of(10L * units, firms)
    a <- effect_of(indiv)
    x <- as.data.frame(replicate(k, 0.5 * a + rnorm(length(a)), simplify = FALSE),
                       col.names = paste0("x", seq_len(k)))
    y <- Reduce(`+`, x) + a + effect_of(firm) + effect_of(year) + rnorm(length(a))
    data.frame(y, x, indiv, firm, year)
  })
}

# A complete panel of n/10 individuals over 10 years.
gen_balanced <- function(n, seed) {
  draw(seed, {
    units <- as.integer(n / 10)
    indiv <- rep(seq_len(units), each = 10L)
    year <- rep(1:10, units)
    a <- effect_of(indiv)
    x1 <- rnorm(length(a)) + 0.5 * a
    y <- x1 + a + effect_of(year) + rnorm(length(a))
    data.frame(y, x1, indiv, year)
  })
}

# Workers and firms over 10 years after Abowd, Kramarz and Margolis, as in pyfixest's benchmark:
# 50,000 firms (fewer if n is below 1e6) of Pareto sizes in 5 industries; a worker of type alpha
# draws a firm of type psi with a probability in proportion to
#   exp(-.5 rho (alpha - psi)^2 / 1.5) * size * (industry weight),
# and draws anew each year with probability delta: a small delta gives a sparse graph of moves, a
# large rho one whose distant types are hardly connected.
# Chosen here: both types N(0, 1), alpha on a grid of 100 quantiles; Pareto shape 1.1; firms of the
# worker's own industry weigh 1, others .1; y = x + alpha + psi + year + N(0, 1).
gen_akm <- function(n, seed, rho = 1, delta = 0.2, firms = min(50000, n / 20)) {
  draw(seed, {
    workers <- as.integer(n / 10)
    firms <- as.integer(firms)
    psi <- rnorm(firms)
    size <- runif(firms)^(-1 / 1.1)
    industry <- levels_of(firms, 5)
    type <- levels_of(workers, 100)
    home <- levels_of(workers, 5)
    moves <- matrix(runif(10 * workers) < delta, 10)
    moves[1, ] <- TRUE
    worker <- rep(seq_len(workers), each = 10L)
    grid <- qnorm((seq_len(100) - 0.5) / 100)
    match_weight <- function(a, h) {
      exp(-0.5 * rho * (a - psi)^2 / 1.5) * size * ifelse(industry == h, 1, 0.1)
    }
    drawn <- draw_firms(type[worker[moves]], home[worker[moves]], grid, match_weight)
    firm <- drawn[cumsum(moves)]
    year <- rep(1:10, workers)
    alpha <- grid[type][worker]
    x1 <- 0.5 * alpha + 0.5 * psi[firm] + rnorm(length(firm))
    y <- x1 + alpha + psi[firm] + effect_of(year) + rnorm(length(firm))
    data.frame(y, x1, indiv = worker, firm, year)
  })
}

# A firm for each (type, home) pair: all draws of one cell at once, by inversion of its cumulated
# weights.
draw_firms <- function(type, home, grid, match_weight) {
  firm <- integer(length(type))
  cells <- split(seq_along(type), list(type, home), drop = TRUE)
  for (rows in cells) {
    total <- cumsum(match_weight(grid[type[rows[1L]]], home[rows[1L]]))
    at <- findInterval(runif(length(rows), 0, total[length(total)]), total) + 1L
    firm[rows] <- pmin(at, length(total))
  }
  firm
}

# Six regressors that are correlated with each other and with the individual's effect; individuals
# of 20 rows on average, 50 years. No slope is near zero: errors are relative.
gen_stepwise <- function(n, seed) {
  draw(seed, {
    indiv <- levels_of(n, n / 20)
    year <- levels_of(n, 50)
    a <- effect_of(indiv)
    common <- rnorm(n)
    x <- as.data.frame(replicate(6, 0.3 * a + 0.5 * common + rnorm(n), simplify = FALSE),
                       col.names = paste0("x", 1:6))
    slopes <- c(1, 0.5, 0.3, -1, 0.2, -0.4)
    y <- drop(as.matrix(x) %*% slopes) + a + effect_of(year) + rnorm(n)
    data.frame(y, x, indiv, year)
  })
}

# Individuals in G clusters over `years` years, 1, 2, ..., G, 1, 2, ...; half of the variance of the
# regressors and of the error is common to a cluster in a year.
gen_clustered <- function(n, seed, G, years = 10, k = 2) {
  draw(seed, {
    indiv <- rep(seq_len(as.integer(n / years)), each = as.integer(years))
    year <- rep_len(seq_len(as.integer(years)), length(indiv))
    cluster <- (indiv - 1L) %% as.integer(G) + 1L
    noise <- function() {
      common <- matrix(rnorm(G * years), G)
      common[cbind(cluster, year)] + rnorm(length(indiv))
    }
    x <- as.data.frame(replicate(k, noise(), simplify = FALSE), col.names = paste0("x", seq_len(k)))
    y <- 0.1 * x$x1 + effect_of(indiv) + effect_of(year) + noise()
    data.frame(y, x, indiv, year, cluster)
  })
}

# Points spread evenly over ten degrees of latitude and longitude at the equator, 1,112 km each way,
# in ten regions that have nothing to do with space; regressor and error vary smoothly over it.
gen_points <- function(n, seed) {
  draw(seed, {
    lat <- runif(n, -5, 5)
    lon <- runif(n, -5, 5)
    region <- levels_of(n, 10)
    x1 <- sin(3 * lat) + cos(2 * lon) + rnorm(n)
    y <- 0.1 * x1 + cos(3 * lat) * sin(2 * lon) + effect_of(region) + rnorm(n)
    data.frame(y, x1, region, lat, lon)
  })
}

# The package's example panel: 63 countries by 13 years.
gen_digitrade <- function(n, seed) as.data.frame(fepanel::digitrade)
