# Variances that are not positive: negative eigenvalues of the slopes set to zero.

# Multi-way and spatial variances can have negative eigenvalues. The slopes alone decide: they have
# the same variance whatever constant stands beside them.
is_repaired <- function(entry, G) length(G) > 1L || isTRUE(entry$repair)

repair_label <- function(entry) if (isTRUE(entry$repair)) entry$label else "multi-way clustered"

# A constant b0 = e + v'b, e being what is uncorrelated with b under iid errors -> v, by the names
# of the slopes; NULL without a constant.
constant_weights <- function(m, V) {
  at <- match("(Intercept)", colnames(V))
  if (is.na(at)) return(NULL)
  if (!is.null(m$x0)) return(stats::setNames(-m$x0_slopes, colnames(V)[-at]))
  if (ncol(V) == 1L) return(stats::setNames(numeric(), character()))
  solve_scaled(m$bread[-at, -at, drop = FALSE], m$bread[-at, at])
}

# The negative eigenvalues of the slopes' variance set to zero, and what that adds passed on to the
# functionals e + v'b beside them. v: their weights, a vector for one, or a list of vectors by the
# names of slopes, for the rows of V that are called like no slope.
repair_slopes <- function(V, v, what) {
  if (!is.list(v)) v <- if (!is.null(v)) list("(Intercept)" = v)
  beside <- match(names(v), colnames(V))
  slopes <- setdiff(seq_len(ncol(V)), beside)
  fixed <- repair_psd(V[slopes, slopes, drop = FALSE], what)
  if (!length(beside)) return(fixed)
  by <- diag(ncol(V))
  dimnames(by) <- dimnames(V)
  by <- by[, slopes, drop = FALSE]
  for (name in names(v)) by[name, names(v[[name]])] <- v[[name]]
  before <- diag(V)
  V <- V + by %*% (fixed - V[slopes, slopes]) %*% t(by)
  V[slopes, slopes] <- fixed
  forget_negative(V, before, what)
}

# Negative eigenvalues are set to zero (Cameron, Gelbach and Miller 2011, section 2.3), and that is
# said.
repair_psd <- function(V, what) {
  if (!length(V)) return(V)
  e <- eigen(V, symmetric = TRUE)
  if (min(e$values) >= -1e-12 * max(abs(e$values))) return(V)
  fixed <- e$vectors %*% (pmax(e$values, 0) * t(e$vectors))
  dimnames(fixed) <- dimnames(V)
  if (max(abs(fixed - V)) > 1e-8 * max(abs(V))) {
    warn_user("the ", what, " variance was not positive semi-definite; its negative eigenvalues ",
              "were set to zero")
  }
  forget_negative(fixed, diag(V), what)
}

# A coefficient of whose variance none is left has NA.
forget_negative <- function(V, before, what) {
  none <- which(diag(V) <= 1e-12 * abs(before))
  if (length(none)) {
    warn_user("the ", what, " variance is negative for ", quote_list(colnames(V)[none]),
              ": the standard error is NA")
    V[none, ] <- V[, none] <- NA
  }
  V
}

# A variance of which rounding errors alone are left, as where the scores of every cluster sum to
# zero: of two clusters with as many rows, each a fixed effect beside those of time, say.
forget_zero <- function(V, m, label, clustered) {
  none <- intersect(colnames(V), colnames(m$bread))
  none <- none[(diag(V)[none] < 1e-18 * independent_variance(m, none)) %in% TRUE]
  if (!length(none)) return(V)
  warn_user("the variance of ", quote_list(none), ", ", label, ", is zero",
            if (clustered) ": the scores of every cluster sum to zero",
            "; the standard error is NA")
  V[none, ] <- V[, none] <- NA
  V
}

# What it would be of the order of, errors being independent.
independent_variance <- function(m, terms) {
  m$rss / m$nobs * diag(m$bread)[match(terms, colnames(m$bread))]
}
