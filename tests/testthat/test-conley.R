# Random panel whose units lie around both poles, across the date line and close to each other.
spread_panel <- function(seed, options = "weights", ...) {
  d <- random_panel(seed, options, ...)
  units <- max(d$unit)
  lat <- c(89.9, 89, -89.5, 0, 0.001, runif(units, -80, 80))
  lon <- c(10, -170, 60, 179.9995, -179.9999, runif(units, -180, 180))
  d$lat <- lat[d$unit]
  d$lon <- lon[d$unit]
  moving <- sample(nrow(d), nrow(d) / 4)
  d$lon[moving] <- d$lon[moving] + 0.0123
  d$east <- d$lon * 100
  d$north <- d$lat * 100
  d
}

d <- spread_panel(31, n_units = 20L)
m <- fe_lm(y ~ x1 + x2 | unit + time, d, weights = w)
o <- oracle_panel(d, c("unit", "time"), c("x1", "x2"), "w")
conley_factor <- function(o) o$n / (o$n - o$rank)
quiet <- function(x) suppressWarnings(x, classes = "fe_warning")

test_that("both distances and kernels equal the sum over all pairs on 30 random panels", {
  effects <- list("unit", c("unit", "time"), c("unit", "time", "group"))
  for (seed in 1:30) {
    fe <- effects[[seed %% 3L + 1L]]
    d <- spread_panel(seed, c("weights", "missing", "singletons"))
    o <- oracle_panel(d, fe, w = "w")
    m <- fe_lm(reformulate(sprintf("x1 + x2 + x3 | %s", paste(fe, collapse = " + ")), "y"), d,
               weights = w)
    cutoff <- c(1, 300, 5000)[seed %% 3L + 1L]
    km <- oracle_distance(o$data$lat, o$data$lon)
    flat <- as.matrix(dist(o$data[c("east", "north")]))
    expected <- function(W) oracle_repaired(oracle_kernel(o, W, conley_factor(o)))
    expect_lt(worst(quiet(vcov(m, conley(cutoff) ~ lat + lon)), expected(km <= cutoff)), 1e-9)
    expect_lt(worst(quiet(vcov(m, conley(cutoff, kernel = "bartlett") ~ lat + lon)),
                    expected(oracle_bartlett(km, cutoff))), 1e-9)
    expect_lt(worst(quiet(vcov(m, conley(cutoff, "cartesian") ~ east + north)),
                    expected(flat <= cutoff)), 1e-9)
    expect_lt(worst(quiet(vcov(m, conley(cutoff, "cartesian", "bartlett") ~ east + north)),
                    expected(oracle_bartlett(flat, cutoff))), 1e-9)
  }
})

test_that("many places, most of them in clumps, equal the sum over all pairs", {
  set.seed(5)
  n <- 1500
  place <- cbind(runif(40, -90, 90), runif(40, -180, 180))[sample(40, n, TRUE), ]
  e <- data.frame(lat = pmin(pmax(place[, 1] + rnorm(n, sd = 0.3), -90), 90),
                  lon = place[, 2] + rnorm(n, sd = 0.3), x = rnorm(n))
  e$y <- e$x + rnorm(n)
  model <- fe_lm(y ~ x, e)
  o <- oracle_fit(e$y, cbind(x = e$x))
  km <- oracle_distance(e$lat, e$lon)
  for (cutoff in c(5, 60, 900, 12000)) {
    V <- oracle_kernel(o, km <= cutoff, conley_factor(o), colnames(o$Z))
    if (V["x", "x"] <= 0) V[] <- NA # of one slope: nothing is left, nor for the constant
    if (V[1L, 1L] %in% NA || V[1L, 1L] <= 0) V[1L, ] <- V[, 1L] <- NA
    expect_equal(quiet(vcov(model, conley(cutoff) ~ lat + lon)), V, tolerance = 1e-9)
  }
})

test_that("places no two of which are near give HC0, and one place for each unit CR0", {
  e <- transform(d, row = seq_len(nrow(d)), zero = 0)
  model <- fe_lm(y ~ x1 + x2 | unit + time, e, weights = w)
  plain <- fe_ssc(K.adj = FALSE)
  expect_equal(vcov(model, conley(0.5, "cartesian") ~ row + zero, ssc = plain), vcov(model, "HC0"),
               tolerance = 1e-10)
  expect_equal(vcov(model, conley(0.5, "cartesian") ~ unit + zero, ssc = plain),
               vcov(model, CR0 ~ unit), tolerance = 1e-10)
})

test_that("frequency weights are rows written several times", {
  e <- d
  e$w <- rep(1:3, length.out = nrow(e))
  model <- fe_lm(y ~ x1 + x2 | unit + time, e, weights = w, weights_type = "frequency")
  long <- oracle_panel(e[rep(seq_len(nrow(e)), e$w), ], c("unit", "time"), c("x1", "x2"))
  W <- oracle_bartlett(oracle_distance(long$data$lat, long$data$lon), 3000)
  expect_lt(worst(quiet(vcov(model, conley(3000, kernel = "bartlett") ~ lat + lon)),
                  oracle_repaired(oracle_kernel(long, W, conley_factor(long)))), 1e-9)
})

test_that("a negative eigenvalue of the slopes is set to zero with a warning", {
  set.seed(11)
  line <- data.frame(x = rep(c(1, -1), 6), z = rnorm(12), y = rnorm(12), at = 1:12, zero = 0)
  o <- oracle_fit(line$y, as.matrix(line[c("x", "z")]))
  W <- abs(outer(line$at, line$at, `-`)) <= 1
  V <- oracle_kernel(o, W, conley_factor(o), colnames(o$Z))[c("x", "z"), c("x", "z")]
  expect_lt(min(eigen(V)$values), -1e-6)
  model <- fe_lm(y ~ x + z, line)
  expect_warning(ours <- vcov(model, conley(1, "cartesian") ~ at + zero),
                 "the Conley variance was not positive semi-definite", class = "fe_warning")
  expect_lt(worst(ours[c("x", "z"), c("x", "z")], oracle_repaired(V)), 1e-9)
})

test_that("a single slope with a negative variance has none", {
  line <- data.frame(x = c(1, -1, 1, -1, 1, -1, 1, -1), y = c(1, 2, 3, 4, 6, 7, 9, 8.5),
                     at = 1:8, zero = 0)
  model <- fe_lm(y ~ x, line)
  expect_warning(ours <- vcov(model, conley(1, "cartesian") ~ at + zero),
                 "negative for", class = "fe_warning") |>
    suppressWarnings(classes = "fe_warning")
  expect_true(is.na(ours["x", "x"]))
})

test_that("longitudes count around the globe", {
  e <- transform(d, around = ifelse(lon < 0, lon + 360, lon))
  model <- fe_lm(y ~ x1 + x2 | unit + time, e, weights = w)
  expect_equal(quiet(vcov(model, conley(500) ~ lat + around)),
               quiet(vcov(m, conley(500) ~ lat + lon)), tolerance = 1e-10)
})

test_that("any number of threads gives the same bits", {
  set.seed(9)
  n <- 4000
  e <- data.frame(lat = runif(n, -90, 90), lon = runif(n, -180, 180), x = rnorm(n), y = rnorm(n))
  some <- lapply(c(1, 2, 4), function(t) {
    vcov(fe_lm(y ~ x, e, threads = t), conley(400, kernel = "bartlett") ~ lat + lon)
  })
  expect_identical(some[[1L]], some[[2L]])
  expect_identical(some[[1L]], some[[3L]])
})

test_that("a print says distance, cut-off, kernel, factor and degrees of freedom", {
  shown <- summary(m, conley(1.5, "cartesian", "bartlett") ~ east + north)
  expect_output(print(shown), "Conley \\(Cartesian within 1.5, bartlett kernel; [0-9]+ places\\)")
  expect_output(print(summary(m, conley(20) ~ lat + lon)),
                sprintf("great-circle within 20 km, uniform kernel; .* factor %.5g, t\\(%d\\)",
                        conley_factor(o), o$n - o$rank))
})

test_that("missing coordinates are dropped and counted at estimation, refused later", {
  e <- d
  e$lat[3] <- NA
  e$lon[7] <- Inf
  at_once <- quiet(fe_lm(y ~ x1 | unit, e, vcov = conley(100) ~ lat + lon))
  expect_identical(fe_rows(at_once)$cause[c(3, 7)], c("NA", "infinite"))
  expect_identical(fe_rows(at_once)$variable[c(3, 7)], c("lat", "lon"))
  expect_error(vcov(fe_lm(y ~ x1 | unit, e), conley(100) ~ lat + lon),
               "`lat`, which is NA or infinite in row 3", class = "fe_error")
})

test_that("what cannot be done is refused by name and value", {
  refuses <- function(vcov, message) expect_error(vcov(m, vcov), message, class = "fe_error")
  refuses("conley", "without a cut-off. Write conley\\(100\\) ~ lat \\+ lon")
  refuses("conley(100)", "must name two coordinates for conley, not 0")
  refuses(conley(100) ~ lat, "must name two coordinates for conley, not 1")
  refuses(conley(0) ~ lat + lon, "`cutoff` must be above zero, not 0")
  refuses(conley(NA) ~ lat + lon, "`cutoff` must be one finite number")
  refuses(conley(10, "triangular") ~ lat + lon, "`distance` must be one of \"great-circle\"")
  refuses(conley(10, kernel = "gauss") ~ lat + lon, "`kernel` must be one of \"uniform\"")
  refuses(conley(10) ~ east + lat, "latitude `east`, which is .* in row.*between -90 and 90")
  refuses(conley(10) ~ lat + east, "longitude `east`, which is .* between -360 and 360")
  refuses(conley(10) ~ lat + cluster, "coordinate `cluster`, which is .* must be numbers")
  refuses(conley(10) ~ lat + lng, "coordinate `lng`, but `data` has no column \"lng\"")
  refuses(conley(30000) ~ lat + lon, "`cutoff` is 30000, and no two places are farther apart")
})

test_that("variances equal fixest's", {
  skip_if_not_installed("fixest")
  data("quakes", envir = environment())
  theirs <- fixest::feols(depth ~ mag + stations, quakes)
  ours <- fe_lm(depth ~ mag + stations, quakes)
  for (cutoff in c(20, 100, 400)) {
    V <- fixest::vcov_conley(theirs, "lat", "long", cutoff, distance = "spherical")
    expect_lt(worst(vcov(ours, conley(cutoff) ~ lat + long), V), 1e-8)
    expect_lt(worst(vcov(ours, conley(cutoff, "spherical") ~ lat + long, ssc = "fixest"), V), 1e-8)
  }
  request <- fixest::vcov_conley("lat", "long", 100)
  expect_equal(vcov_df(ours, conley(100) ~ lat + long),
               fixest::degrees_freedom(summary(theirs, request), "t"))
})
