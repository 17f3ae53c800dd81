# Decomposition of a coefficient's change: what is asked for, and the two models.

#' Why does a coefficient change when covariates are added?
#'
#' Gelbach's (2016) decomposition. Adding covariates one after the other and watching the
#' coefficient gives each of them a part that depends on the order. The decomposition compares two
#' models only, a base and a full one, and splits the difference exactly:
#' \deqn{b_{base} - b_{full} = \sum_g \delta_g,\quad
#'   \delta_g = \sum_{k \in g} \hat\Gamma_k \hat\beta_k,}{
#'   b_base - b_full = sum_g delta_g,  delta_g = sum_{k in g} Gamma_k beta_k,}
#' with \eqn{\beta_k}{beta_k} the coefficient of the added covariate k in the full model and
#' \eqn{\Gamma_k}{Gamma_k} that of the focal regressor in the regression of k on the regressors and
#' fixed effects of the base model. It is the formula of omitted variables, and for covariates that
#' are mediators the sum of a*b of a joint [fe_mediate()]. It says which covariates the change runs
#' through; it does not say that any of the two coefficients is causal.
#'
#' @section Fixed effects:
#' Added fixed effects are a group like any other: with \eqn{\hat\alpha}{alpha} the effects of the
#' full model and D their dummies, \eqn{\delta}{delta} is the coefficient of the focal regressor in
#' the regression of \eqn{D\hat\alpha}{D alpha} on the base model. Effects of several factors in
#' groups of their own must be told apart by the data; if they cannot (one is nested in the other,
#' or rows fall into components that nothing connects), that is an error, and they belong in one
#' group. Effects that both models have are part of the base.
#'
#' @section Standard errors:
#' \eqn{\Gamma}{Gamma} and \eqn{\beta}{beta} are both estimated. With \eqn{r_g}{r_g} the residual of
#' \eqn{X_g\hat\beta_g + D_g\hat\alpha_g}{X_g beta_g + D_g alpha_g} from the base model, row i moves
#' \eqn{\delta_g}{delta_g} by
#' \deqn{\psi_{gi} = \phi_i w_i r_{gi} + a_{gi} w_i e_i,}{psi_gi = phi_i w_i r_gi + a_gi w_i e_i,}
#' where \eqn{\phi}{phi} are the influences of the focal coefficient of the base model, e the
#' residuals of the full one, and \eqn{a_g}{a_g} the influences of the combination
#' \eqn{\Gamma_g'\beta_g}{Gamma_g'beta_g} (effects included) of its coefficients. The variance is
#' the sum of \eqn{\psi\psi'}{psi psi'} over rows or clusters, as in [vcov.fe_lm()]; the covariance
#' of the two terms is part of it. For the sum of all groups \eqn{\psi}{psi} is the difference of
#' the influences of the two coefficients, as in [fe_equal()].
#'
#' Small samples: the first term is multiplied by the root of the factor of the base model, the
#' second by that of the full one. `ssc = "b1x2"` is the convention of Gelbach's Stata command: the
#' variance of the second term with the factor of the full model, all else with n/(n-1) or G/(G-1).
#' `"iid"` is \eqn{\hat\sigma^2}{s^2} times the sum of squares of \eqn{a_g}{a_g}, plus the residual
#' variance of \eqn{r_g}{r_g} times that of \eqn{\phi}{phi}.
#'
#' @param object the base model: a formula (or a string) with `data` and `added`; a model of class
#'   `fe_lm`; a list of models, of which the first is the base and the last the full one (such as
#'   `csw0()` gives); or a mediation with `joint = TRUE`, whose mediators are the groups.
#' @param data a data frame.
#' @param added what the full model has more: a named list of groups, each a one-sided formula,
#'   `~ x1 + x2`, `~ 1 | country` for fixed effects, or `~ x1 | country` for both. A single formula
#'   makes each of its terms a group.
#' @param full for a fitted `object`: the full model, on the same rows.
#' @param focal name of the coefficient to decompose; default: the first slope of the base model.
#' @param groups for fitted models: `NULL` (each added term and factor is a group), or a named list
#'   like `added`; what it does not name stays a group of its own.
#' @param vcov the variance: `"iid"`, `"HC0"` to `"HC3"`, a formula of clusters, `NW(2) ~ unit +
#'   time`, `DK(2) ~ time` or `conley(100) ~ lat + lon`. Default `"HC1"`; for fitted models that of
#'   the full one.
#' @param ssc small-sample convention made by [fe_ssc()], or `"b1x2"`; see below. `NULL`: that of
#'   the models.
#' @param level confidence level, default 0.95.
#' @param R replicates of a pairs bootstrap (see [fe_boot()]) beside the analytic errors; default
#'   0. Not with added fixed effects.
#' @param cluster what the bootstrap draws: a one-sided formula, a column name or a vector.
#'   Default: the clusters of `vcov`, else rows.
#' @param weights,weights_type,subset,singletons,control,threads as in [fe_lm()].
#' @param panel.id `NULL`, or unit and time of a panel, `~unit + time`: `l()`, `f()` and `d()` in
#'   the formula and in the groups are lags, leads and differences (see [fe_lag()]). Fitted models
#'   have their own.
#' @param x an object of class `fe_decompose`.
#' @param digits digits to print.
#' @param conf.int,conf.level should `tidy` give the intervals, and at which level?
#' @param ... must be empty.
#' @return an object of class `fe_decompose`: `effects` (a data frame with a row for the base
#'   coefficient, each group, `"explained"`, their sum, and the full coefficient: `term`, `kind`,
#'   `estimate`, `std.error`, `statistic`, `p.value`, `conf.low`, `conf.high`, and `share`, the
#'   estimate over that of the base model), `covariates` (for each added covariate `term`, `group`,
#'   `gamma`, `beta` and their product), `coefficients` and `vcov` of the groups, `identity`
#'   (\eqn{|b_{base} - b_{full} - \sum\delta_g|}{|b_base - b_full - sum delta_g|}; more than
#'   rounding errors is an error), `base`, `full` (the models), `boot`. `tidy()` gives `effects`,
#'   `glance()` one row, `plot()` a ggplot.
#' @references Gelbach (2016) \doi{10.1086/683668}.
#' @seealso [fe_equal()] for the test that the two coefficients are equal, [fe_sensitivity()] for
#'   covariates that are not there.
#' @examples
#' x <- fe_decompose(ln_upmf ~ ln_imdig | year, digitrade, vcov = ~country,
#'                   added = list(income = ~ pgdp, policy = ~ fdi + rd + gfcf,
#'                                country = ~ 1 | country))
#' x
#' steps <- fe_lm(ln_upmf ~ ln_imdig + csw0(pgdp, fdi, rd) | country + year, digitrade)
#' fe_decompose(steps[[1]], steps[[4]], groups = list(policy = ~ fdi + rd), vcov = ~country)
#' @order 1
#' @export
fe_decompose <- function(object, ...) UseMethod("fe_decompose")

#' @rdname fe_decompose
#' @order 1
#' @export
fe_decompose.default <- function(object, data, added, focal = NULL, vcov = "HC1", ssc = fe_ssc(),
                                 weights = NULL, subset = NULL, level = 0.95, R = 0,
                                 cluster = NULL, singletons = c("drop", "keep"),
                                 control = fe_control(), threads = NULL,
                                 weights_type = c("analytic", "frequency"), panel.id = NULL, ...) {
  check_dots(...)
  call <- match.call()
  formula <- as_formula(object, parent.frame(), "object")
  if (missing(added)) stop_arg("added", "is missing", "Write for instance added = ~ x1 + x2")
  data <- check_data(data)
  panel <- check_panel_id(panel.id, data)
  groups <- read_groups(added, environment(formula), "added", panel)
  plan <- plan_decomposition(expand_lags(formula, panel), groups)
  settings <- model_settings(if (inherits(vcov, "formula")) vcov else "HC0",
                             if (is_b1x2(ssc)) fe_ssc() else ssc, "none", TRUE, singletons,
                             control, threads, FALSE, call)
  setup <- model_setup(model_formula(plan[[2L]], environment(formula)), data, settings,
                       parent.frame(), weights = substitute(weights), subset = substitute(subset),
                       weights_type = weights_type, panel.id = panel.id)
  fits <- run_plan(setup, plan)
  decompose_models(fits[[1L]], fits[[2L]], focal, groups, vcov, ssc, level, R, cluster, call)
}

#' @rdname fe_decompose
#' @order 1
#' @export
fe_decompose.fe_lm <- function(object, full, focal = NULL, groups = NULL, vcov = NULL, ssc = NULL,
                               level = 0.95, R = 0, cluster = NULL, ...) {
  check_dots(...)
  if (missing(full) || !inherits(full, "fe_lm")) {
    stop_arg("full", paste("must be the full model, of class fe_lm, not",
                           if (missing(full)) "missing" else describe_value(full)),
             "Or give a formula, `data` and `added`")
  }
  groups <- if (!is.null(groups)) read_groups(groups, object$env, "groups", full$panel$spec)
  decompose_models(object, full, focal, groups, vcov, ssc, level, R, cluster, match.call())
}

#' @rdname fe_decompose
#' @order 1
#' @export
fe_decompose.fe_lm_list <- function(object, ...) {
  if (length(object) < 2L) stop_arg("object", "holds a single model", "Give two or more")
  fe_decompose.fe_lm(object[[1L]], object[[length(object)]], ...)
}

#' @rdname fe_decompose
#' @order 1
#' @export
fe_decompose.fe_mediate <- function(object, ...) {
  if (object$type != "parallel") {
    stop_arg("object", "is no mediation by parallel mediators",
             "Estimate it with joint = TRUE, or give the models `total` and `b` of `models`")
  }
  fe_decompose.fe_lm(object$models$total, object$models$b[[1L]], focal = coef_name(object$treat),
                     ...)
}

is_b1x2 <- function(ssc) identical(ssc, "b1x2")

# ---- groups --------------------------------------------------------------------------------------

# -> named list of groups, each list(regressors, effects) of expressions; panel: of the lags.
read_groups <- function(given, env, arg, panel = NULL) {
  if (inherits(given, "formula") || (is.character(given) && is.null(names(given)))) {
    whole <- read_group(given, env, arg, panel)
    each <- c(lapply(whole$regressors, function(e) list(regressors = list(e), effects = list())),
              lapply(whole$effects, function(e) list(regressors = list(), effects = list(e))))
    names(each) <- vapply(c(whole$regressors, whole$effects), deparse_one, "")
    return(each)
  }
  names <- names(given)
  if (!length(given) || is.null(names) || any(!nzchar(names)) || anyDuplicated(names)) {
    stop_arg(arg, "must be a formula or a list of formulas with names of their own",
             paste0("Write ", arg, " = list(income = ~ pgdp, country = ~ 1 | country)"))
  }
  taken <- intersect(names, c("base", "explained", "full"))
  if (length(taken)) stop_arg(arg, paste("has a group named", quote_list(taken)), "Rename it")
  lapply(given, read_group, env = env, arg = arg, panel = panel)
}

# One group: ~ x1 + x2, ~ x | country, or names of variables.
read_group <- function(given, env, arg, panel) {
  if (is.character(given) && length(given) && !anyNA(given)) {
    text <- paste("~", paste(sub("^ *~", "", given), collapse = " + "))
    given <- tryCatch(read_formula(text, env), error = function(e) {
      stop_arg(arg, paste("has", quote_list(given), "which is no formula"))
    })
  }
  if (!inherits(given, "formula") || length(given) != 2L) {
    stop_arg(arg, paste("must hold one-sided formulas, not", describe_value(given)),
             "Write ~ x1 + x2, or ~ 1 | country for fixed effects")
  }
  sides <- expand_lags(stats::as.formula(call("~", 0, given[[2L]]), env = env), panel)[[3L]]
  barred <- is_call_of(sides, "|")
  terms <- split_sum(if (barred) sides[[2L]] else sides)
  out <- list(regressors = Filter(function(term) !is.numeric(term), terms),
              effects = if (barred) split_effects(sides[[3L]]) else list())
  if (!length(unlist(out, recursive = FALSE))) {
    stop_arg(arg, "has a group without any term", "Write ~ x1 + x2, or ~ 1 | country")
  }
  out
}

# The base model and the full one.
plan_decomposition <- function(formula, groups) {
  parsed <- parse_formula(formula)
  need_no_instruments(parsed, "fe_decompose()")
  if (max(lengths(parsed)) > 1L) {
    stop_arg("object", "must be a single model: no c(), sw() or csw()")
  }
  terms <- split_sum(parsed$regressors[[1L]])
  all <- function(part) unlist(lapply(unname(groups), `[[`, part), recursive = FALSE)
  list(list(outcome = parsed$outcomes[[1L]], regressors = parsed$regressors[[1L]],
            effects = parsed$effects[[1L]]),
       list(outcome = parsed$outcomes[[1L]], regressors = join_sum(c(terms, all("regressors"))),
            effects = c(parsed$effects[[1L]], all("effects"))))
}

# Which added columns and factors of the full model belong to which group
# -> named list of list(columns (names), factors (numbers))
assign_groups <- function(base, full, groups) {
  columns <- added_columns(base, full)
  factors <- which(!names(full$factors) %in% names(base$factors))
  if (!length(columns$name) && !length(factors)) {
    stop_arg("full", "adds no regressor and no fixed effect to the base model")
  }
  owner <- stats::setNames(rep(NA_character_, length(columns$name)), columns$name)
  holder <- stats::setNames(rep(NA_character_, length(factors)), names(full$factors)[factors])
  for (name in names(groups)) {
    found <- group_members(groups[[name]], columns, names(holder), full, name)
    claim <- c(owner[found$columns], holder[found$factors])
    if (!all(is.na(claim))) {
      twice <- names(claim)[!is.na(claim)]
      stop_arg("groups", paste("has", quote_list(twice), "in more than one group"))
    }
    owner[found$columns] <- name
    holder[found$factors] <- name
  }
  rest <- is.na(owner)
  owner[rest] <- columns$label[rest]
  holder[is.na(holder)] <- names(holder)[is.na(holder)]
  all <- unique(c(names(groups), owner, holder))
  all <- all[all %in% c(owner, holder)]
  lapply(stats::setNames(nm = all), function(g) {
    list(columns = names(owner)[owner == g], factors = factors[holder == g])
  })
}

# Columns of the full model that the base has not: name, and label of the term.
added_columns <- function(base, full) {
  x <- whole_design(full, utils::head(model.frame(full), 2L))
  labels <- c("(Intercept)", attr(full$terms, "term.labels"))[attr(x, "assign") + 1L]
  new <- colnames(x) %in% setdiff(colnames(full$bread), names(base$coefficients)) &
    !colnames(x) %in% c(base$regressors, "(Intercept)")
  list(name = colnames(x)[new], label = labels[new])
}

group_members <- function(group, columns, factors, full, name) {
  wanted <- lapply(group$regressors, function(term) {
    text <- deparse_one(term)
    labels <- attr(stats::terms(stats::as.formula(call("~", term))), "term.labels")
    hit <- columns$name[columns$label %in% c(labels, text) | columns$name == text]
    if (!length(hit) && !text %in% full$collinear) no_member(name, text, columns$name)
    hit
  })
  effects <- vapply(group$effects, function(term) deparse_one(parse_effect(term)$factor), "")
  absent <- setdiff(effects, factors)
  if (length(absent)) no_member(name, absent[1L], factors)
  list(columns = unique(unlist(wanted)), factors = effects)
}

no_member <- function(group, text, known) {
  stop_arg("groups", sprintf("has in the group \"%s\" %s, which the full model does not add", group,
                             dQuote(text, FALSE)),
           if (length(known)) paste("It adds", quote_list(known, 12L)))
}

# ---- the two models ------------------------------------------------------------------------------

decompose_models <- function(base, full, focal, groups, vcov, ssc, level, R, cluster, call) {
  check_level(level)
  check_count(R, "R", 0)
  check_pair(base, full)
  focal <- check_decomposed(focal, base, full)
  b1x2 <- is_b1x2(ssc)
  if (identical(as.double(R), 0)) {
    stop_unused(cluster, "cluster", "R is 0 and nothing is drawn",
                "Write vcov = ~country for clustered standard errors")
  }
  asked <- if (is.null(vcov)) full$vcov_request else list(vcov = vcov, cluster = NULL)
  request <- explicit_request(full, asked$vcov, asked$cluster)
  ssc <- if (b1x2) fe_ssc() else if (!is.null(ssc)) check_ssc(ssc)
  restate <- function(m) {
    set_vcov(m, request$vcov, if (is.null(ssc)) m$ssc else ssc, request$cluster)
  }
  parts <- decomposition_parts(base, full, focal, assign_groups(base, full, groups))
  joint <- decomposition_variance(base, full, parts, request, ssc, b1x2)
  x <- structure(list(base = restate(base), full = restate(full), focal = focal,
                      outcome = full$outcome, covariates = parts$covariates,
                      coefficients = parts$delta, vcov = joint$V, df = joint$df,
                      label = joint$label, G = joint$G, level = level, call = call),
                 class = "fe_decompose")
  x$identity <- check_decomposition(x)
  if (R > 0) x$boot <- boot_decomposition(base, full, focal, parts, R, cluster, request)
  x$effects <- decomposition_table(x)
  x
}

check_pair <- function(base, full) {
  for (m in list(base, full)) {
    need_full(m, "a decomposition")
    need_ols(m, "fe_decompose()")
  }
  same <- base$n_data == full$n_data && identical(base$rows, full$rows) &&
    identical(base$weights, full$weights) && identical(base$weighting, full$weighting)
  if (!same) {
    stop_arg("full", sprintf(paste("has other rows or weights than the base model (%d and %d",
                                   "rows), so that the coefficients differ by the sample too"),
                             full$n_rows, base$n_rows),
             "Estimate both in one call with common_sample = TRUE, or give a formula and `added`")
  }
  if (!isTRUE(all.equal(base$y, full$y, tolerance = 1e-12))) {
    stop_arg("full", sprintf("has another outcome or offset (%s) than the base model (%s)",
                             full$outcome, base$outcome))
  }
}

check_decomposed <- function(focal, base, full) {
  focal <- check_slope(focal, base, "focal")
  if (!focal %in% names(full$coefficients)) {
    stop_arg("focal", sprintf("is %s, which has no coefficient in the full model%s",
                              dQuote(focal, FALSE),
                              if (focal %in% full$collinear) ": it is collinear with what is added"
                              else ""))
  }
  focal
}

# NULL is the first slope.
check_slope <- function(name, m, arg) {
  slopes <- setdiff(names(m$coefficients), "(Intercept)")
  if (is.null(name)) name <- slopes[1L]
  if (!is.character(name) || length(name) != 1L || !name %in% slopes) {
    stop_arg(arg, paste("must name a slope, not", describe_value(name)),
             paste("The slopes are", quote_list(slopes, 12L)))
  }
  name
}

check_decomposition <- function(x) {
  b <- x$base$coefficients[[x$focal]]
  gap <- abs(b - x$full$coefficients[[x$focal]] - sum(x$coefficients))
  if (gap > 1e-8 * max(abs(c(b, x$coefficients)))) {
    stop_arg("full", sprintf(paste("does not contain the base model: the parts miss the change of",
                                   "`%s` by %.3g"), x$focal, gap),
             "All regressors and fixed effects of the base model must be in the full one")
  }
  gap
}
