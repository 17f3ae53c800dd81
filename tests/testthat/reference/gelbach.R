# Stata's b1x2 (Gelbach): the logs in pyfixest, tests/data/gelbach.txt (made without a seed in a
# fresh session, so with Stata's own) and gelbach_b1x2_ssc.csv (seed 0). helper-stata.R makes the
# data.
parts <- list(g1 = ~ x21 + x22, g2 = ~ x23)

log_rows <- function() {
  d <- gelbach_data(123456789)
  terms <- c("base", "g1", "g2", "explained", "full")
  robust <- fe_decompose(y ~ x1, d, parts, ssc = "b1x2")$effects
  clustered <- fe_decompose(y ~ x1, d, parts, vcov = ~cluster, ssc = "b1x2")$effects
  compare("Stata: b1x2, log",
          c(terms, paste("SE", terms, "robust"), paste("SE", terms, "clustered")),
          c("4.540042", "2.406336", "1.172494", "3.578831", ".9612114",
            ".1459516", ".1204402", ".0806804", ".1487214", ".0591905",
            ".1418958", ".1216029", ".0842954", ".1506205", ".0638756"),
          c(robust$estimate, robust$std.error, clustered$std.error))
}

robust_rows <- function(d) {
  e <- fe_decompose(y ~ x1, d, parts, ssc = "b1x2")$effects[2:4, ]
  terms <- c("g1", "g2", "explained")
  compare("Stata: b1x2, seed 0", c(terms, paste("SE", terms, "robust")),
          c("2.432692", "1.006828", "3.43952", ".1237726", ".0746041", ".1513416"),
          c(e$estimate, e$std.error))
}

covariance_rows <- function(d) {
  d$aw <- 0.75 + (1:500) %% 7 / 4
  d$fw <- 1 + (1:500) %% 3
  rows <- function(what, published, ...) {
    V <- vcov(fe_decompose(y ~ x1, d, parts, ...))
    compare("Stata: b1x2, seed 0", paste(c("V g1,", "V g1 g2,", "V g2,"), what), published,
            V[c(1, 2, 4)])
  }
  iid <- fe_decompose(y ~ x1 + x21, d, ~ x22 + x23, vcov = "iid", ssc = "b1x2")
  rbind(
    rows("HC0", c(.015260801277452295, .0010256471360455518, .005526191713124946), vcov = "HC0"),
    rows("clustered", c(.008863682062787459, -.002949407795406016, .007799460545795217),
         vcov = ~cluster, ssc = "b1x2"),
    rows("clustered, aweights", c(.013773894989458697, -.0012650454925866822, .00855960475195974),
         vcov = ~cluster, ssc = "b1x2", weights = aw),
    rows("robust, fweights", c(.007854941332685028, .00059304836858814611, .0028002932792319554),
         ssc = "b1x2", weights = fw, weights_type = "frequency"),
    compare("Stata: b1x2, seed 0", "SE explained, classical", ".0749808", sqrt(sum(vcov(iid)))))
}

group <- list(
  title = "Gelbach's decomposition: Stata's b1x2",
  needs = character(),
  run = function() {
    d <- gelbach_data(0)
    rbind(log_rows(), robust_rows(d), covariance_rows(d))
  })
