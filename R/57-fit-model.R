# One model of a group: slopes, fit, variance, constant.

fit_one <- function(frame, model, index, design, raw, residual, floor, shared, sample, settings) {
  x <- residual[, index$x, drop = FALSE]
  colnames(x) <- design$names
  y <- residual[, index$y]
  check_outcome(model$outcome$name, raw[, index$y], y, floor[index$y], shared)
  fit <- solve_slopes(x, y, shared$w, floor[index$x], settings$control$collin_tol, settings$threads)
  warn_collinear(design$names, fit$kept, shared$absorbed)
  if (!all(fit$kept)) x <- x[, fit$kept, drop = FALSE]
  if (!ncol(x) && !shared$absorbed) {
    stop_arg("formula", "has no regressor, no constant and no fixed effect")
  }
  x_at <- index$x[fit$kept]
  m <- list(call = settings$call, formula = model$formula, coefficients = fit$coef,
            bread = fit$bread, root = fit$root, residuals = as.vector(y - x %*% fit$coef),
            y = raw[, index$y], x = x, rss = fit$rss, nobs = shared$n,
            rank = fit$rank + shared$effects_rank, effects_rank = shared$effects_rank,
            n_slopes = fit$rank,
            collinear = design$names[!fit$kept], terms = design$terms, xlevels = design$xlevels,
            contrasts = design$contrasts, offset = design$offset, weights = shared$w,
            factors = shared$factors, rows = shared$rows, n_data = frame$n,
            dropped = rbind(model$dropped, shared$singletons),
            na.action = omitted_rows(sample$subset, shared$rows), absorption = shared$absorption,
            outcome = model$outcome$name, regressors = design$names, split = sample$split,
            has_constant = "(Intercept)" %in% names(fit$coef) || shared$absorbed,
            ssc = settings$ssc, control = settings$control, threads = settings$threads,
            data = frame$data, env = frame$scope)
  finish_model(m, y, raw[, x_at, drop = FALSE], shared, settings)
}

# What follows from the slopes. y: the outcome's residual; x_raw: the regressors before absorption.
finish_model <- function(m, y, x_raw, shared, settings) {
  class(m) <- "fe_lm"
  m$df.residual <- m$nobs - m$rank
  check_df(m)
  if (shared$absorbed) {
    m$effects_sum <- as.vector(m$y - m$residuals - x_raw %*% m$coefficients)
  }
  m[c("tss", "tss_within")] <- sums_of_squares(m, y)
  if (m$rss <= 1e-24 * m$tss) {
    warn_user("the fit is essentially perfect: the residuals are rounding errors, and so are the ",
              "standard errors")
  }
  m$intercept <- settings$intercept
  m <- add_intercept(m, settings$intercept, x_raw, shared$absorber)
  m <- set_vcov(m, settings$vcov, settings$ssc)
  if (settings$lean) make_lean(m) else m
}

check_outcome <- function(name, raw, y, floor, shared) {
  if (max(raw) == min(raw)) {
    stop_arg("formula", sprintf("has the outcome `%s`, which is constant (%s) in the sample", name,
                                format(raw[1L])))
  }
  w <- if (is.null(shared$w)) 1 else shared$w
  if (shared$absorbed && sqrt(sum(w * y^2)) <= floor) {
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
  stop_arg("data", sprintf(paste("has %d usable rows for %d parameters (%d slopes, %d fixed",
                                 "effects): no degree of freedom is left"),
                           m$nobs, as.integer(m$rank), m$n_slopes, as.integer(m$effects_rank)),
           "Use more rows, or fewer regressors and fixed effects")
}

# Total sums of squares: about the mean (about zero if the model has no constant), and within.
sums_of_squares <- function(m, y_within) {
  w <- if (is.null(m$weights)) 1 else m$weights
  total <- if (is.null(m$weights)) m$nobs else sum(w)
  about <- if (m$has_constant) sum(w * m$y) / total else 0
  within <- if (m$effects_rank > 0) sum(w * y_within^2) else NA_real_
  list(sum(w * (m$y - about)^2), within)
}

make_lean <- function(m) {
  m$vcov_request <- NULL
  gone <- c("residuals", "y", "x", "x0", "effects_sum", "weights", "factors", "rows", "na.action",
            "offset", "data", "env")
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
  m$x0 <- represent_constant(flavour, m$factors, m$weights, absorber, m$nobs)
  wx0 <- if (is.null(m$weights)) m$x0 else m$weights * m$x0
  m$x0_slopes <- as.vector(crossprod(x_raw, wx0))
  b0 <- sum(wx0 * m$y) - sum(m$x0_slopes * m$coefficients)
  m$coefficients <- c(`(Intercept)` = b0, m$coefficients)
  m
}
