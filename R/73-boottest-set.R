# P-values of the wild bootstrap as a function of the null value, and the confidence set.

# Replicates are polynomials in the null value, so one set of draws serves all of them. curve:
# list(rep (from C_wild), V, estimate, scale, null (at which rep was made), se, tail, threads) ->
# p-values at r
curve_p <- function(curve, r) {
  away <- (curve$estimate - r) / curve$scale
  shift <- away - (curve$estimate - curve$null) / curve$scale
  n <- .Call(C_wild_count, curve$rep, curve$V, away, shift, curve$tail != "two-tailed",
             curve$threads)
  share <- n[1:3, , drop = FALSE] / rep(n[4L, ], each = 3L)
  switch(curve$tail, "two-tailed" = share[1L, ], ">" = share[2L, ], "<" = share[3L, ],
         "equal-tailed" = 2 * pmin(share[2L, ], share[3L, ]))
}

# All null values with p >= alpha -> matrix(low, high), a row for each connected part. p is looked
# at every tenth of a standard error near the estimate and at growing steps beyond; the changes are
# then located by bisection, all at once.
confidence_set <- function(curve, alpha) {
  accepted <- function(r) {
    p <- curve_p(curve, r)
    is.na(p) | p >= alpha - 1e-12
  }
  far <- 8 * 2^(1:17)
  grid <- curve$estimate + curve$se * c(-rev(far), seq(-8, 8, by = 0.1), far)
  inside <- accepted(grid)
  if (!any(inside)) return(cbind(low = curve$estimate, high = curve$estimate))
  changes <- which(diff(inside) != 0)
  edges <- locate_edges(accepted, grid[changes], grid[changes + 1L], inside[changes], curve$se)
  if (inside[1L]) edges <- c(-Inf, edges)
  if (inside[length(grid)]) edges <- c(edges, Inf)
  matrix(edges, ncol = 2L, byrow = TRUE, dimnames = list(NULL, c("low", "high")))
}

# before: is the lower end accepted?
locate_edges <- function(accepted, from, to, before, se) {
  for (round in seq_len(200L)) {
    mid <- (from + to) / 2
    open <- to - from > 1e-10 * pmax(abs(mid), se) & mid > from & mid < to
    if (!any(open)) break
    same <- accepted(mid[open]) == before[open]
    from[open][same] <- mid[open][same]
    to[open][!same] <- mid[open][!same]
  }
  (from + to) / 2
}

#' P-value function of a wild bootstrap test
#'
#' The p-values of [fe_boottest()] for other null values, from the same draws: what the confidence
#' set is the inversion of. Restricted residuals are linear in the null value, so nothing is drawn
#' or estimated again.
#'
#' @param x a result of [fe_boottest()] for one hypothesis, with `conf_int = TRUE`.
#' @param r null values; `NULL`: 201 of them, evenly spaced over the confidence set and half its
#'   width to either side (within four standard errors of the estimate where the set is unbounded).
#' @return a data frame with the columns `r` and `p.value`.
#' @examples
#' m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, vcov = ~country)
#' set.seed(1)
#' b <- fe_boottest(m, "ln_imdig", B = 999)
#' fe_p_values(b, c(0, 0.1, 0.2))
#' @export
fe_p_values <- function(x, r = NULL) {
  if (!inherits(x, "fe_boottest")) {
    stop_arg("x", paste("must be a result of fe_boottest(), not", describe_value(x)))
  }
  if (is.null(x$curve)) {
    stop_arg("x", "has no p-values for other null values",
             "They come with one hypothesis and conf_int = TRUE")
  }
  if (is.null(r)) r <- default_grid(x)
  if (!is.numeric(r) || !length(r) || !all(is.finite(r))) {
    stop_arg("r", paste("must hold finite numbers, not", describe_value(r)))
  }
  data.frame(r = as.double(r), p.value = curve_p(x$curve, as.double(r)))
}

default_grid <- function(x) {
  ends <- as.vector(x$conf.int)
  width <- diff(ends)
  if (!is.finite(width)) return(x$curve$estimate + x$curve$se * seq(-4, 4, length.out = 201L))
  seq(ends[1L] - width / 2, ends[2L] + width / 2, length.out = 201L)
}
