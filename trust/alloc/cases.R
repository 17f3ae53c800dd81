# Calls that together reach every entry of the compiled code, most of them by several routes. Each
# is an expression of the data below; what it gives is compared as is, so it must not hold anything
# that differs between runs.

alloc_panel <- function() {
  set.seed(11)
  d <- expand.grid(unit = seq_len(24L), time = seq_len(7L))
  d <- d[sort(sample(nrow(d), 150L)), ]
  n <- nrow(d)
  d$firm <- paste0("firm", d$unit)
  d$region <- d$unit %% 8L + 1L
  d$other <- sample.int(6L, n, TRUE)
  d$third <- sample.int(9L, n, TRUE)
  d$part <- sample.int(12L, n, TRUE)
  d$lonely <- ifelse(seq_len(n) == 5L, 99L, d$other)
  # the bits of the integers; those of -0 are NA
  d$id64 <- structure(replace(d$unit * 2^-1074, 7L, -0), class = "integer64")
  d$code <- d$unit + 0.25
  d$x <- rnorm(n) + d$unit / 10
  d$z <- rnorm(n)
  d$v <- rnorm(n)
  d$m1 <- d$x / 2 + rnorm(n)
  d$m2 <- d$x / 3 + d$m1 / 4 + rnorm(n)
  d$y <- d$x + d$m1 / 3 - d$z + d$unit / 5 + sin(d$time) + rnorm(n)
  d$group <- d$unit %% 2L
  d$w <- runif(n, 0.5, 2)
  d$count <- sample.int(3L, n, TRUE)
  d$lat <- runif(n, 40, 50)
  d$lon <- runif(n, 0, 10)
  d$z[3L] <- NA
  d
}

# Long enough for several tasks, so that threads are started.
alloc_long <- function(n = 40000L) {
  set.seed(12)
  d <- data.frame(unit = sample.int(n %/% 8L, n, TRUE), time = sample.int(12L, n, TRUE),
                  shop = sample.int(700L, n, TRUE))
  d$place <- d$unit %% 25L + 1L
  d$town <- d$unit %% 400L + 1L
  d$x <- rnorm(n)
  d$z <- rnorm(n)
  d$far <- 3e9 * d$unit
  d$text <- sprintf("u%d", d$unit)
  d$y <- d$x + d$z / 2 + d$place / 9 + rnorm(n)
  d
}

wide <- function(...) suppressWarnings(fe_lm(...))
with_solver <- function(solver) fe_control(solver = solver)

# Those that begin with "long" take longer.
alloc_cases <- list(
  plain = quote(fe_lm(y ~ x + z, d)),
  means = quote(fe_lm(y ~ x + z | unit, d, vcov = ~unit)),
  balanced = quote(fe_demean(cos(1:60), expand.grid(1:12, 1:5))),
  auto = quote(fe_lm(y ~ x + z | firm + time, d, vcov = ~region)),
  schur = quote(fe_lm(y ~ x + z | unit + time + other, d, weights = ~w, intercept = "lsdv",
                      control = with_solver("schur"), vcov = ~ region + time)),
  cg = quote(fe_lm(y ~ x + z | unit + time + part, d, control = with_solver("cg"))),
  sparse = quote(fe_lm(y ~ x + z | unit + part + third, d, control = with_solver("sparse"))),
  slopes = quote(fe_lm(y ~ x + z | unit[v] + time, d, vcov = "HC1")),
  slopes_cg = quote(wide(y ~ x + z | unit[[v]] + time[x] + other, d, weights = ~w,
                         control = with_solver("cg"))),
  slopes_many = quote(fe_lm(y ~ x | unit[v, z] + third[z] + other, d)),
  singletons = quote(fe_lm(y ~ x | lonely + unit, d)),
  int64 = quote(fixef(fe_lm(y ~ x | id64 + time, d))$id64),
  doubles = quote(fixef(fe_lm(y ~ x | code + firm^other, d))$code),
  subset = quote(fe_lm(y ~ sw(x, z) | unit, d, split = ~group, subset = ~ time > 1)),
  counts = quote(fe_lm(y ~ x + z | unit + time, d, weights = ~count, weights_type = "frequency",
                       vcov = "HC1")),
  lags = quote(fe_lm(y ~ l(x, 1:2) + f(z) | unit, d, panel.id = ~ unit + time)),
  iv = quote(fe_iv_tests(fe_lm(y ~ z | unit + time | x ~ m1 + v, d, vcov = ~region))),
  iv_fit = quote(fe_first_stage(fe_lm(y ~ z | unit | x ~ m1 + v, d))),
  hc = quote(lapply(c("HC0", "HC2", "HC3"), function(v) vcov(m, v))),
  hc_slopes = quote(vcov(fe_lm(y ~ x + z | unit[v] + time, d), "HC2")),
  cr2 = quote(summary(m, vcov = CR2 ~ region)),
  cr2_weights = quote(vcov(fe_lm(y ~ x + z | unit + time, d, weights = ~w), CR2 ~ region)),
  cr3 = quote(vcov(m, CR3 ~ region)),
  cr3_crossed = quote(vcov(m, CR3 ~ other)),
  cr3_slopes = quote(vcov(fe_lm(y ~ x + z | unit[v], d), CR3 ~ region)),
  newey = quote(vcov(m, NW(2) ~ unit + time)),
  driscoll = quote(vcov(m, DK ~ time)),
  conley = quote(vcov(m, conley(300) ~ lat + lon)),
  conley_plane = quote(vcov(m, conley(2, "cartesian", "bartlett") ~ lat + lon)),
  pairs_vcov = quote(vcov(m, pairs(R = 40, seed = 1) ~ region)),
  wild_vcov = quote(vcov(m, wild(R = 40, seed = 1) ~ region)),
  boot_pairs = quote(fe_boot(m, R = 40, seed = 1, cluster = ~region, studentise = TRUE)),
  boot_crossed = quote(fe_boot(m, R = 40, seed = 1, cluster = ~other)),
  boot_wild = quote(fe_boot(m, R = 40, type = "wild", seed = 1, cluster = ~region,
                            studentise = TRUE)),
  boot_residual = quote(fe_boot(fe_lm(y ~ x | unit, d), R = 40, type = "residual", seed = 1,
                                cluster = "row")),
  boot_bayesian = quote(fe_boot(m, R = 40, type = "bayesian", seed = 1, cluster = ~region)),
  weights = quote(lapply(c("pairs", "bayesian", "wild", "residual"), function(type) {
    fe_boot_weights(5, 1:3, seed = 1, type = type)
  })),
  boottest = quote({
    set.seed(1)
    fe_boottest(m, "x", B = 99, cluster = ~region)
  }),
  boottest_33 = quote({
    set.seed(1)
    fe_boottest(m, "x", B = 99, cluster = ~region, bootstrap_type = "33", weights = "webb")
  }),
  boottest_joint = quote({
    set.seed(1)
    fe_boottest(m, c("x", "z"), B = 99, cluster = ~region)
  }),
  boottest_two = quote({
    set.seed(1)
    fe_boottest(m, "x", B = 99, cluster = ~ region + time, weights = "mammen")
  }),
  fixef = quote(tidy(fixef(m, "time", se = TRUE))),
  fixef_slopes = quote(fixef(fe_lm(y ~ x | unit[v] + time, d), se = TRUE)),
  predict = quote(predict(m, d[1:5, ], interval = "confidence")),
  predict_all = quote(predict(m, se.fit = TRUE)),
  leverage = quote(hatvalues(fe_lm(y ~ x | unit + time, d))),
  wald = quote(list(fe_wald(m, c("x", "z")), fe_wald(m, fixef = "time"))),
  clusters = quote(as.data.frame(fe_clusters(m, cluster = ~region))),
  romano = quote({
    set.seed(1)
    fe_adjust(fe_lm(y ~ sw(x, z) | unit + time, d, vcov = ~region), terms = c("x", "z"),
              method = "romano-wolf", B = 99)
  }),
  bands = quote(fe_bands(fe_lm(y ~ x + z | unit, d, vcov = ~region))),
  mediate = quote({
    set.seed(1)
    tidy(fe_mediate(y ~ x + z | unit + time, d, mediators = c("m1", "m2"), R = 39,
                    vcov = ~region, ci = "percentile"))
  }),
  mediate_delta = quote(tidy(fe_mediate(y ~ x | unit, d, mediators = c("m1", "m2"),
                                        type = "serial", ci = "delta", vcov = ~region))),
  moderate = quote(tidy(fe_moderate(y ~ z | unit + time, d, "x", "v", vcov = ~region))),
  linearity = quote(fe_linearity(fe_moderate(y ~ z | unit + time, d, "x", "v"))$wald),
  decompose = quote(coef(fe_decompose(y ~ x | time, d, vcov = ~region,
                                      added = list(a = ~z, b = ~ 1 | unit)))),
  equal = quote(fe_equal(fe_lm(y ~ x + z | unit, d, split = ~group, vcov = ~region))),
  hausman = quote(fe_hausman(fe_lm(y ~ x + z | unit + time, d, vcov = ~region))),
  heterogeneity = quote(tidy(fe_heterogeneity(y ~ x + z | unit, d, by = ~group,
                                              vcov = ~region))),
  robust = quote(tidy(fe_robust(y ~ x + z + v | unit, d, controls = "drop", winsor = 0.05,
                                vcov = ~region))),
  sensitivity = quote(tidy(fe_sensitivity(fe_lm(y ~ x + z | unit, d), benchmark = "z"))),
  correlate = quote(fe_correlate(d, c("y", "x", "v"), type = "within", id = "unit")),
  balance = quote(tidy(fe_balance(d, "group", c("x", "v"), cluster = ~region))),
  describe = quote(as.data.frame(fe_describe(d, c("x", "v"), id = "unit", time = "time"))),
  view = quote(as.data.frame(fe_panel_view(d, "unit", "time", "x"))),
  long_fit = quote(fe_lm(y ~ x + z | unit + time + shop, long, vcov = ~place)),
  long_sparse = quote(fe_lm(y ~ x | text + shop + place^time, long,
                            control = with_solver("sparse"))),
  long_slopes = quote(wide(y ~ z | far[x] + time + place, long, vcov = "HC1")),
  long_rows = quote(fe_boot(fe_lm(y ~ x | unit + shop, long[1:8000, ]), R = 3, seed = 1,
                            cluster = ~time)),
  long_pairs = quote(vcov(fe_lm(y ~ x + z | time, long), ~ place + town)),
  long_wild = quote({
    set.seed(1)
    fe_boottest(fe_lm(y ~ x + z | unit + time, long), "x", B = 99, cluster = ~place)
  }),
  long_cr2 = quote(vcov(fe_lm(y ~ x + z | town, long), CR2 ~ place)),
  long_cr3 = quote(vcov(fe_lm(y ~ x + z | unit + time, long), CR3 ~ place)),
  long_newey = quote(vcov(fe_lm(y ~ x + z | time, long[!duplicated(long[c("unit", "time")]), ]),
                          NW(2) ~ unit + time))
)

# Numbers, texts and flags of a result, whatever it is.
content <- function(x) {
  rapply(list(x), function(leaf) as.vector(unclass(leaf)), how = "unlist",
         classes = c("numeric", "integer", "logical", "character", "factor", "matrix", "array"))
}
