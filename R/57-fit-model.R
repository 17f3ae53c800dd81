# One model of a group: slopes, fit, variance, constant.

fit_one <- function(frame, model, columns, which, shared, sample, settings) {
  design <- columns$designs[[which]]
  at <- columns$index[[which]]
  check_outcome(model$outcome$name, columns, at$y, shared)
  tol <- settings$control$collin_tol
  fit <- if (length(at$z)) solve_iv(columns, at, design, tol) else
    solve_slopes(columns$factor, at$x, at$y, design$names, columns$floor[at$x], tol)
  warn_collinear(design$names, fit$kept, shared$absorbed)
  if (!any(fit$kept) && !shared$absorbed) {
    stop_arg("formula", "has no regressor, no constant and no fixed effect")
  }
  x_at <- at$x[fit$kept]
  x <- stats::setNames(columns$residual[x_at], design$names[fit$kept])
  shared_outcome <- sum(vapply(columns$index, function(other) other$y == at$y, NA)) > 1L
  e <- .Call(C_residuals, columns$residual[[at$y]], x, as.double(fit$coef),
             shared$absorbed && !shared_outcome, settings$threads)
  dropped <- rbind(model$dropped, shared$singletons)
  m <- list(call = settings$call, formula = model$formula, coefficients = fit$coef,
            bread = fit$bread, root = fit$root, residuals = e,
            y = columns$raw[[at$y]], x = x, rss = fit$rss, nobs = shared$nobs,
            n_rows = shared$n, weighting = shared$weighting,
            rank = fit$rank + shared$effects_rank, effects_rank = shared$effects_rank,
            n_slopes = fit$rank,
            collinear = design$names[!fit$kept], terms = design$terms, xlevels = design$xlevels,
            contrasts = design$contrasts, offset = design$offset, weights = shared$w,
            factors = shared$factors,
            fixef_sizes = term_sizes(shared$factors), rows = shared$rows, n_data = frame$n,
            dropped = dropped,
            na.action = omitted_rows(sample$subset, shared$rows, dropped, frame$n),
            absorption = shared$absorption,
            outcome = model$outcome$name, regressors = design$names, split = sample$split,
            has_constant = "(Intercept)" %in% names(fit$coef) || has_constant(shared$factors),
            ssc = settings$ssc, control = settings$control, threads = settings$threads,
            data = frame$data, env = frame$scope, panel = frame$panel)
  m[c("tss", "tss_within")] <- sums_of_squares(m, columns, at$y)
  if (length(at$z)) m <- add_instruments(m, fit, columns, at, design, settings$threads)
  finish_model(m, columns$raw[x_at], shared, settings)
}

# What follows from the slopes. x_raw: the regressors before absorption. settings$finish: NULL, or a
# function that says what stays of the model.
finish_model <- function(m, x_raw, shared, settings) {
  class(m) <- "fe_lm"
  m$df.residual <- m$nobs - m$rank
  check_df(m)
  if (m$rss <= 1e-24 * m$tss) {
    warn_user("the fit is essentially perfect: the residuals are rounding errors, and so are the ",
              "standard errors")
  }
  m$intercept <- settings$intercept
  m <- add_intercept(m, settings$intercept, x_raw, shared$absorber)
  m <- set_vcov(m, settings$vcov, settings$ssc)
  if (!is.null(settings$finish)) return(settings$finish(m))
  if (settings$lean) make_lean(m) else m
}

# How many observations each row stands for: its frequency weight; NULL: one.
row_counts <- function(m) if (identical(m$weighting, "frequency")) m$weights

# Weights of the rows, one where there are none; weights times residuals.
row_weights <- function(m) if (is.null(m$weights)) rep(1, m$n_rows) else as.double(m$weights)

weighted_residuals <- function(m) {
  as.double(if (is.null(m$weights)) m$residuals else m$weights * m$residuals)
}

# The residualised regressors as a matrix with named columns.
residual_design <- function(m) {
  matrix(as.double(unlist(m$x, use.names = FALSE)), m$n_rows, length(m$x),
         dimnames = list(NULL, names(m$x)))
}

# What the fixed effects add up to in each row: outcome (less offset) - residual - x'b.
effects_sum <- function(m) {
  x <- raw_design(m)
  as.vector(m$y - m$residuals - x %*% m$coefficients[colnames(x)])
}

norm_in_factor <- function(columns, at) sqrt(sum(columns$factor[, at]^2))

check_outcome <- function(name, columns, at, shared) {
  scan <- columns$scans[[at]]
  if (scan$max == scan$min) {
    stop_arg("formula", sprintf("has the outcome `%s`, which is constant (%s) in the sample", name,
                                format(scan$min)))
  }
  if (shared$absorbed && norm_in_factor(columns, at) <= columns$floor[at]) {
    stop_arg("formula",
             sprintf("has the outcome `%s`, which the fixed effects explain entirely", name))
  }
}

warn_collinear <- function(names, kept, absorbed) {
  if (all(kept)) return(invisible())
  gone <- names[!kept]
  if (!any(kept)) {
    stop_arg("formula", sprintf("has no regressor left: %s %s collinear%s", quote_list(gone),
                                if (length(gone) == 1L) "is" else "are",
                                if (absorbed) " with the fixed effects" else ""),
             "A regressor must vary within the fixed effects")
  }
  warn_user(sprintf("left out as collinear with the %sregressors before: %s",
                    if (absorbed) "fixed effects and the " else "", quote_list(gone)))
}

check_df <- function(m) {
  if (m$df.residual > 0) return(invisible())
  stop_arg("data", sprintf(paste("has %d usable %s for %d parameters (%d slopes, %d fixed",
                                 "effects): no degree of freedom is left"),
                           as.integer(m$nobs), if (is.null(row_counts(m))) "rows" else
                             "observations",
                           as.integer(m$rank), m$n_slopes, as.integer(m$effects_rank)),
           "Use more rows, or fewer regressors and fixed effects")
}

# Total sums of squares: about the mean (about zero if the model has no constant), and within.
sums_of_squares <- function(m, columns, at) {
  moments <- columns$moments[[at]]
  about_zero <- if (m$has_constant) 0 else moments$total * moments$mean^2
  within <- if (m$effects_rank > 0) norm_in_factor(columns, at)^2 else NA_real_
  list(moments$square + about_zero, within)
}

make_lean <- function(m) {
  gone <- c("vcov_request", "residuals", "y", "x", "x0", "weights", "factors", "rows", "na.action",
            "offset", "data", "env", "panel")
  if (is_iv(m)) m$iv <- lean_instruments(m)
  m[gone] <- NULL
  m$lean <- TRUE
  attr(m$formula, ".Environment") <- globalenv()
  attr(m$terms, ".Environment") <- globalenv()
  m
}

need_full <- function(m, what) {
  if (isTRUE(m$lean)) {
    stop_arg("object", sprintf("was estimated with lean = TRUE and cannot give %s", what),
             "Estimate it again with lean = FALSE")
  }
}

# ---- constants -----------------------------------------------------------------------------------

# d0 of a flavour: one number for each level of each factor.
constant_functional <- function(flavour, factors, w) {
  first <- lapply(factors, function(f) as.double(seq_len(f$n_levels) == 1L))
  if (flavour == "within") {
    code <- factors[[1L]]$code
    share <- if (is.null(w)) tabulate(code, factors[[1L]]$n_levels) else as.vector(rowsum(w, code))
    first[[1L]] <- share / sum(share)
  }
  unlist(first, use.names = FALSE)
}

# Representer x0 of the constant: b0 = sum_i w_i x0_i (y_i - x_i'b).
represent_constant <- function(flavour, factors, w, absorber, n) {
  if (flavour == "mean") return(rep(1 / if (is.null(w)) n else sum(w), n))
  out <- .Call(C_functional, absorber$pointer, constant_functional(flavour, factors, w))
  if (out$defect > 1e-6) {
    stop_arg("intercept", sprintf(paste("\"%s\" is not estimable: the base levels of the fixed",
                                        "effects are in different connected components"), flavour),
             "Use intercept = \"mean\", or estimate the components apart")
  }
  out$x0
}

add_intercept <- function(m, flavour, x_raw, absorber) {
  if (flavour == "none") return(m)
  if (is.null(absorber)) {
    stop_arg("intercept", sprintf("is %s, but the formula has no fixed effects",
                                  dQuote(flavour, FALSE)),
             "Without fixed effects the constant is a regressor; leave `intercept` at \"none\"")
  }
  if (has_slopes(m$factors)) {
    stop_arg("intercept", sprintf("is %s, but the formula has varying slopes",
                                  dQuote(flavour, FALSE)),
             "Leave `intercept` at \"none\"")
  }
  m$x0 <- represent_constant(flavour, m$factors, m$weights, absorber, m$n_rows)
  wx0 <- if (is.null(m$weights)) m$x0 else m$weights * m$x0
  m$x0_slopes <- vapply(x_raw, function(column) sum(column * wx0), 0, USE.NAMES = FALSE)
  b0 <- sum(wx0 * m$y) - sum(m$x0_slopes * m$coefficients)
  m$coefficients <- c(`(Intercept)` = b0, m$coefficients)
  m
}
