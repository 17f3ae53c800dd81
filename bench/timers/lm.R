# stats::lm() with dummy variables, for the small cases; HC1 by its formula.

available <- function() TRUE

prepare <- function(threads) invisible()

supports <- function(case) {
  case$task == "fit" && case$dgp == "digitrade" && case$vcov %in% c("iid", "HC1")
}

run <- function(case, data) {
  dummies <- paste0("+ factor(", terms_of(case$fe), ")", collapse = " ")
  m <- lm(fe_formula(case, dummies), data)
  v <- if (case$vcov == "HC1") vcov_hc1(m) else vcov(m)
  own <- 1L + seq_along(terms_of(case$x))
  list(coef = as.vector(coef(m)[own]), se = as.vector(sqrt(diag(v))[own]))
}

vcov_hc1 <- function(m) {
  x <- model.matrix(m)
  bread <- chol2inv(qr.R(m$qr))
  bread %*% crossprod(x * residuals(m)) %*% bread * nrow(x) / m$df.residual
}
