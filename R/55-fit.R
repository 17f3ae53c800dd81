# The estimator: the stages in their order.

#' Linear models with absorbed fixed effects
#'
#' Ordinary or weighted least squares of one or several outcomes on regressors and any number of fixed
#' effects, which are absorbed. One call estimates several models: several outcomes, stepwise
#' regressors, split samples.
#'
#' @section The formula:
#' `y ~ x1 + x2 | country + year`: regressors, then fixed effects. Regressors may be anything that
#' [stats::lm()] takes (`log(x)`, `poly(x, 2)`, factors, interactions, `offset(z)`), and [i()].
#' `a^b` among the fixed effects is the combination of two identifiers. `c(y1, y2)` on the left gives a
#' model for each outcome. Among the regressors (or fixed effects) `sw(a, b)` gives a model with `a`
#' and one with `b`, `csw(a, b)` one with `a` and one with `a + b`; `sw0()` and `csw0()` begin with a
#' model that has neither. Without a bar the model has a constant, as in `lm()`.
#'
#' @section Estimates:
#' With \eqn{\tilde X, \tilde y}{X~, y~} the residuals of regressors and outcome from the fixed effects
#' (see [fe_demean()]), \eqn{b = (\tilde X'W\tilde X)^{-1}\tilde X'W\tilde y}{b = (X~'WX~)^-1 X~'W y~},
#' computed by orthogonal triangularisation. Regressors that are linear combinations of the fixed
#' effects and of the regressors before them are left out with a warning, whatever their units.
#'
#' @section The constant beside fixed effects:
#' `intercept` adds a coefficient `(Intercept)` with its standard error under the chosen variance:
#' `"lsdv"`, the constant of the regression on dummies whose base is the first level of each factor
#' (numeric order, level order, or the order of characters in the C locale); `"mean"`, reghdfe's,
#' \eqn{\bar y - \bar x'b}{ybar - xbar'b}; `"within"`, that of Stata's xtreg and areg: the effects of
#' the first factor average zero over the rows, those of the others are zero in their first level.
#' Each is a linear functional of the effects; its influence on row i is
#' \eqn{x_{0i} - \tilde x_i' (\tilde X'W\tilde X)^{-1} X'Wx_0}{x0_i - x~_i'(X~'WX~)^-1 X'W x0}, where
#' \eqn{x_0 = D(D'WD)^- d_0}{x0 = D(D'WD)^- d0} represents the functional.
#'
#' @param formula see below; also a string, or a variable that holds either.
#' @param data a data frame with one row an observation.
#' @param vcov the variance: `"iid"`, `"HC0"`, `"HC1"` (default; also `"hetero"`), `"HC2"`, `"HC3"`,
#'   a one-sided formula of clusters (`~country`, `~country + year` for two-way, `~country^year`),
#'   `"cluster"` (by the first fixed effect), `"twoway"` (by the first two), `"CR0"`, `"CR1"`, a
#'   formula such as `CR0 ~ country`, a matrix, or a function of the model. See [vcov.fe_lm()].
#' @param weights `NULL`, or analytic weights: a one-sided formula, a column of `data`, or a vector of
#'   n numbers. Rows of weight zero are left out.
#' @param subset `NULL`, or rows to use: an expression evaluated in `data`, logical or row numbers.
#' @param split `NULL`, or a variable (a name in quotes, a one-sided formula, a vector): one model for
#'   each of its values.
#' @param intercept `"none"` (default), `"lsdv"`, `"mean"` or `"within"`; see below. Only with fixed
#'   effects.
#' @param ssc small-sample convention, made by [fe_ssc()].
#' @param offset `NULL`, or a known component of the outcome, written like `weights`.
#' @param common_sample `TRUE`: all models of the call use the rows on which every variable of every
#'   one of them is known, so that stepwise columns differ by their regressors only. Default `FALSE`.
#' @param singletons `"drop"` (default): rows alone in a level of a fixed effect are left out, again
#'   and again until none is left; they carry no information on the slopes. `"keep"` counts them.
#' @param control numerical settings, made by [fe_control()].
#' @param threads number of threads, at least 1; default [fe_threads()].
#' @param lean `TRUE`: keep neither the data nor anything as long as the rows. Methods that need
#'   them say so.
#' @return a model of class `fe_lm`, or for several models a list of them of class `fe_lm_list`.
#'   Elements of a model for programs: `coefficients`, `vcov` (matrix), `vcov_info` (type, label,
#'   factor, df, clusters), `bread` \eqn{(\tilde X'W\tilde X)^{-1}}{(X~'WX~)^-1}, `residuals`, `nobs`,
#'   `rank` (all parameters, K), `effects_rank`, `df.residual` (n - K), `rss`, `tss`, `tss_within`,
#'   `collinear` (regressors left out), `dropped` (see [fe_rows()]), `absorption` (solver, iterations,
#'   residual).
#' @references Frisch and Waugh (1933) \doi{10.2307/1907330}; Lovell (1963)
#'   \doi{10.1080/01621459.1963.10480682}; Guimaraes and Portugal (2010)
#'   \doi{10.1177/1536867X1101000406}.
#' @examples
#' fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade)
#' fe_lm(ln_upmf ~ ln_imdig + csw0(pgdp, fdi) | country + year, digitrade, vcov = ~country)
#' @export
fe_lm <- function(formula, data, vcov = "HC1", weights = NULL, subset = NULL, split = NULL,
                  intercept = c("none", "lsdv", "mean", "within"), ssc = fe_ssc(), offset = NULL,
                  common_sample = FALSE, singletons = c("drop", "keep"), control = fe_control(),
                  threads = NULL, lean = FALSE) {
  call <- match.call()
  settings <- model_settings(vcov, ssc, intercept[1L], common_sample, singletons[1L], control, threads,
                             lean, call)
  setup <- model_setup(formula, data, settings, parent.frame(), weights = substitute(weights),
                       subset = substitute(subset), split = substitute(split),
                       offset = substitute(offset))
  fits <- run_plan(setup, plan_models(parse_formula(setup$formula)))
  if (length(fits) == 1L) fits[[1L]] else new_model_list(fits, call)
}

model_settings <- function(vcov, ssc, intercept, common_sample, singletons, control, threads, lean, call) {
  list(vcov = vcov, ssc = check_ssc(ssc), threads = check_threads(threads),
       intercept = check_choice(intercept, c("none", "lsdv", "mean", "within"), "intercept"),
       singletons = check_choice(singletons, c("drop", "keep"), "singletons"),
       control = check_control(control), lean = check_flag(lean, "lean"), call = call,
       common = check_flag(common_sample, "common_sample"))
}

# Everything that models of one call share. The arguments from weights on are expressions, as
# substitute() gives them, to be evaluated in the data.
model_setup <- function(formula, data, settings, env, weights = NULL, subset = NULL, split = NULL,
                        offset = NULL) {
  formula <- as_formula(formula, env)
  data <- check_data(data)
  n <- nrow(data)
  value <- function(expr, arg) resolve_argument(expr, data, env, arg)
  frame <- new_frame(data, environment(formula))
  frame$weights <- check_weights(value(weights, "weights"), n)
  frame$offset <- check_offset(value(offset, "offset"), n)
  samples <- split_samples(check_subset(value(subset, "subset"), n),
                           split_variable(value(split, "split"), data, split), n)
  list(formula = formula, frame = frame, samples = samples, settings = settings)
}

# One fit for each sample and planned model.
run_plan <- function(setup, plan) {
  fits <- lapply(setup$samples, function(sample) {
    withCallingHandlers(fit_sample(setup$frame, plan, sample, setup$settings),
                        fe_error = function(e) name_sample(e, sample$split))
  })
  unlist(fits, recursive = FALSE)
}

# An error inside one part of a split says which.
name_sample <- function(e, split) {
  if (is.null(split)) return(invisible())
  e$message <- sprintf("In the sample %s: %s", split, conditionMessage(e))
  stop(e)
}

# ---- samples ------------------------------------------------------------------------------------

split_variable <- function(split, data, expr) {
  if (is.null(split)) return(NULL)
  if (is.character(split) && length(split) == 1L && nrow(data) > 1L) {
    check_columns(split, data, "split")
    return(list(name = split, value = data[[split]]))
  }
  if (length(split) != nrow(data) || is.list(split)) {
    stop_arg("split", sprintf("must hold one value for each of the %d rows, not %s", nrow(data),
                              describe_value(split)))
  }
  name <- if (is.call(expr) && identical(expr[[1L]], quote(`~`))) expr[[2L]] else expr
  name <- if (is.language(name)) deparse_one(name) else "split"
  list(name = if (nchar(name) > 40L) "split" else name, value = split)
}

# -> list of list(rows = logical mask, split = label or NULL)
split_samples <- function(subset, split, n) {
  all <- if (is.null(subset)) rep(TRUE, n) else subset
  if (is.null(split)) return(list(list(candidates = all, subset = all, split = NULL)))
  if (all(is.na(split$value))) stop_arg("split", "is NA in every row")
  groups <- if (is.factor(split$value)) droplevels(split$value) else split$value
  values <- if (is.factor(groups)) levels(groups) else sort(unique(groups))
  lapply(values, function(value) {
    list(candidates = all & !is.na(groups) & groups == value, subset = all,
         split = sprintf("%s = %s", split$name, format(value)))
  })
}

# ---- one sample, all planned models -----------------------------------------------------------------

# Models that share rows and fixed effects share the absorption of their columns.
fit_sample <- function(frame, plan, sample, settings) {
  models <- lapply(plan, prepare_model, frame = frame, settings = settings)
  if (settings$common) models <- pool_samples(models)
  models <- lapply(models, function(model) {
    sampled <- apply_masks(sample$candidates, model$variables)
    if (!any(sampled$keep)) stop_no_rows(sampled$dropped, deparse_one(model$formula))
    c(model, sampled)
  })
  group <- group_models(models)
  fits <- vector("list", length(models))
  for (g in unique(group)) {
    members <- which(group == g)
    fits[members] <- fit_group(frame, models[members], sample, settings)
  }
  fits
}

# With a common sample, every model looks at the variables and at the singletons of all of them.
pool_samples <- function(models) {
  variables <- unlist(lapply(models, `[[`, "variables"), recursive = FALSE)
  effects <- unlist(lapply(models, `[[`, "effects"), recursive = FALSE)
  effects <- effects[!duplicated(names(effects))]
  lapply(models, function(model) {
    model$variables <- variables
    model$alone <- effects
    model
  })
}

group_models <- function(models) {
  group <- integer(length(models))
  for (m in seq_along(models)) {
    same <- Find(function(o) {
      identical(models[[o]]$plan$effects, models[[m]]$plan$effects) &&
        identical(models[[o]]$keep, models[[m]]$keep)
    }, seq_len(m - 1L))
    group[m] <- if (is.null(same)) m else group[same]
  }
  group
}

prepare_model <- function(plan, frame, settings) {
  has_effects <- length(plan$effects) > 0L
  tt <- design_terms(plan$regressors, frame$scope, has_effects)
  outcome <- outcome_variable(frame, plan$outcome)
  regressors <- design_variables(frame, tt)
  if (outcome$name %in% vapply(regressors, `[[`, "", "name")) {
    stop_arg("formula", sprintf("has the outcome `%s` among the regressors too", outcome$name))
  }
  effects <- lapply(plan$effects, function(expr) effect_variables(frame, expr))
  names(effects) <- vapply(plan$effects, deparse_one, "")
  clusters <- lapply(cluster_expressions(settings$vcov), function(expr) {
    frame_variable(frame, expr, "cluster", "vcov")
  })
  list(plan = plan, terms = tt, outcome = outcome, regressors = regressors, effects = effects,
       alone = effects, # the factors whose singletons are dropped
       formula = model_formula(plan, frame$scope),
       variables = c(list(outcome), regressors, unlist(effects, recursive = FALSE, use.names = FALSE),
                     clusters, list_masks(frame)))
}

list_masks <- function(frame) {
  out <- list()
  if (!is.null(frame$weights)) {
    zero <- frame$weights == 0
    out$weights <- c(list(name = "(weights)", zero = if (any(zero, na.rm = TRUE)) zero %in% TRUE),
                     bad_rows(frame$weights))
  }
  if (!is.null(frame$offset)) out$offset <- c(list(name = "(offset)"), bad_rows(frame$offset))
  out
}

# ---- one group: same rows, same fixed effects --------------------------------------------------------

fit_group <- function(frame, models, sample, settings) {
  shared <- shared_rows(frame, models[[1L]], settings)
  columns <- group_columns(frame, models, shared)
  absorber <- new_absorber(shared$factors, shared$w, settings$control)
  done <- absorb(absorber, columns$raw, settings$threads)
  shared$absorbed <- !is.null(absorber)
  rank <- effects_rank(absorber, shared$factors, settings$control)
  shared$effects_rank <- rank$rank
  shared$absorption <- if (shared$absorbed) {
    list(solver = absorber$solver, exact_rank = rank$exact, iterations = done$iterations,
         residual = done$residual)
  }
  shared$absorber <- absorber
  lapply(seq_along(models), function(m) {
    fit_one(frame, models[[m]], columns$index[[m]], columns$designs[[m]], columns$raw, done$x,
            columns$floor, shared, sample, settings)
  })
}

# Rows, weights and codes after singletons are gone.
shared_rows <- function(frame, model, settings) {
  keep <- model$keep
  rows <- if (all(keep)) NULL else which(keep)
  take <- function(v) if (is.null(rows)) v else v[rows]
  factors <- Map(function(parts, name) {
    code_factor(lapply(parts, function(v) take(v$value)), vapply(parts, `[[`, "", "name"))
  }, model$alone, names(model$alone))
  singles <- no_dropped
  if (settings$singletons == "drop" && length(factors)) {
    stay <- drop_singletons(factors, length(factors[[1L]]$code))
    if (!all(stay)) {
      all_rows <- if (is.null(rows)) seq_len(frame$n) else rows
      singles <- data.frame(row = all_rows[!stay], cause = "singleton",
                            variable = paste(names(factors), collapse = " + "))
      rows <- all_rows[stay]
      if (!length(rows)) stop_no_rows(rbind(model$dropped, singles), deparse_one(model$formula))
      factors <- lapply(factors, recode, keep = stay)
    }
  }
  factors <- factors[names(model$effects)]
  list(rows = rows, factors = factors, singletons = singles, w = take_rows(frame$weights, rows),
       offset = take_rows(frame$offset, rows), n = if (is.null(rows)) frame$n else length(rows))
}

take_rows <- function(v, rows) if (is.null(rows) || is.null(v)) v else v[rows]

# All distinct columns of a group in one matrix: outcomes (less their offsets), then regressors.
group_columns <- function(frame, models, shared) {
  has_effects <- length(shared$factors) > 0L
  columns <- list()
  designs <- index <- vector("list", length(models))
  for (m in seq_along(models)) {
    model <- models[[m]]
    design <- design_matrix(frame, model$terms, model$regressors, shared$rows, has_effects)
    offset <- c(list(shared$offset), list(design$offset))
    offset <- Reduce(`+`, Filter(Negate(is.null), offset))
    y <- as.double(take_rows(model$outcome$value, shared$rows))
    y_key <- paste0("y:", model$outcome$name, ":", if (length(design$offset)) deparse_one(model$plan$regressors))
    if (is.null(columns[[y_key]])) columns[[y_key]] <- if (is.null(offset)) y else y - offset
    x_keys <- paste0("x:", names(design$columns), recycle0 = TRUE)
    for (j in seq_along(x_keys)) {
      while (!is.null(columns[[x_keys[j]]]) && !identical(columns[[x_keys[j]]], design$columns[[j]])) {
        x_keys[j] <- paste0(x_keys[j], "'") # the same name, another column
      }
      columns[[x_keys[j]]] <- design$columns[[j]]
    }
    design$names <- as.character(names(design$columns))
    design$columns <- NULL
    design$offset <- offset
    designs[[m]] <- design
    index[[m]] <- list(y = y_key, x = x_keys)
  }
  check_magnitude(columns)
  index <- lapply(index, function(at) lapply(at, match, names(columns)))
  floor <- if (length(shared$factors)) vapply(columns, floor_norm, 0, w = shared$w) else
    numeric(length(columns))
  raw <- unlist(columns, use.names = FALSE)
  dim(raw) <- c(shared$n, length(columns))
  list(raw = raw, floor = floor, designs = designs, index = index)
}

# Sums of squares must neither overflow nor vanish.
check_magnitude <- function(columns) {
  for (name in names(columns)) {
    size <- max(abs(range(columns[[name]])))
    if (size == 0 || (size > 1e-100 && size < 1e100)) next
    stop_arg("data", sprintf("has values of size %.3g in `%s`, whose squares cannot be represented", size,
                             sub("^[xy]:", "", name)),
             "Rescale the variable")
  }
}

# Positions, among the rows that `subset` leaves, of those that were not used: what stats and sandwich read as
# na.action.
omitted_rows <- function(subset, rows) {
  if (is.null(rows)) return(NULL)
  omitted <- which(!which(subset) %in% rows)
  if (length(omitted)) structure(omitted, class = "omit")
}

# ---- one model -----------------------------------------------------------------------------------------

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
  m <- list(call = settings$call, formula = model$formula, coefficients = fit$coef, bread = fit$bread,
            root = fit$root,            residuals = as.vector(y - x %*% fit$coef), y = raw[, index$y],
            x = x, rss = fit$rss, nobs = shared$n, rank = fit$rank + shared$effects_rank,
            effects_rank = shared$effects_rank, n_slopes = fit$rank,
            collinear = design$names[!fit$kept], terms = design$terms, xlevels = design$xlevels,
            contrasts = design$contrasts, offset = design$offset, weights = shared$w,
            factors = shared$factors, rows = shared$rows, n_data = frame$n,
            dropped = rbind(model$dropped, shared$singletons),
            na.action = omitted_rows(sample$subset, shared$rows), absorption = shared$absorption,
            outcome = model$outcome$name, regressors = design$names, split = sample$split,
            has_constant = "(Intercept)" %in% names(fit$coef) || shared$absorbed,
            ssc = settings$ssc, control = settings$control, threads = settings$threads,
            data = frame$data, env = frame$scope)
  class(m) <- "fe_lm"
  m$df.residual <- m$nobs - m$rank
  check_df(m)
  if (shared$absorbed) {
    m$effects_sum <- as.vector(m$y - m$residuals - raw[, x_at, drop = FALSE] %*% fit$coef)
  }
  m[c("tss", "tss_within")] <- sums_of_squares(m, y)
  if (m$rss <= 1e-24 * m$tss) {
    warn_user("the fit is essentially perfect: the residuals are rounding errors, and so are the standard errors")
  }
  m$intercept <- settings$intercept
  m <- add_intercept(m, settings$intercept, raw[, x_at, drop = FALSE], shared$absorber)
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
    stop_arg("formula", sprintf("has the outcome `%s`, which the fixed effects explain entirely", name))
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
  stop_arg("data", sprintf("has %d usable rows for %d parameters (%d slopes, %d fixed effects): no degree of freedom is left",
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
  gone <- c("residuals", "y", "x", "x0", "effects_sum", "weights", "factors", "rows", "na.action", "offset", "data", "env")
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

# ---- constants ---------------------------------------------------------------------------------------------

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
    stop_arg("intercept", sprintf(paste("\"%s\" is not estimable: the base levels of the fixed effects",
                                        "are in different connected components"), flavour),
             "Use intercept = \"mean\", or estimate the components apart")
  }
  out$x0
}

add_intercept <- function(m, flavour, x_raw, absorber) {
  if (flavour == "none") return(m)
  if (is.null(absorber)) {
    stop_arg("intercept", sprintf("is %s, but the formula has no fixed effects", dQuote(flavour, FALSE)),
             "Without fixed effects the constant is a regressor; leave `intercept` at \"none\"")
  }
  m$x0 <- represent_constant(flavour, m$factors, m$weights, absorber, m$nobs)
  wx0 <- if (is.null(m$weights)) m$x0 else m$weights * m$x0
  m$x0_slopes <- as.vector(crossprod(x_raw, wx0))
  b0 <- sum(wx0 * m$y) - sum(m$x0_slopes * m$coefficients)
  m$coefficients <- c(`(Intercept)` = b0, m$coefficients)
  m
}
