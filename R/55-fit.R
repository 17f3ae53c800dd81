# The estimator: the stages in their order.

#' Linear models with absorbed fixed effects
#'
#' Ordinary or weighted least squares of one or several outcomes on regressors and any number of
#' fixed effects, which are absorbed. One call estimates several models: several outcomes, stepwise
#' regressors, split samples.
#'
#' @section The formula:
#' `y ~ x1 + x2 | country + year`: regressors, then fixed effects. Regressors may be anything that
#' [stats::lm()] takes (`log(x)`, `poly(x, 2)`, factors, interactions, `offset(z)`), and [i()].
#' `a^b` among the fixed effects is the combination of two identifiers. `id[x]` stands for effects
#' of `id` and a slope of `x` of its own in every level of `id`; `id[[x]]` for the slopes alone;
#' `id[x, z]` for two slope variables. Slope variables are numeric, logical, dates or times, and
#' must vary in the sample. Slopes are absorbed like effects; their degrees of freedom are the rank
#' of their columns, so that `id[year] + year` counts nothing twice. If all fixed effects are slopes
#' only, the model has a constant. `c(y1, y2)` on the left gives a model for each outcome. Among the
#' regressors (or fixed effects) `sw(a, b)` gives a model with `a` and one with `b`, `csw(a, b)` one
#' with `a` and one with `a + b`; `sw0()` and `csw0()` begin with a model that has neither. Without
#' a bar the model has a constant, as in `lm()`.
#'
#' @section Instruments:
#' `y ~ x | country + year | e1 + e2 ~ z1 + z2`, or `y ~ x | e ~ z` without fixed effects: two-stage
#' least squares. `e1` and `e2` are endogenous, `z1` and `z2` their instruments, `x` is exogenous and
#' its own instrument. With P the projection on the residuals of exogenous regressors and instruments
#' from the effects, \eqn{\hat X = P\tilde X}{X^ = P X~},
#' \deqn{b = (\hat X'W\hat X)^{-1}\hat X'W\tilde y,\quad u = \tilde y - \tilde X b.}{
#' b = (X^'WX^)^-1 X^'W y~, u = y~ - X~ b.}
#' Variances are those of [vcov.fe_lm()] with \eqn{\hat X}{X^} for \eqn{\tilde X}{X~} and the
#' structural residuals u; leverages, in `"HC2"`, `"HC3"`, `"CR2"` and `"CR3"`, are those of the
#' second stage, \eqn{\hat X(\hat X'W\hat X)^{-1}\hat X'W}{X^(X^'WX^)^-1 X^'W} with the effects, as
#' in clubSandwich for AER's `ivreg`, the first stage being taken as given. sandwich on an `ivreg`
#' has other `"HC2"` and `"HC3"`: it takes the diagonal of
#' \eqn{X(\hat X'\hat X)^{-1}\hat X'}{X(X^'X^)^-1 X^'}, whose numbers may be negative. R2,
#' sigma and the sums of squares are of u, so that R2 may be negative. There is no likelihood.
#' Instruments that are collinear are left out with a warning; fewer of them than endogenous
#' regressors is an error. `sw()` and its kin work in this part too. The print gives the first-stage
#' F, which [glance()] has as `first.stage.F` (the smallest); see [fe_iv_tests()] for the tests and
#' [fe_first_stage()] for the regressions. The bootstrap is that of pairs, see [fe_boot()];
#' `"CR3J"`, bootstraps of residuals, `anova()` and tests of effects are for least squares only.
#'
#' @section Estimates:
#' With \eqn{\tilde X, \tilde y}{X~, y~} the residuals of regressors and outcome from the fixed
#' effects (see [fe_demean()]),
#' \eqn{b = (\tilde X'W\tilde X)^{-1}\tilde X'W\tilde y}{b = (X~'WX~)^-1 X~'W y~}, computed by
#' orthogonal triangularisation. Regressors that are linear combinations of the fixed effects and of
#' the regressors before them are left out with a warning, whatever their units.
#'
#' @section Weights:
#' Estimates are the same under both types; what they say of the number of observations is not, and
#' the numbers cannot tell which is meant.
#'
#' `"analytic"` (Stata's aweights, what [stats::lm()] takes): a row is one observation whose error
#' has the variance \eqn{\sigma^2 / w_i}{sigma^2 / w_i}, such as a mean over \eqn{w_i}{w_i} persons.
#' n is the number of rows, and multiplying all weights by a constant changes no standard error. The
#' residual standard error is that of an observation of weight one, as in `lm()`; Stata's is that
#' of one of average weight.
#'
#' `"frequency"` (Stata's fweights): a row stands for \eqn{w_i}{w_i} identical observations, and
#' \eqn{w_i}{w_i} is a whole number. Every figure is that of the data with each row written
#' \eqn{w_i}{w_i} times: n is \eqn{\sum w_i}{sum w_i} in degrees of freedom, small-sample factors,
#' likelihood and information criteria; in the meat of `"HC0"` to `"HC3"` a row is \eqn{w_i}{w_i}
#' terms \eqn{e_i^2 \tilde x_i \tilde x_i'}{e_i^2 x~_i x~_i'} (analytic: one such term, times
#' \eqn{w_i^2}{w_i^2}), and its leverage is that of one of them; a row of weight two or more is no
#' singleton. What has an element a row (residuals, fitted values, leverages) still has one a row,
#' and `n_rows` counts them.
#'
#' @section The constant beside fixed effects:
#' `intercept` adds a coefficient `(Intercept)` with its standard error under the chosen variance:
#' `"lsdv"`, the constant of the regression on dummies whose base is the first level of each factor
#' (numeric order, level order, or the order of characters in the C locale); `"mean"`, reghdfe's,
#' \eqn{\bar y - \bar x'b}{ybar - xbar'b}; `"within"`, that of Stata's xtreg and areg: the effects
#' of the first factor average zero over the rows, those of the others are zero in their first
#' level. Each is a linear functional of the effects; its influence on row i is
#' \eqn{x_{0i} - \tilde x_i' (\tilde X'W\tilde X)^{-1} X'Wx_0}{x0_i - x~_i'(X~'WX~)^-1 X'W x0},
#' where \eqn{x_0 = D(D'WD)^- d_0}{x0 = D(D'WD)^- d0} represents the functional. Where levels of a
#' factor lie within the clusters, its standard error leaves the uncertainty of their effects out,
#' with a warning (see [fixef.fe_lm()]).
#'
#' @param formula see below; also a string, or a variable that holds either.
#' @param data a data frame with one row an observation.
#' @param vcov the variance: `"iid"`, `"HC0"`, `"HC1"` (default; also `"hetero"`), `"HC2"`, `"HC3"`,
#'   a one-sided formula of clusters (`~country`, `~country + year` for two-way, `~country^year`),
#'   `"cluster"` (by the first fixed effect), `"twoway"` (by the first two), `"CR0"`, `"CR1"`,
#'   `"CR1S"`, `"CR2"`, `"CR3"`, `"CR3J"`, a formula such as `CR0 ~ country`, `NW(2) ~ country +
#'   year` (Newey-West), `DK(2) ~ year` (Driscoll-Kraay), `conley(100) ~ lat + lon`, `pairs(R = 999)
#'   ~ country`, `wild(R = 999) ~ country`, a matrix, or a function of the model. Rows in which a
#'   variable of the formula is missing are left out. See [vcov.fe_lm()].
#' @param weights `NULL`, or weights: a one-sided formula, a column of `data`, or a vector of n
#'   numbers that are not negative. Rows of weight zero are left out.
#' @param weights_type what `weights` are: `"analytic"` (default) or `"frequency"`; see below.
#' @param subset `NULL`, or rows to use: an expression evaluated in `data`, logical or row numbers.
#' @param split `NULL`, or what parts the sample, a one-sided formula, names of columns or a vector:
#'   a model for each of its values. `~a + b` gives the parts by `a`, then those by `b`; `~a^b` a
#'   model for every combination of their values; anything else is evaluated, as in
#'   `~(age > 40)`. Parts are in the order of levels of a factor, else sorted; rows in which the
#'   variable is missing are in no part.
#' @param fsplit like `split`, with a model of the full sample first: of all rows in which the
#'   variables of `fsplit` are known.
#' @param intercept `"none"` (default), `"lsdv"`, `"mean"` or `"within"`; see below. Only with fixed
#'   effects.
#' @param ssc small-sample convention, made by [fe_ssc()].
#' @param offset `NULL`, or a known component of the outcome, written like `weights`.
#' @param common_sample `TRUE`: all models of the call use the rows on which every variable of every
#'   one of them is known, so that stepwise columns differ by their regressors only. Default
#'   `FALSE`.
#' @param singletons `"drop"` (default): rows alone in a level of a fixed effect are left out, again
#'   and again until none is left; they carry no information on the slopes. `"keep"` counts them.
#' @param control numerical settings, made by [fe_control()].
#' @param threads number of threads, at least 1; default [fe_threads()].
#' @param lean `TRUE`: keep neither the data nor anything as long as the rows. Methods that need
#'   them say so.
#' @param panel.id `NULL`, or unit and time of a panel, `~unit + time` or two names of columns, which
#'   `l()`, `f()` and `d()` go by, in the formula and in other arguments (see [fe_lag()]).
#' @return a model of class `fe_lm`, or for several models a list of them of class `fe_lm_list`.
#'   Elements of a model for programs: `coefficients`, `vcov` (matrix), `vcov_info` (type, label,
#'   factor, df, clusters), `bread` \eqn{(\tilde X'W\tilde X)^{-1}}{(X~'WX~)^-1}, `residuals`,
#'   `nobs` (n), `n_rows` (rows used: n without frequency weights), `rank` (all parameters, K),
#'   `effects_rank`, `df.residual` (n - K), `rss`, `tss`, `tss_within`, `collinear` (regressors left
#'   out), `dropped` (see [fe_rows()]), `absorption` (solver, iterations, residual).
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
                  threads = NULL, lean = FALSE, weights_type = c("analytic", "frequency"),
                  fsplit = NULL, panel.id = NULL) {
  call <- match.call()
  settings <- model_settings(vcov, ssc, intercept, common_sample, singletons, control,
                             threads, lean, call)
  setup <- model_setup(formula, data, settings, parent.frame(), weights = substitute(weights),
                       subset = substitute(subset), split = substitute(split),
                       offset = substitute(offset), weights_type = weights_type,
                       fsplit = substitute(fsplit), panel.id = panel.id)
  fits <- run_plan(setup, plan_models(parse_formula(setup$formula)))
  if (length(fits) == 1L) fits[[1L]] else new_model_list(fits, call)
}

model_settings <- function(vcov, ssc, intercept, common_sample, singletons, control, threads, lean,
                           call) {
  list(vcov = vcov, ssc = check_ssc(ssc), threads = check_threads(threads),
       intercept = check_first(intercept, c("none", "lsdv", "mean", "within"), "intercept"),
       singletons = check_first(singletons, c("drop", "keep"), "singletons"),
       control = check_control(control), lean = check_flag(lean, "lean"), call = call,
       common = check_flag(common_sample, "common_sample"))
}

# Everything that models of one call share. The arguments from weights to offset are expressions, as
# substitute() gives them, to be evaluated in the data.
model_setup <- function(formula, data, settings, env, weights = NULL, subset = NULL, split = NULL,
                        offset = NULL, weights_type = "analytic", fsplit = NULL,
                        panel.id = NULL) {
  formula <- as_formula(formula, env)
  data <- check_data(data)
  n <- nrow(data)
  panel <- check_panel_id(panel.id, data)
  formula <- expand_lags(formula, panel)
  frame <- new_frame(data, environment(formula), settings$threads, panel, formula = formula)
  value <- function(expr, arg) resolve_argument(expr, data, env, arg, frame$panel)
  frame$weighting <- check_first(weights_type, c("analytic", "frequency"), "weights_type")
  frame$weights <- check_weights(value(weights, "weights"), n)
  if (frame$weighting == "frequency") check_frequencies(frame$weights)
  frame$offset <- check_offset(value(offset, "offset"), n)
  if (!is.null(fsplit) && !is.null(split)) {
    stop_arg("fsplit", "is given beside `split`", "Give one of them, for instance fsplit = ~a + b")
  }
  groups <- if (is.null(fsplit)) split_groups(split, data, env, "split", frame$panel) else
    split_groups(fsplit, data, env, "fsplit", frame$panel)
  samples <- split_samples(check_subset(value(subset, "subset"), n), groups, n, !is.null(fsplit))
  list(formula = formula, frame = frame, samples = samples, settings = settings)
}

# One fit for each sample and planned model.
run_plan <- function(setup, plan) {
  fits <- say_once(lapply(setup$samples, function(sample) {
    withCallingHandlers(fit_sample(setup$frame, plan, sample, setup$settings),
                        fe_error = function(e) name_sample(e, sample$split))
  }))
  unlist(fits, recursive = FALSE)
}

# An error inside one part of a split says which.
name_sample <- function(e, split) {
  if (is.null(split)) return(invisible())
  e$message <- sprintf("In the sample %s: %s", split, conditionMessage(e))
  stop(e)
}
