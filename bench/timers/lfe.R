# lfe::felm(): alternating projections with the Gearhart-Koshy acceleration.

available <- function() requireNamespace("lfe", quietly = TRUE)

prepare <- function(threads) options(lfe.threads = threads)

supports <- function(case) case$task == "fit"

run <- function(case, data) {
  tail <- paste("|", case$fe, if (is_clustered(case)) paste("| 0 |", case$vcov))
  m <- lfe::felm(fe_formula(case, tail), data)
  se <- if (is_clustered(case)) m$cse else if (case$vcov == "HC1") m$rse else m$se
  list(coef = as.vector(coef(m)), se = as.vector(se))
}
