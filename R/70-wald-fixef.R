# The joint test of fixed effects.

test_fixef <- function(m, fixef, vcov, cluster, ssc, test) {
  need_full(m, "a test of its fixed effects")
  tested <- choose_factors(m, fixef)
  if (is.matrix(vcov) || is.function(vcov)) {
    stop_arg("vcov", "is a matrix or function, which says nothing of the effects",
             "Use a type, for instance vcov = ~country")
  }
  if (is.null(cluster) && (is.null(vcov) || identical(vcov, "iid"))) {
    if (!is.null(ssc)) {
      stop_arg("ssc", "is given, but the F test by sums of squares has no small-sample factor",
               "Leave it out, or give `cluster` too")
    }
    return(fixef_f_test(m, tested, test))
  }
  request <- explicit_request(m, vcov, cluster)
  spec <- parse_vcov(request$vcov, request$cluster, m)
  check_robust_effects(m, tested, spec)
  full <- dummy_model(m, tested)
  dummies <- setdiff(names(full$coefficients), names(m$coefficients))
  full <- set_vcov(full, request$vcov, if (is.null(ssc)) m$ssc else check_ssc(ssc), request$cluster)
  r <- restrictions(quote_name(dummies), NULL, full$coefficients, NULL, NULL)
  out <- wald_test(full, r, test, 0.95)
  drop <- c("estimate", "std.error", "df", "conf.int", "null.value", "jacobian", "dropped")
  out$hypotheses <- fixef_words(m, tested)
  structure(out[setdiff(names(out), drop)], class = class(out))
}

# Numbers of the factors that are tested.
choose_factors <- function(m, fixef) {
  known <- names(m$factors)
  if (!length(known)) stop_arg("fixef", "is given, but the model has no fixed effects")
  if (isTRUE(fixef)) return(seq_along(known))
  if (!is.character(fixef) || !length(fixef) || !all(fixef %in% known)) {
    stop_arg("fixef", paste("must be TRUE or name fixed effects, not",
                            if (is.character(fixef)) quote_list(setdiff(fixef, known)) else
                              describe_value(fixef)),
             paste("The fixed effects are", quote_list(known)))
  }
  match(unique(fixef), known)
}

fixef_words <- function(m, tested) {
  sprintf("all effects of %s are zero", quote_list(names(m$factors)[tested]))
}

fixef_f_test <- function(m, tested, test) {
  if (!is.null(test)) check_choice(test, "F", "test")
  x <- raw_design(m)
  x <- x[, colnames(x) != "(Intercept)", drop = FALSE]
  small <- refit(m, x, with_constant(m$factors[-tested], m$n_rows))
  q <- m$rank - small$rank
  if (q <= 0) {
    stop_arg("fixef", sprintf("names %s, whose effects the other effects and the constant explain",
                              quote_list(names(m$factors)[tested])))
  }
  f <- (small$rss - m$rss) / q / (m$rss / m$df.residual)
  structure(list(statistic = c(F = f), parameter = c(df1 = q, df2 = m$df.residual),
                 p.value = stats::pf(f, q, m$df.residual, lower.tail = FALSE),
                 hypotheses = fixef_words(m, tested), test = "F", alternative = "two.sided",
                 method = "F test of fixed effects", data.name = deparse_one(m$formula),
                 vcov = sprintf("iid, by residual sums of squares (%.6g restricted, %.6g)",
                                small$rss, m$rss),
                 nobs = m$nobs, type = "iid"),
            class = c("fe_wald", "htest"))
}

# Where a variance of the effects that the clusters, or the rows, could give does not exist.
check_robust_effects <- function(m, tested, spec) {
  remedy <- "Leave `vcov` and `cluster` out for the F test that supposes iid errors"
  if (!is.null(vcov_registry[[spec$type]]$request)) {
    stop_arg("vcov", sprintf("is %s, and effects are tested under clustered variances and HC only",
                             spec$type), remedy)
  }
  for (name in names(m$factors)[tested]) {
    f <- m$factors[[name]]
    inside <- names(spec$clusters)[vapply(spec$clusters, function(g) is_nested(f, g), NA)]
    if (length(inside)) {
      stop_arg("fixef", sprintf(paste("names `%s`, whose levels lie within the clusters by `%s`:",
                                      "their residuals sum to zero, and no clustered variance of",
                                      "the effects exists"), name, inside[1L]), remedy)
    }
    if (!length(spec$clusters) && m$nobs < 20 * f$n_levels) {
      stop_arg("vcov", sprintf(paste("cannot be estimated from the rows of a level: `%s` has %.3g",
                                     "rows a level, and at least 20 are asked for"), name,
                               m$nobs / f$n_levels), remedy)
    }
  }
}

# The model with the dummies of some factors as regressors.
dummy_model <- function(m, tested) {
  factors <- m$factors[tested]
  size <- sum(effect_terms(factors)$counts)
  if (size > 2000 || size * m$n_rows > 2e8) {
    stop_arg("fixef", sprintf("names factors with %d levels, too many for dummies of all of them",
                              as.integer(size)),
             "Leave `vcov` and `cluster` out for the F test that supposes iid errors")
  }
  dummies <- do.call(cbind, dummy_columns(factors))
  colnames(dummies) <- make.unique(c(names(m$coefficients), sprintf("effect %d",
                                   seq_len(ncol(dummies)))))[-seq_along(m$coefficients)]
  x <- raw_design(m)
  x <- x[, colnames(x) != "(Intercept)", drop = FALSE]
  refit(m, cbind(x, dummies), with_constant(m$factors[-tested], m$n_rows))
}
