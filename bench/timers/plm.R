# plm::plm(), which knows panels with one row for an individual and a year; one thread.

available <- function() requireNamespace("plm", quietly = TRUE)

prepare <- function(threads) invisible()

supports <- function(case) {
  case$task == "fit" && case$dgp %in% c("balanced", "digitrade") && !is_clustered(case)
}

run <- function(case, data) {
  m <- plm::plm(fe_formula(case, ""), data, index = terms_of(case$fe), model = "within",
                effect = "twoways")
  v <- if (case$vcov == "HC1") plm::vcovHC(m, method = "white1", type = "HC1") else vcov(m)
  list(coef = as.vector(coef(m)), se = as.vector(sqrt(diag(v))))
}
