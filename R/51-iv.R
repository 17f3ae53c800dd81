# Instrumental variables in the solve stage: two-stage least squares from one triangular factor.

is_iv <- function(m) !is.null(m$iv)

# For what is defined for least squares only. what: who asks, for instance "fe_decompose()".
need_ols <- function(m, what, arg = "object") {
  if (!is_iv(m)) return(invisible())
  stop_arg(arg, sprintf("was estimated with instruments (%s), and %s is for least squares only",
                        quote_list(m$iv$endogenous), what),
           "Estimate the equation without instruments, or use fe_iv_tests() and vcov()")
}

# The same for a formula that parse_formula() has read.
need_no_instruments <- function(parsed, what) {
  if (is.null(parsed$instrumented[[1L]])) return(invisible())
  stop_arg("formula", sprintf("has instruments, and %s is for least squares only", what),
           "Leave the part `| endogenous ~ instruments` out")
}

# ---- design --------------------------------------------------------------------------------------

# Terms of the equation and of the first stage, which both begin with the exogenous regressors, and
# which of them are endogenous or instruments. pair: list(endogenous, instruments).
instrumented_terms <- function(regressors, pair, env, has_effects) {
  exogenous <- attr(design_terms(regressors, env, has_effects), "term.labels")
  both <- lapply(pair, function(part) {
    tt <- design_terms(call("+", regressors, part), env, has_effects)
    list(terms = tt, labels = setdiff(attr(tt, "term.labels"), exogenous))
  })
  check_instrument_terms(pair, both, exogenous, env)
  list(terms = both$endogenous$terms, endogenous = both$endogenous$labels,
       first = both$instruments)
}

check_instrument_terms <- function(pair, both, exogenous, env) {
  role <- c(endogenous = "endogenous regressor", instruments = "instrument")
  for (part in names(pair)) {
    own <- stats::terms(stats::as.formula(call("~", pair[[part]]), env = env))
    labels <- attr(own, "term.labels")
    if (attr(own, "intercept") == 0L || length(attr(own, "offset"))) {
      stop_arg("formula", sprintf("has `%s` in its part of instruments, which takes no %s",
                                  deparse_one(pair[[part]]),
                                  if (length(attr(own, "offset"))) "offset" else "0 or -1"),
               "Write it among the exogenous regressors")
    }
    twice <- labels[labels %in% exogenous]
    if (length(twice) || length(labels) > length(both[[part]]$labels)) {
      stop_arg("formula", sprintf("has the %s %s among the exogenous regressors too", role[[part]],
                                  quote_list(if (length(twice)) twice else labels)),
               "Write it in one place: y ~ exogenous | effects | endogenous ~ instruments")
    }
  }
  twice <- intersect(both$endogenous$labels, both$instruments$labels)
  if (length(twice)) {
    stop_arg("formula", sprintf("has %s on both sides of endogenous ~ instruments",
                                quote_list(twice)),
             "What is its own instrument is exogenous: write it among the regressors")
  }
}

# The columns of a model: regressors, then instruments; with these in the order constant,
# endogenous, exogenous, instruments, and their `role`.
model_design <- function(frame, model, shared) {
  has_effects <- has_constant(shared$factors)
  design <- design_matrix(frame, model$terms, model$regressors, shared$rows, has_effects)
  if (is.null(model$first)) return(design)
  first <- design_matrix(frame, model$first$terms, model$first$variables, shared$rows, has_effects)
  endogenous <- design$of_term %in% model$endogenous
  at <- order(design$of_term != "", !endogenous)
  z <- first$of_term %in% model$first$labels
  design$role <- c(ifelse(endogenous, "endogenous", "exogenous")[at], rep("instrument", sum(z)))
  design$columns <- c(design$columns[at], first$columns[z])
  design$scans <- c(design$scans, first$scans[names(first$columns)[z]])
  design$first <- first[c("terms", "xlevels", "contrasts")]
  design
}

# ---- solution ------------------------------------------------------------------------------------

# From the triangular factor R of all residual columns, as solve_slopes() does, and with
# first: the columns of exogenous regressors and instruments that are kept, pi their coefficients
# for each endogenous regressor kept. R has the inner products of the columns, so that projections
# of columns are projections in it.
solve_iv <- function(columns, at, design, tol) {
  found <- kept_columns(columns, at, design, tol)
  R <- columns$factor
  lsq <- function(R, x, y, floor) .Call(C_lsq, R, as.integer(x), as.integer(y), floor, tol)
  first <- c(found$x, found$z)
  pi <- vapply(found$e, function(j) lsq(R, first, j, columns$floor[first])$coef,
               numeric(length(first)))
  pi <- matrix(pi, length(first), length(found$e))
  x_at <- at$x[at$x %in% c(found$x, found$e)]
  projected <- match(x_at, found$e)
  with_fitted <- ifelse(is.na(projected), x_at, ncol(R) + projected)
  fit <- lsq(cbind(R, R[, first, drop = FALSE] %*% pi), with_fitted, at$y, columns$floor[x_at])
  kept <- at$x %in% x_at
  names <- design$names[kept]
  if (!all(fit$kept)) stop_not_identified(names[!fit$kept], design, found)
  rest <- R[, at$y] - R[, x_at, drop = FALSE] %*% fit$coef
  list(coef = stats::setNames(fit$coef, names), root = fit$root, rss = sum(rest^2), kept = kept,
       bread = `dimnames<-`(tcrossprod(fit$root), list(names, names)), rank = fit$rank,
       found = found, pi = pi)
}

# Which exogenous regressors (x), instruments (z) and endogenous regressors (e) are no combinations
# of those before them; instruments come after the exogenous, and so do the endogenous.
kept_columns <- function(columns, at, design, tol) {
  role <- design$role[seq_along(at$x)]
  x <- at$x[role == "exogenous"]
  e <- at$x[role == "endogenous"]
  independent <- function(columns_at, y) {
    .Call(C_lsq, columns$factor, columns_at, y, columns$floor[columns_at], tol)$kept
  }
  kept <- independent(c(x, at$z), e[1L])
  found <- list(x = x[kept[seq_along(x)]], z = at$z[kept[length(x) + seq_along(at$z)]])
  kept <- independent(c(found$x, e), at$y)
  found$e <- e[kept[length(found$x) + seq_along(e)]]
  check_identified(found, e, at, design)
  found
}

check_identified <- function(found, e, at, design) {
  endogenous <- design$names[match(e, at$x)]
  effects <- "the exogenous regressors and the fixed effects"
  lost <- design$instruments[!at$z %in% found$z]
  if (!length(found$e)) {
    stop_arg("formula", sprintf("has no endogenous regressor left: %s %s collinear with %s",
                                quote_list(endogenous), if (length(e) == 1L) "is" else "are",
                                effects),
             "Leave the part of instruments out, or use other fixed effects")
  }
  if (length(found$z) < length(found$e)) {
    stop_arg("formula", sprintf(paste("has %d usable instrument%s (%s) for %d endogenous",
                                      "regressor%s (%s)"),
                                length(found$z), if (length(found$z) == 1L) "" else "s",
                                if (length(found$z)) quote_list(setdiff(design$instruments, lost))
                                else paste(quote_list(lost), "collinear with", effects),
                                length(found$e), if (length(found$e) == 1L) "" else "s",
                                quote_list(endogenous[e %in% found$e])),
             "Each endogenous regressor needs an instrument of its own")
  }
  if (length(lost)) {
    warn_user("instruments left out as collinear with ", effects, " or the instruments before: ",
              quote_list(lost))
  }
}

stop_not_identified <- function(lost, design, found) {
  stop_arg("formula", sprintf(paste("is not identified: what the instruments %s explain of the",
                                    "endogenous regressors leaves nothing for %s"),
                              quote_list(design$instruments), quote_list(lost)),
           "Use instruments that predict each endogenous regressor apart from the others")
}

# ---- the model -----------------------------------------------------------------------------------

# A model with the projected regressors in place of the endogenous ones, and `iv`: names of the
# endogenous, exogenous, instruments and left-out (collinear) columns; e, z: residual columns of the
# first and third; first: terms of the first stage.
add_instruments <- function(m, fit, columns, at, design, threads) {
  found <- fit$found
  first <- c(found$x, found$z)
  name <- function(where) design$names[match(where, at$x)]
  endogenous <- name(found$e)
  fitted <- .Call(C_rotate, columns$residual[first], fit$pi, threads)
  m$x[endogenous] <- matrix_columns(`colnames<-`(fitted, endogenous))
  z_names <- design$instruments[match(found$z, at$z)]
  m$iv <- list(endogenous = endogenous, exogenous = name(found$x), instruments = z_names,
               collinear = setdiff(design$instruments, z_names),
               e = stats::setNames(columns$residual[found$e], endogenous),
               z = stats::setNames(columns$residual[found$z], z_names), first = design$first)
  m
}

# `iv` of a model that is to lose its rows: the tests of the first stages stay.
lean_instruments <- function(m) {
  tests <- first_stage_tests(m)
  c(m$iv[c("endogenous", "exogenous", "instruments", "collinear")], list(tests = tests))
}
