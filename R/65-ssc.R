# Small-sample conventions.

ssc_presets <- list(
  fepanel = list(),
  fixest = list(K.exact = FALSE),
  reghdfe = list(K.exact = FALSE),
  xtreg = list(),
  areg = list(K.fixef = "full"),
  plm = list(K.adj = FALSE, G.adj = FALSE, G.df = "conventional", t.df = "residual"),
  plm.HC1 = list(K.fixef = "none", K.form = "n", G.adj = FALSE, t.df = "residual"),
  plm.sss = list(K.fixef = "none", G.df = "conventional", t.df = "residual"),
  lfe = list(K.fixef = "one", G.df = "conventional"),
  sandwich = list(K.adj = FALSE, G.df = "conventional", t.df = "residual", jackknife.adj = FALSE),
  sandwich.HC1 = list(K.fixef = "full", G.df = "conventional", t.df = "residual"),
  estimatr = list(K.fixef = "full"),
  estimatr.CR0 = list(K.adj = FALSE, G.adj = FALSE),
  clubSandwich = list(K.adj = FALSE, jackknife.adj = FALSE),
  clubSandwich.CR1p = list(K.fixef = "full", K.form = "G", jackknife.adj = FALSE),
  clubSandwich.CR1S = list(K.fixef = "full", jackknife.adj = FALSE)
)

#' Small-sample conventions
#'
#' How the variance estimate is scaled, and which t distribution is used. For clustered variances
#' the factor is \eqn{\frac{n-1}{n-K}\cdot\frac{G}{G-1}}{(n-1)/(n-K) * G/(G-1)}; packages differ in
#' what they count in K, in whether they apply each part, and in the degrees of freedom. `"HC1"` is
#' always scaled by n/(n-K) with K all parameters, fixed effects included; `"iid"` divides by n-K;
#' `"HC0"`, `"HC2"`, `"HC3"` are not scaled.
#'
#' | preset | the factor of a clustered variance (slopes k, G clusters) | t |
#' |---|---|---|
#' | `"fepanel"` | (n-1)/(n-K) G/(G-1), K the exact rank less effects nested in clusters | G-1 |
#' | `"fixest"`, `"reghdfe"` | the same with K by counting levels less (factors - 1) | G-1 |
#' | `"xtreg"` | as `"fepanel"`, for units nested in clusters | G-1 |
#' | `"areg"`, `"estimatr"` (se_type "stata") | (n-1)/(n-K) G/(G-1), K all parameters | G-1 |
#' | `"plm"` (vcovHC's default) | 1 | n-K |
#' | `"plm.HC1"`, `"plm.sss"` | n/(n-k); (n-1)/(n-k) G/(G-1) | n-K |
#' | `"lfe"` | (n-1)/(n-k-1) G/(G-1) | G-1 |
#' | `"sandwich"` (vcovCL, HC0), `"sandwich.HC1"` | G/(G-1); (n-1)/(n-K) G/(G-1), K all | n-K |
#' | `"estimatr.CR0"` | 1 | G-1 |
#' | `"clubSandwich"` (its CR1) | G/(G-1) | G-1 |
#' | `"clubSandwich.CR1S"`, `"clubSandwich.CR1p"` | (n-1)/(n-K) G/(G-1); G/(G-K), K all | G-1 |
#'
#' clubSandwich's `test = "naive-t"` has G-1; its default, nu, Satterthwaite's degrees of freedom of
#' each coefficient, is `fe_ssc("clubSandwich", t.df = "satterthwaite")`. The other clustered types,
#' under every preset but for what is said:
#'
#' | type | factor | t | equal to |
#' |---|---|---|---|
#' | `"CR0"` | 1 | as the preset | sandwich's HC0 without `cadjust`; clubSandwich's CR0 |
#' | `"CR1S"` | (n-1)/(n-K) G/(G-1), K all | as the preset | clubSandwich's CR1S; Stata's areg |
#' | `"CR2"` | none | nu | estimatr's CR2; clubSandwich's CR2 on the dummies |
#' | `"CR3"`, `"CR3J"` | (G-1)/G | G-1 | summclust's CRV3, CRV3J |
#' | under `"clubSandwich"` | 1 | G-1 | its CR3 on the dummies, where that exists |
#' | under `"sandwich"` | 1 | n-K | the cluster jackknife |
#'
#' @param preset name of a convention in the table; the default is `"fepanel"`.
#' @param K.adj apply (n-1)/(n-K)? `TRUE` or `FALSE`.
#' @param K.fixef what K counts beside the k slopes: `"nonnested"` (the effects not nested in a
#'   cluster, and the constant), `"full"` (all effects), `"none"`, or `"one"` (a constant).
#' @param K.exact count effects by the rank of their dummies (`TRUE`), or by levels less (factors -
#'   1).
#' @param K.form `"n-1"` for (n-1)/(n-K), `"n"` for n/(n-K), `"G"` for G/(G-K) in place of both
#'   parts.
#' @param G.adj apply G/(G-1)?
#' @param G.df with several cluster variables: `"min"` (one factor, of the smallest G) or
#'   `"conventional"` (each component its own).
#' @param t.df degrees of freedom of t with clusters: `"min"` (default: the smallest G, less 1;
#'   Satterthwaite's for `"CR2"`, which are part of that method), `"clusters"` (the smallest G, less
#'   1, for every type), `"residual"` (n - K, all parameters), or `"satterthwaite"` (of each
#'   coefficient, for `"CR0"`, `"CR1"`, `"CR1S"`, `"CR2"` and one cluster variable, and for
#'   `"HC2"`, which has n - K otherwise; see [vcov.fe_lm()]. `"CR3"` has G - 1).
#' @param jackknife.adj multiply the cluster jackknife, `"CR3"` and `"CR3J"`, by (G-1)/G? `TRUE` or
#'   `FALSE`.
#' @return a list of class `fe_ssc`. Arguments that are given override those of the preset.
#' @references Cameron and Miller (2015) \doi{10.3368/jhr.50.2.317}; the names of the arguments
#'   follow fixest's `ssc()`.
#' @examples
#' fe_ssc("areg")
#' fe_ssc(G.df = "conventional")
#' @export
fe_ssc <- function(preset = "fepanel", K.adj = TRUE, K.fixef = "nonnested", K.exact = TRUE,
                   K.form = "n-1", G.adj = TRUE, G.df = "min", t.df = "min",
                   jackknife.adj = TRUE) {
  check_choice(preset, names(ssc_presets), "preset")
  out <- list(K.adj = TRUE, K.fixef = "nonnested", K.exact = TRUE, K.form = "n-1", G.adj = TRUE,
              G.df = "min", t.df = "min", jackknife.adj = TRUE)
  out <- utils::modifyList(out, ssc_presets[[preset]])
  given <- names(match.call())[-1L]
  for (name in setdiff(given, c("preset", ""))) out[[name]] <- get(name)
  check_flag(out$K.adj, "K.adj")
  check_flag(out$K.exact, "K.exact")
  check_flag(out$G.adj, "G.adj")
  check_choice(out$K.fixef, c("nonnested", "full", "none", "one"), "K.fixef")
  check_choice(out$K.form, c("n-1", "n", "G"), "K.form")
  check_choice(out$G.df, c("min", "conventional"), "G.df")
  check_choice(out$t.df, c("min", "clusters", "residual", "satterthwaite"), "t.df")
  check_flag(out$jackknife.adj, "jackknife.adj")
  structure(c(list(preset = preset), out), class = "fe_ssc")
}

check_ssc <- function(ssc) {
  if (is.character(ssc)) return(fe_ssc(check_choice(ssc, names(ssc_presets), "ssc")))
  if (!inherits(ssc, "fe_ssc")) {
    stop_arg("ssc", paste("must be made by fe_ssc() or name a preset, not", describe_value(ssc)))
  }
  ssc
}

#' @export
print.fe_ssc <- function(x, ...) {
  cat("Small-sample convention:", x$preset, "\n")
  cat(paste0("  ", names(x)[-1L], " = ", vapply(x[-1L], format, ""), collapse = "\n"), "\n")
  invisible(x)
}

# K as a convention counts it. clusters: coded cluster variables.
count_parameters <- function(m, ssc, clusters) {
  k <- m$n_slopes
  if (!length(m$factors)) return(k)
  switch(ssc$K.fixef,
    none = k,
    one = k + 1,
    full = k + count_effects(m$factors, m, ssc$K.exact),
    nonnested = {
      nested <- vapply(m$factors, function(f) {
        any(vapply(clusters, function(g) is_nested(f, g), NA))
      }, NA)
      rest <- without_nested(m$factors, nested)
      k + count_effects(rest, m, ssc$K.exact) + (has_constant(m$factors) && !has_constant(rest))
    })
}

# Rank of the dummies, and slopes, of some factors.
count_effects <- function(factors, m, exact) {
  if (!length(factors)) return(0)
  levels <- vapply(factors, `[[`, 0L, "n_levels")
  constants <- sum(vapply(factors, has_own_constant, NA))
  if (!exact || (length(factors) == 1L && !has_slopes(factors))) {
    return(sum(levels[list_terms(factors)$factor]) - max(0, constants - 1))
  }
  if (identical(list_terms(factors)$name, list_terms(m$factors)$name)) return(m$effects_rank)
  absorber <- new_absorber(factors, m$weights, m$control, m$threads)
  effects_rank(absorber, factors, m$control, m$threads)$rank
}

# (n-1)/(n-K) or n/(n-K), as a number.
parameter_factor <- function(m, ssc, clusters) {
  if (!ssc$K.adj || ssc$K.form == "G") return(1)
  K <- count_parameters(m, ssc, clusters)
  (if (ssc$K.form == "n") m$nobs else m$nobs - 1) / (m$nobs - K)
}

# G/(G-1), or G/(G-K).
cluster_factor <- function(m, ssc, G, clusters) {
  if (!ssc$G.adj) return(1)
  if (ssc$K.form == "G" && ssc$K.adj) {
    K <- count_parameters(m, ssc, clusters)
    if (G <= K) {
      stop_arg("ssc", sprintf("divides by G - K, with G = %d clusters and K = %d parameters", G,
                              as.integer(K)),
               "Use another convention")
    }
    return(G / (G - K))
  }
  G / (G - 1)
}
