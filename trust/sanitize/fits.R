# Fits by the package in the library that is the argument, against lm() with dummies.
library(fepanel, lib.loc = commandArgs(TRUE)[1L])
set.seed(1)
d <- expand.grid(unit = 1:20, time = 1:6)
d <- d[sample(nrow(d), 100), ]
d$x <- rnorm(100)
d$z <- rnorm(100)
d$y <- d$x - d$z + d$unit / 5 + rnorm(100)
right <- coef(lm(y ~ x + z + factor(unit) + factor(time), d))[c("x", "z")]
for (solver in c("auto", "schur", "cg", "sparse")) {
  m <- fe_lm(y ~ x + z | unit + time, d, vcov = ~unit, control = fe_control(solver = solver))
  stopifnot(all.equal(coef(m), right, tolerance = 1e-9))
}
set.seed(2)
stopifnot(is.finite(fe_boottest(m, "x", B = 99, cluster = ~time)$p.value),
          is.finite(vcov(m, CR2 ~ unit)), is.finite(vcov(m, CR3 ~ unit)))
