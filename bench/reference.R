# A tight solution of each case that owes nothing to fepanel, with the interface of a timer.
#
#   "dense"   lm() with dummy variables (QR)
#   "sparse"  the projection on the dummies D by sparse normal equations. D'D is singular, so that
#             D'D + e I is factorised (CHOLMOD in the package Matrix) and the solution refined:
#               r <- r - D (D'D + e I)^{-1} D'r,
#             which shrinks the part of r in the span of D by e / (s + e) in each step, s the
#             smallest positive eigenvalue of D'D.
#   "fixest"  where the factor would not fit: fixest::demean() at its tightest, applied again to its
#             own result until the sums by group vanish
#
# Refinement ends when max |D'r| / max |D||v| is below `enough` or no longer falls; a result above
# `acceptable` is refused. An error of r within the span of D enters the slopes only through its
# product with the regressors' own error of that kind.

enough <- 1e-15
acceptable <- 1e-12

available <- function() {
  requireNamespace("Matrix", quietly = TRUE) && requireNamespace("fixest", quietly = TRUE)
}

prepare <- function(threads) fixest::setFixest_nthreads(threads)

supports <- function(case) !case$reference %in% c("none", "rival")

run <- function(case, data) {
  coef <- switch(case$reference, dense = dense_coef(case, data), absorbed_coef(case, data))
  list(coef = coef, se = NA_real_)
}

dense_coef <- function(case, data) {
  dummies <- paste0("factor(", terms_of(case$fe), ")")
  unlist(lapply(models_of(case), function(x) {
    m <- lm(reformulate(c(x, dummies), case$y), data)
    unname(coef(m)[1L + seq_along(x)])
  }))
}

absorbed_coef <- function(case, data) {
  v <- as.matrix(data[c(case$y, terms_of(case$x))])
  codes <- lapply(data[terms_of(case$fe)], dense_codes)
  rm(data)
  d <- do.call(rbind, lapply(codes, dummies_of))
  step <- if (case$reference == "sparse") sparse_step(d) else fixest_step(codes)
  r <- refine(v, d, step)
  unlist(lapply(models_of(case), function(x) {
    unname(lm.fit(r[, x, drop = FALSE], r[, case$y])$coefficients)
  }))
}

# 1..q without gaps.
dense_codes <- function(id) cumsum(tabulate(id) > 0L)[id]

# The transposed dummy variables of one factor: levels by rows.
dummies_of <- function(code) {
  Matrix::sparseMatrix(i = code, p = c(0L, seq_along(code)), x = rep(1, length(code)),
                       dims = c(max(code), length(code)))
}

sparse_step <- function(d) {
  e <- 1e-6
  factor <- Matrix::Cholesky(Matrix::tcrossprod(d), perm = TRUE, LDL = FALSE, super = NA,
                             Imult = e)
  function(r, sums) {
    r - as.matrix(Matrix::crossprod(d, Matrix::solve(factor, sums, system = "A")))
  }
}

fixest_step <- function(codes) {
  function(r, sums) fixest::demean(r, codes, iter = 1e6, tol = 1e-11, notes = FALSE)
}

refine <- function(v, d, step, max_steps = 60L) {
  scale <- apply(as.matrix(d %*% abs(v)), 2L, max)
  size <- function(sums) max(abs(apply(sums, 2L, function(s) max(abs(s))) / scale))
  sums <- as.matrix(d %*% v)
  best <- size(sums)
  for (i in seq_len(max_steps)) {
    r <- step(v, sums)
    sums <- as.matrix(d %*% r)
    now <- size(sums)
    if (now < best) v <- r
    if (now < enough || now > 0.9 * best) break
    best <- now
  }
  if (min(now, best) > acceptable) stop(sprintf("the reference is not tight: %.1e", min(now, best)))
  v
}
