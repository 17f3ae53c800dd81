# Mediation: the same sample, the same fixed effects, equations of total effect, mediators, outcome.

#' Mediation under fixed effects
#'
#' Splits the coefficient of a treatment into the parts that run through mediators and the rest: for
#' mediators one by one, in parallel, or in a chain; with moderated paths; with an interaction of
#' treatment and mediator. All equations have the same rows, fixed effects and weights:
#' \deqn{y = c\,t + \ldots,\quad m_j = a_j t + \ldots,\quad y = c' t + b_j m_j + \ldots}{y = c t + ..., m_j = a_j t + ..., y = c' t + b_j m_j + ...}
#' The indirect effect is \eqn{a_j b_j}{a_j b_j}, the share mediated \eqn{a_j b_j / c}{a_j b_j / c}.
#' For least squares on one sample with the same controls the identity
#' \eqn{c = c' + \sum_j a_j b_j}{c = c' + sum_j a_j b_j} holds exactly (the sum over all ways through
#' the mediators of one outcome equation); it is checked and reported. It does not hold exactly, and
#' the print says why, if `covariates` differ between equations, if treatment and mediator interact,
#' if the path from mediator to outcome is moderated, or if only one of the paths a and direct is.
#'
#' @section What it can claim:
#' With fixed effects of units all coefficients compare a unit with itself: a, b and their product
#' are within-unit effects, and say nothing of differences between units. Without them a product is
#' a mixture of within and between effects (Zhang, Zyphur and Preacher 2009). It is a causal indirect
#' effect only if, given controls and effects, the treatment is unconfounded with mediators and
#' outcome, the mediators are unconfounded with the outcome, no confounder of mediator and outcome is
#' itself affected by the treatment, and effects do not differ from unit to unit in ways that go
#' together in a and b. Those are assumptions; nothing in the output tests them. A chain assumes its
#' order as well. A 0/1 mediator gets a linear probability equation.
#'
#' @section Several mediators:
#' `"separate"`: each in an outcome equation of its own, as in a stepwise table; the other mediators
#' are then part of its direct effect. `"parallel"`: all in one outcome equation. `"serial"`: the
#' equation of each mediator holds those named before it; there are \eqn{2^k - 1}{2^k - 1} indirect
#' effects, each the product of the coefficients along its way. `"indirect:all"` is their sum, and
#' contrasts are pairwise differences (of up to seven).
#'
#' @section Moderated mediation:
#' `moderator` is multiplied with the treatment in the mediators' equations (path `"a"`), with the
#' mediators wherever they are regressors (`"b"`), with the treatment in the outcome equation
#' (`"direct"`). Conditional effects at w are products of \eqn{a + a_w w}{a + a_w w} and
#' \eqn{b + b_w w}{b + b_w w}. The index of moderated mediation (Hayes 2015), such as
#' \eqn{a_w b}{a_w b}, is the slope of the indirect effect in w and exists where exactly one of its
#' paths is moderated; else differences between the values are given.
#'
#' @section Treatment-mediator interaction:
#' With \eqn{y = c' t + \sum_j (b_j + d_j t) m_j}{y = c' t + sum_j (b_j + d_j t) m_j}, a change of
#' t from \eqn{t_0}{t0} (`control.value`) to \eqn{t_1}{t1} (`treat.value`), D = t1 - t0, and
#' \eqn{\mu_j(t) = \bar m_j + a_j (t - \bar t)}{mu_j(t) = mean m_j + a_j (t - mean t)} (Valeri and
#' VanderWeele 2013, for linear equations): `cde` \eqn{(c' + \sum d_j m_j^*) D}{(c' + sum d_j m*_j) D}
#' at `mediator.value`; `nde.pure`, `nde.total` \eqn{(c' + \sum d_j \mu_j(t)) D}{(c' + sum d_j mu_j(t)) D}
#' at t0 and t1; `nie.pure`, `nie.total` \eqn{(b_j + d_j t) a_j D}{(b_j + d_j t) a_j D} at t0 and t1;
#' `te` = nde.pure + nie.total = cde + int.ref + int.med + nie.pure (VanderWeele 2014); `share` =
#' nie.total / te.
#'
#' The effects are linear in the mediator, so that their average over the rows used depends on the
#' unit and time effects through the mean of the mediator alone: \eqn{\mu_j(t)}{mu_j(t)} is the
#' average, over these rows with their own effects and controls, of what the mediator's equation
#' predicts at t. No single unit's effect enters. The averages are estimates of a population's: the
#' delta method and the pairs and Bayesian bootstrap count their sampling error, whole clusters being
#' drawn; the wild bootstrap keeps the rows, and them.
#'
#' @section Standard errors and intervals:
#' `"delta"`: the gradient and the joint variance of all paths, from the influences of the rows
#' stacked over equations, so that covariances across equations are those of the chosen `vcov`
#' (clusters included). Where no joint variance is known (`"CR2"`, `"CR3"`, bootstrap variances,
#' matrices) those across equations are taken as zero, and the print says so. Sobel (1982):
#' \eqn{\sqrt{a^2 se_b^2 + b^2 se_a^2}}{sqrt(a^2 se_b^2 + b^2 se_a^2)}; Aroian (1947) adds
#' \eqn{se_a^2 se_b^2}{se_a^2 se_b^2}, Goodman (1960) subtracts it (`NA` where negative); for longer
#' products the first-order, exact and unbiased variances of a product of independent estimates. They
#' suppose independent paths, and sums and differences always have the delta method's. `p.joint` is
#' the largest p-value (normal) of the paths of a product: the joint-significance test. `"montecarlo"`
#' (Preacher and Selig 2012): quantiles over draws of the paths from the normal distribution with
#' their joint variance. Bootstrap: pairs of whole clusters, wild (residuals of whole clusters times
#' random signs, in all equations alike, null not imposed) or Bayesian, see [fe_boot()]; percentile,
#' basic, bias-corrected (bc) and accelerated (bca) intervals. All random numbers are functions of
#' one seed, whatever the number of threads.
#'
#' @param formula `y ~ treat + controls | fixed effects`; also a string, or a variable that holds
#'   either. Mediators must not stand in it.
#' @param data a data frame.
#' @param treat name of the treatment, one numeric regressor of the formula. Default: the first one.
#' @param mediators names of one or more numeric or logical columns; in a chain, in its order.
#' @param joint `TRUE` is `type = "parallel"`, `FALSE` (default) leaves `type` as it is.
#' @param R bootstrap replicates, default 1999; 0 for none, which is the default if `ci` needs none.
#' @param cluster what the bootstrap draws: a one-sided formula, a column name or a vector. Default:
#'   the clusters of `vcov`, else the first fixed effect, else rows.
#' @param ci interval of the indirect effects that `print` and `tidy` show: of the bootstrap,
#'   `"percentile"` (default), `"basic"`, `"bc"` or `"bca"`; or `"delta"`, `"sobel"`, `"aroian"`,
#'   `"goodman"`, `"montecarlo"`. `confint(x, type = )` gives any of them. Without a bootstrap the
#'   first four become `method`.
#' @param level confidence level, default 0.95.
#' @param vcov,ssc,weights,weights_type,subset,intercept,singletons,control,threads,panel.id as in
#'   [fe_lm()].
#' @param progress show a progress bar in long bootstraps?
#' @param type `"separate"` (default), `"parallel"` or `"serial"` mediators, up to 6 in a chain.
#' @param covariates `NULL`, or further regressors of single equations: a list of one-sided formulas
#'   (or names of columns) called `y` (outcome equations, the total one included), `m` (all
#'   mediators) or after a mediator.
#' @param moderator `NULL`, or the name of a numeric or logical column.
#' @param paths which paths are moderated: some of `"a"`, `"b"`, `"direct"` (default: all).
#' @param values values of the moderator for conditional effects, in the units of the data: `NULL` or
#'   `"sd"` (mean and one standard deviation to each side; both values of a moderator of two),
#'   `"quantiles"` (16th, 50th and 84th percentile) or numbers, whose names become labels.
#' @param center centre the moderator at its mean over the rows used (0/1 columns stay)? Moves the
#'   coefficients in `models`, no conditional effect. Default `TRUE`.
#' @param interaction multiply treatment and mediators in the outcome equation? Not for a chain, nor
#'   with a moderator.
#' @param control.value,treat.value two different levels of the treatment, default 0 and 1: total,
#'   direct and indirect effects (with contrasts, differences and the index) are those of a change
#'   from the first to the second. Without an `interaction` they are the coefficients times the
#'   difference; paths and shares stay.
#' @param mediator.value `NULL` (means over the rows used), or named numbers: where the controlled
#'   direct effect holds the mediators.
#' @param method standard error and p-value of indirect effects: `"delta"` (default), `"sobel"`,
#'   `"aroian"` or `"goodman"`.
#' @param boot type of the bootstrap: `"pairs"` (default), `"wild"`, `"bayesian"` or `"residual"`
#'   (not with an `interaction`).
#' @param draws Monte Carlo draws, default 20000.
#' @param seed `NULL` (drawn from R's generator, hence governed by [set.seed()]), or a whole number.
#' @return an object of class `fe_mediate`: `effects` (a data frame with one row an effect and method:
#'   `effect`, `mediator`, with a moderator its value `at`, `estimate`, `std.error`, `statistic`,
#'   `p.value`, `conf.low`, `conf.high`, `p.joint`, `method`, `term`), `intervals` (every type of
#'   interval from resampling), `identity` (largest |c - c' - sum a b|, `NA` with an interaction),
#'   `exact` (`TRUE`, or why the identity need not hold), `models` (`total`, `a`, `b`: the fitted
#'   equations), `coefficients` and `variance$V` (paths and their joint variance), `boot` (see
#'   [fe_boot()]). Effects are `"total"`, `"a"`, `"d"` (mediator to mediator), `"b"`, `"direct"`,
#'   `"indirect"`, `"share"`, `"contrast"`, `"index"`, `"difference"` and the natural ones above.
#' @references Sobel (1982) \doi{10.2307/270723}; Aroian (1947) \doi{10.1214/aoms/1177730442};
#'   Goodman (1960) \doi{10.1080/01621459.1960.10483369}; MacKinnon, Lockwood and Williams (2004)
#'   \doi{10.1207/s15327906mbr3901_4}; Preacher and Selig (2012) \doi{10.1080/19312458.2012.679848};
#'   Hayes (2015) \doi{10.1080/00273171.2014.962683}; Valeri and VanderWeele (2013)
#'   \doi{10.1037/a0031034}; VanderWeele (2014) \doi{10.1097/EDE.0000000000000121}; Zhang, Zyphur and
#'   Preacher (2009) \doi{10.1177/1094428108327450}; Efron (1987)
#'   \doi{10.1080/01621459.1987.10478410}.
#' @examples
#' f <- ln_upmf ~ ln_imdig + pgdp | country + year
#' set.seed(1)
#' fe_mediate(f, digitrade, mediators = c("ln_innov", "ln_inter"), R = 199)
#' fe_mediate(f, digitrade, mediators = c("ln_innov", "ln_inter"), type = "serial", ci = "delta",
#'            vcov = ~country)
#' fe_mediate(f, digitrade, mediators = "ln_innov", moderator = "ln_insti", paths = "a",
#'            ci = "montecarlo", vcov = ~country)
#' @export
fe_mediate <- function(formula, data, treat = NULL, mediators, joint = FALSE, R = 1999,
                       cluster = NULL, ci = c("percentile", "basic", "bc", "bca", "delta",
                                              "sobel", "aroian", "goodman", "montecarlo"),
                       level = 0.95, vcov = "HC1", ssc = fe_ssc(), weights = NULL, subset = NULL,
                       intercept = c("none", "lsdv", "mean", "within"),
                       singletons = c("drop", "keep"), control = fe_control(), threads = NULL,
                       progress = interactive(), weights_type = c("analytic", "frequency"),
                       type = c("separate", "parallel", "serial"), covariates = NULL,
                       moderator = NULL, paths = c("a", "b", "direct"), values = NULL,
                       center = TRUE, interaction = FALSE, control.value = 0, treat.value = 1,
                       mediator.value = NULL, method = c("delta", "sobel", "aroian", "goodman"),
                       boot = c("pairs", "wild", "bayesian", "residual"), draws = 20000,
                       seed = NULL, panel.id = NULL) {
  call <- match.call()
  env <- parent.frame()
  ci <- check_first(ci, mediation_intervals_known, "ci")
  if (missing(R) && !ci %in% boot_intervals) R <- 0
  inference <- inference_request(ci, level, method, draws)
  levels <- treatment_levels(control.value, treat.value)
  boot <- check_mediation_boot(boot, check_count(R, "R", 0), interaction)
  settings <- model_settings(vcov, ssc, intercept, TRUE, singletons, control, threads,
                             FALSE, call)
  if (missing(mediators)) stop_arg("mediators", "is missing", "Name one or more columns of `data`")
  formula <- as_formula(formula, env)
  data <- check_data(data)
  asked <- list(treat = treat, mediators = unname(mediators), joint = joint,
                type = if (!missing(type)) type, covariates = covariates, moderator = moderator,
                paths = paths, center = center, interaction = interaction)
  request <- mediation_request(asked, formula, data)
  panel <- data_panel(panel.id, data, env)
  extra <- list(weights = resolve_argument(substitute(weights), data, env, "weights", panel),
                subset = resolve_argument(substitute(subset), data, env, "subset", panel),
                weights_type = weights_type, panel.id = panel.id)
  out <- new_mediation(fit_mediation(formula, data, request, settings, env, extra), request, call)
  out[names(inference)] <- inference
  out <- complete_mediation(out, values, levels, mediator.value)
  resample_mediation(out, R, boot, cluster, seed, threads, progress)
}

# ---- what is asked for ---------------------------------------------------------------------------

mediation_request <- function(asked, formula, data) {
  request <- asked
  if (is.null(asked$treat)) request$treat <- first_regressor(formula)
  if (!is.character(request$treat) || length(request$treat) != 1L) {
    stop_arg("treat", paste("must be the name of one regressor, not", describe_value(asked$treat)))
  }
  check_logical_treat(formula, data, request$treat)
  request$type <- mediation_type(asked$type, check_flag(asked$joint, "joint"))
  request["moderator"] <- list(check_mediation_moderator(asked$moderator, data, request))
  known <- c("a", "b", "direct")
  if (!is.character(asked$paths) || !length(asked$paths) || !all(asked$paths %in% known)) {
    stop_arg("paths", paste("must be some of", quote_list(known), "and not",
                            describe_value(asked$paths)))
  }
  if (check_flag(asked$interaction, "interaction") &&
      (!is.null(request$moderator) || request$type == "serial")) {
    stop_arg("interaction", sprintf("is TRUE beside %s", if (is.null(request$moderator)) {
      "a chain of mediators"
    } else "a moderator"), "Their natural effects are not provided; use one of the two")
  }
  if (request$type == "serial" && length(request$mediators) > 6L) {
    stop_arg("mediators", "names more than 6 columns for a chain", "Leave some out")
  }
  w <- request$moderator
  request$centers <- check_flag(asked$center, "center") && !is.null(w) &&
    !all(data[[w]] %in% c(0, 1, NA))
  request$sets <- if (request$type == "separate") as.list(request$mediators) else
    list(request$mediators)
  request
}

inference_request <- function(ci, level, method, draws) {
  list(ci = ci, level = check_level(level),
       method = check_first(method, analytic_methods, "method"),
       draws = check_count(draws, "draws", 100))
}

# The levels of the treatment that natural effects compare.
treatment_levels <- function(control, treat) {
  out <- c(control = check_number(control, "control.value"),
           treat = check_number(treat, "treat.value"))
  if (out[["control"]] == out[["treat"]]) {
    stop_arg("treat.value", sprintf("is %s, as `control.value` is, so that nothing changes",
                                    format(treat)), "Give two levels that differ")
  }
  out
}

check_mediation_boot <- function(type, R, interaction) {
  type <- check_first(type, boot_types, "boot")
  if (R > 0 && isTRUE(interaction)) need_averages(type, "boot")
  type
}

mediation_type <- function(type, joint) {
  if (is.null(type)) return(if (joint) "parallel" else "separate")
  type <- check_first(type, c("separate", "parallel", "serial"), "type")
  if (joint && type != "parallel") {
    stop_arg("joint", sprintf("is TRUE, and `type` is %s", dQuote(type, FALSE)),
             "Leave `joint` out")
  }
  type
}

first_regressor <- function(formula) {
  deparse_one(split_sum(parse_formula(formula)$regressors[[1L]])[[1L]])
}

# R codes a logical in an interaction by itself: as 0 and 1 it would make another model.
check_logical_treat <- function(formula, data, treat) {
  if (length(treat) != 1L || !is.logical(data[[treat]])) return(invisible())
  terms <- split_sum(parse_formula(formula)$regressors[[1L]])
  others <- Filter(function(term) treat %in% all.vars(term) && deparse_one(term) != treat, terms)
  if (length(others)) {
    stop_arg("treat", sprintf("is the logical `%s`, which stands in `%s` too", treat,
                              deparse_one(others[[1L]])),
             "Convert it with as.numeric() first")
  }
}

# Logical treatments and mediators become 0 and 1.
numeric_columns_of <- function(data, vars) {
  for (v in intersect(vars, names(data))) {
    if (is.logical(data[[v]])) data[[v]] <- as.double(data[[v]])
  }
  data
}

# The name of a column's coefficient, with backticks where R's terms have them.
coef_name <- function(v) deparse(as.name(v), backtick = TRUE)

coef_of <- function(model, v) coef(model)[[coef_name(v)]]

# ---- fitting -------------------------------------------------------------------------------------

# -> list(fits, paths, center). A moderator is centred over the rows that a first fit uses.
fit_mediation <- function(formula, data, request, settings, env, extra) {
  data <- numeric_columns_of(data, c(request$treat, request$mediators, request$moderator))
  fit <- function(data) {
    setup <- do.call(model_setup, c(list(formula, data, settings, env), extra))
    paths <- plan_mediation(setup, request)
    list(paths = paths, fits = run_plan(setup, paths$plan))
  }
  center <- 0
  if (request$centers) {
    m <- suppressWarnings(fit(data), classes = "fe_warning")$fits[[1L]]
    center <- stats::weighted.mean(take_rows(data[[request$moderator]], m$rows), row_weights(m))
    data[[request$moderator]] <- data[[request$moderator]] - center
  }
  c(once_warned(fit(data)), center = center)
}

# Equations of one design warn alike: one of them is enough.
once_warned <- function(expr) {
  said <- character()
  withCallingHandlers(expr, fe_warning = function(w) {
    if (conditionMessage(w) %in% said) invokeRestart("muffleWarning")
    said <<- c(said, conditionMessage(w))
  })
}

new_mediation <- function(fitted, request, call) {
  fits <- fitted$fits
  k <- length(request$mediators)
  b <- fits[-seq_len(k + 1L)]
  names(b) <- vapply(request$sets, paste, "", collapse = "+")
  models <- list(total = fits[[1L]],
                 a = stats::setNames(fits[1L + seq_len(k)], request$mediators), b = b)
  out <- c(list(models = models, call = call, outcome = fits[[1L]]$outcome,
                edges = fitted$paths$edges, exact = fitted$paths$exact, center = fitted$center),
           request[c("treat", "mediators", "type", "sets", "interaction", "paths")])
  out["moderator"] <- request["moderator"]
  out$joint <- request$type == "parallel"
  out <- structure(out, class = "fe_mediate")
  out$theta <- path_coefficients(out)
  check_paths_estimable(out)
  out
}

# What follows from the fits: values, averages, effects, variance.
complete_mediation <- function(x, values, levels, mediator_value) {
  if (is.null(x$moderator)) stop_unused(values, "values", "there is no `moderator`")
  if (!x$interaction) stop_unused(mediator_value, "mediator.value", "`interaction` is FALSE")
  if (!is.null(x$moderator)) {
    m <- x$models$total
    x$observed <- take_rows(m$data[[x$moderator]], m$rows) + x$center
    x$points <- mediation_points(x$observed, m, values)
  }
  x$levels <- levels
  if (x$interaction) {
    x$means <- sample_averages(x)
    x$mediator_value <- mediator_values(x, mediator_value)
  }
  x$coefficients <- theta_values(x)
  x$variance <- path_variance(x)
  x$definitions <- define_effects(x)
  x$identity <- check_identity(x)
  x
}

mediator_values <- function(x, given) {
  out <- stats::setNames(x$means[paste0("mean:", x$mediators)], x$mediators)
  if (is.null(given)) return(out)
  if (!is.numeric(given) || is.null(names(given)) || !all(names(given) %in% x$mediators) ||
      !all(is.finite(given))) {
    stop_arg("mediator.value", paste("must be finite numbers named after", quote_list(x$mediators)))
  }
  out[names(given)] <- given
  out
}

resample_mediation <- function(x, R, boot, cluster, seed, threads, progress) {
  check_flag(progress, "progress")
  if (R == 0) {
    stop_unused(cluster, "cluster", "R is 0 and nothing is drawn",
                "Write vcov = ~country for clustered standard errors")
  }
  if (R > 0) {
    x$boot <- fe_boot(x, R, type = boot, cluster = cluster, threads = threads, progress = progress,
                      seed = seed)
  }
  if (R == 0 && x$ci %in% boot_intervals) x$ci <- x$method
  if (x$ci == "montecarlo" || !is.null(seed)) x$seed <- check_seed(seed)
  x$intervals <- mediation_intervals(x)
  x$effects <- mediation_effects(x)
  x
}

# ---- the identity --------------------------------------------------------------------------------

check_identity <- function(x) {
  if (x$interaction) return(NA_real_)
  at <- if (is.null(x$moderator)) 0 else centred(x, x$points$value)
  gap <- max(vapply(at, function(w) max(identity_gaps(x, w)), 0))
  size <- max(abs(x$coefficients))
  if (isTRUE(x$exact) && gap > 1e-8 * size) {
    warn_user(sprintf("the identity c = c' + a*b fails by %.3g: ", gap),
              "the equations are not of one sample and design")
  }
  gap
}

# |c - c' - indirect effects| of each outcome equation, at the moderator's value w.
identity_gaps <- function(x, w) {
  theta <- as_draw(x$coefficients)
  routes <- mediation_routes(x)
  through <- vapply(routes, function(route) {
    product_sums(list(route_product(x, route, w)), theta)
  }, 0)
  direct <- x$edges$name[x$edges$kind == "direct"]
  value <- function(name) form_values(edge_form(x, name, w), theta)
  if (x$type != "separate") through <- sum(through)
  abs(value("total") - vapply(direct, value, 0) - through)
}
