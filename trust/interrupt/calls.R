# Long calls, one for each kind of work that can be interrupted, on the data d, with the model m and
# replicates in proportion to k; those of `quick_calls` run on every change.

interrupt_data <- function(n = 300000L) {
  set.seed(21)
  g <- n %/% 6L
  d <- data.frame(unit = sample.int(g, n, TRUE), time = sample.int(20L, n, TRUE),
                  shop = sample.int(g, n, TRUE), part = sample.int(3000L, n, TRUE))
  d$place <- d$unit %% 40L + 1L
  d$text <- paste0("u", d$unit)
  d$x <- rnorm(n) + d$unit / g
  d$z <- rnorm(n)
  d$v <- rnorm(n)
  d$lat <- runif(n, 40, 50)
  d$lon <- runif(n, 0, 10)
  d$y <- d$x + d$z + d$time / 9 + rnorm(n)
  d
}

solver <- function(name) fe_control(solver = name, max_iter = 1e5)

interrupt_calls <- list(
  means = quote(coef(fe_lm(y ~ x + z + v | unit, d, vcov = ~unit))),
  text = quote(coef(fe_lm(y ~ x | text + shop^time, d))),
  schur = quote(coef(fe_lm(y ~ x + z | unit + time + part, d, control = solver("schur")))),
  cg = quote(coef(fe_lm(y ~ x + z | unit + shop + part, d, control = solver("cg")))),
  sparse = quote(coef(fe_lm(y ~ x + z | unit + shop, d, control = solver("sparse")))),
  slopes = quote(coef(fe_lm(y ~ x + z | unit[v] + time, d))),
  slopes_cg = quote(coef(fe_lm(y ~ z | unit[x] + part[v], d, control = solver("cg")))),
  effects = quote(range(fixef(fe_lm(y ~ x | unit + shop, d))$unit)),
  several = quote(coef(fe_lm(y ~ x + z | unit[v] + part + time + place^time, d))),
  many = quote(coef(fe_lm(y ~ csw(x, z, v) | csw0(unit, time, part), d, vcov = ~place))),
  hc3 = quote(vcov(fe_lm(y ~ x + z | part + time, d), "HC3")),
  cr2 = quote(vcov(fe_lm(y ~ x + z | time, d[seq_len(12000 * k), ]), CR2 ~ unit)),
  cr3 = quote(vcov(fe_lm(y ~ x + z | unit + time, d), CR3 ~ unit)),
  twoway = quote(vcov(fe_lm(y ~ x + z | time, d), ~ unit + shop + part)),
  conley = quote(vcov(fe_lm(y ~ x + z | time, d[seq_len(12000 * k), ]), conley(100) ~ lat + lon)),
  newey = quote(vcov(fe_lm(y ~ x | unit, d[!duplicated(d[c("unit", "time")]), ]),
                     NW(3) ~ unit + time)),
  boot = quote(fe_boot(m, R = 20000 * k, seed = 1, cluster = ~place)$t[1:4, ]),
  boot_rows = quote(fe_boot(fe_lm(y ~ x | unit + shop, d[seq_len(12000 * k), ]), R = 4 * k,
                            seed = 1, cluster = ~time)$t[1:4, ]),
  boot_wild = quote(fe_boot(m, R = 10000 * k, type = "wild", seed = 1, cluster = ~place)$t[1:4, ]),
  boot_residual = quote(fe_boot(fe_lm(y ~ x | time, d[seq_len(12000 * k), ]), R = 50 * k,
                                type = "residual", seed = 1, cluster = "row")$t[1:4, ]),
  boottest = quote({
    set.seed(1)
    fe_boottest(m, "x", B = 50000 * k - 1, cluster = ~place)$p.value
  }),
  boottest_33 = quote({
    set.seed(1)
    fe_boottest(m, "x", B = 50000 * k - 1, cluster = ~place, bootstrap_type = "33")$p.value
  }),
  mediate = quote({
    set.seed(1)
    tidy(fe_mediate(y ~ x | unit + time, d, mediators = c("z", "v"), R = 2000 * k,
                    vcov = ~place))$estimate
  }),
  romano = quote({
    set.seed(1)
    tidy(fe_adjust(fe_lm(y ~ sw(x, z) | time, d, vcov = ~place), terms = c("x", "z"),
                   method = "romano-wolf", B = 10000 * k - 1))$p.value
  }))

quick_calls <- c("schur", "cg", "several", "cr3", "conley", "boot", "boottest")
