# Robustness: specifications round one baseline, in one call.

#' Robustness of a coefficient to the specification
#'
#' Estimates one coefficient in the baseline and in every specification of a list: other outcomes,
#' lags of the regressor, other controls, winsorised and trimmed data, sub-periods and subsets,
#' other fixed effects, other variances; and without each unit. What cannot be estimated stays in
#' the table with the reason.
#'
#' @section Specifications:
#' Each of the arguments from `outcomes` to `effects`, `instruments`, and a `vcov` that is a list is
#' a dimension with the baseline as its first choice. `combine = "each"` varies one dimension at a
#' time, `"all"` takes every combination of the choices; names of dimensions, such as
#' `combine = c("controls", "effects")`, combine these and vary the others one at a time. The names
#' are `"outcome"`, `"focal"`, `"controls"`, `"outliers"`, `"sample"`, `"effects"`, `"vcov"`, and for
#' a formula with instruments `"instruments"`; its other endogenous regressors are in every
#' specification.
#' Choices that are the same model are estimated once. Models with the same rows and fixed effects
#' share coding, absorption and decomposition; another variance is computed without another fit.
#'
#' @section Outliers:
#' With \eqn{q_p}{q_p} the p-quantile (type 7) of a variable over those rows of the baseline model
#' in which it is finite, `winsor = p` replaces values below \eqn{q_p}{q_p} and above
#' \eqn{q_{1-p}}{q_(1-p)} by these; `trim = p` leaves out the rows in which a value lies beyond
#' them. The rule is that of the baseline whichever sample a specification uses, and is applied to
#' the variables of the roles in `tails`, as they stand in the formula (`log(x)` is winsorised after
#' the logarithm, and so is `l(x, 1)` after the lag); a variable with at most two values, one that
#' is not numeric, and one that is also an effect or a cluster, are left alone. Trimming on the
#' outcome selects on the error and biases least squares.
#'
#' @section What a specification curve can claim:
#' It shows how far an estimate depends on choices that theory leaves open (Simonsohn, Simmons and
#' Nelson 2020). It is not a test. Specifications share their data, so that neither the number of
#' them that is significant nor its share is evidence of a number of independent results; thirty
#' variants of one bad design agree with each other. The inference of that paper, resampling under
#' the null hypothesis, is not computed here. A curve over specifications that are not equally
#' defensible, such as one with a control that is an outcome of the regressor, or one without a
#' confounder, averages right and wrong answers: the list has to be argued for, not the median.
#' Coefficients on another outcome are on another scale: they are shown, but counts, ranges and
#' medians are over specifications with the outcome of the baseline (`comparable`). Specifications
#' with another sample estimate the effect in another population; lags are another effect.
#'
#' @param formula `y ~ x + controls | fixed effects`: the baseline, one model; also with
#'   instruments, `y ~ controls | fixed effects | x ~ z`.
#' @param data a data frame.
#' @param focal the regressor of interest as it is written in the formula. Default: the first one,
#'   with instruments the first endogenous one.
#' @param outcomes `NULL`, or other outcomes: names of columns, or `~ y2 + log(y3)`.
#' @param lags `NULL`, or whole numbers k: x is replaced by `l(x, k)` (a negative k is a lead)
#'   wherever it stands among the regressors, and if it is endogenous, so is every instrument. Needs
#'   `panel.id`.
#' @param controls `NULL`; one or more of `"none"`, `"drop"` (without each one), `"one"` (each one
#'   alone; an offset always stays), `"step"` (the first one, two, ...), `"subsets"` (every subset,
#'   of at most 12); or a list, best with names, of one-sided formulas of the controls in place of
#'   the baseline's (`~1`: none).
#' @param always `NULL`, or controls that words in `controls` leave in: `~ z1 + z2` or their names.
#' @param winsor,trim `NULL`, or shares of each tail, strictly between 0 and 0.5, such as
#'   `c(0.01, 0.05)`.
#' @param tails the roles whose variables are winsorised and trimmed: of `"outcome"`, `"focal"`
#'   (both by default) and `"controls"`.
#' @param periods `NULL`, or a list, best with names, of `c(from, to)`, both included, or of three
#'   or more (or one) values of the time variable.
#' @param time the name of the time column of `periods`. Default: that of `panel.id`.
#' @param samples `NULL`, or a named list of subsets of the rows: one-sided formulas such as
#'   `~ pgdp > 10`, logical vectors, or row numbers. Rows in which the condition is `NA` are out.
#' @param effects `NULL`, or a list of one-sided formulas of fixed effects in place of the
#'   baseline's; `~0`: none.
#' @param vcov the variance as in [fe_lm()], or a list of them, best with names, of which the first
#'   is the baseline's. A variance by the fixed effects means those of the baseline in every model.
#' @param leave_out `NULL`, or one-sided formula of variables, `~country + year`: the baseline
#'   without each of their values. Above \eqn{2\cdot 10^7}{2e7} rows times values the coefficients
#'   are computed from the baseline, exactly, without standard errors.
#' @param combine `"each"` (default), `"all"`, or names of dimensions; see below.
#' @param level confidence level, default 0.95.
#' @param most the largest number of specifications, default 5000; more are an error.
#' @param panel.id,weights,weights_type,subset,ssc,singletons,control,threads as in [fe_lm()].
#' @param instruments `NULL`, or for a formula with instruments others in place of them: one or more
#'   of `"drop"` (without each one), `"one"` (each one alone), `"ols"` (none: least squares), or a
#'   list, best with names, of one-sided formulas (`~0`: least squares).
#' @return an object of class `fe_robust`: `specs`, a data frame with a row for each specification
#'   (`id`; `group`: the dimension that differs from the baseline, `"baseline"` or `"combined"`;
#'   `label`; a column for each dimension with its choice; `term`, `estimate`, `std.error`,
#'   `statistic`, `p.value`, `conf.low`, `conf.high`, `df`, `nobs`; `comparable`; `problem`: why
#'   there is no estimate, else `NA`; `note`: warnings of the fit, also those of the fixed effects
#'   that it shares with others, else `NA`); `leave_out`, a data frame (`variable`, `value` left out,
#'   then as in `specs`) or `NULL`; `baseline`, the model; `models`, the models of `specs` by label,
#'   without data (`NULL` where there is none); `choices`.
#'   [fe_table()] of it has a column for each model.
#' @references Simonsohn, Simmons and Nelson (2020) \doi{10.1038/s41562-020-0912-z}.
#' @examples
#' r <- fe_robust(ln_upmf ~ ln_imdig + pgdp + fdi + rd | country + year, digitrade,
#'                lags = 1:2, controls = c("none", "drop"), winsor = c(0.01, 0.05), trim = 0.01,
#'                periods = list(c(2008, 2013), c(2014, 2020)), samples = list(rich = ~developed),
#'                effects = list(~country, ~year), vcov = list("HC1", ~country),
#'                leave_out = ~country, panel.id = ~country + year)
#' r
#' summary(fe_robust(ln_upmf ~ ln_imdig + pgdp + fdi + rd | country + year, digitrade,
#'                   controls = "subsets", winsor = 0.01, combine = "all"))
#' @export
fe_robust <- function(formula, data, focal = NULL, outcomes = NULL, lags = NULL, controls = NULL,
                      always = NULL, winsor = NULL, trim = NULL, tails = c("outcome", "focal"),
                      periods = NULL, time = NULL, samples = NULL, effects = NULL, vcov = "HC1",
                      leave_out = NULL, combine = "each", level = 0.95, most = 5000,
                      panel.id = NULL, weights = NULL, subset = NULL, ssc = fe_ssc(),
                      singletons = c("drop", "keep"), control = fe_control(), threads = NULL,
                      weights_type = c("analytic", "frequency"), instruments = NULL) {
  call <- match.call()
  check_level(level)
  vcov <- variance_list(vcov)
  settings <- model_settings(vcov[[1L]], ssc, "none", FALSE, singletons, control, threads,
                             FALSE, call)
  setup <- model_setup(formula, data, settings, parent.frame(), weights = substitute(weights),
                       subset = substitute(subset), weights_type = weights_type,
                       panel.id = panel.id)
  base <- robust_baseline(setup, focal)
  base$tails <- check_tails(tails)
  choices <- list(outcome = outcome_choices(outcomes, base), focal = lag_choices(lags, base),
                  controls = control_choices(controls, always, base),
                  outliers = outlier_choices(winsor, trim),
                  sample = c(list(new_choice("all rows")), period_choices(periods, time, base),
                             sample_choices(samples, base)),
                  effects = effect_choices(effects, base), vcov = variance_choices(vcov, base))
  choices <- c(choices, instrument_choices(instruments, base))
  choices <- lapply(choices, distinct_choices)
  grid <- specification_grid(choices, combine, check_count(most, "most"))
  new_robust(grid, choices, base, run_specifications(grid, choices, base, level),
             leave_each_out(leave_out, base, level), level, call)
}

# -> list(frame, sample, settings, plan, focal (expression), name, controls (expressions), model,
# rows (of the data that the model uses))
robust_baseline <- function(setup, focal) {
  at <- focal_plan(setup, focal, "focal")
  free <- !at$endogenous
  free[at$at] <- FALSE
  others <- at$endogenous
  others[at$at] <- FALSE
  model <- check_focal(run_plan(setup, list(at$plan))[[1L]], at$name, "focal")
  list(frame = setup$frame, sample = setup$samples[[1L]], settings = setup$settings,
       plan = at$plan, focal = at$terms[[at$at]], name = at$name, controls = at$terms[free],
       instrumented = at$endogenous[at$at], endogenous = at$terms[others],
       instruments = split_sum(at$plan$instrumented$instruments),
       model = model, rows = data_rows(model, seq_len(model$n_rows)))
}

# ---- the grid ------------------------------------------------------------------------------------

# A row for each specification, a column for each dimension: the number of its choice.
specification_grid <- function(choices, combine, most) {
  known <- names(choices)
  if (!is.character(combine) || !length(combine) || anyNA(combine) ||
      !all(combine %in% c(known, "each", "all")) ||
      (length(combine) > 1L && any(combine %in% c("each", "all")))) {
    stop_arg("combine", paste("must be \"each\", \"all\" or names of dimensions, not",
                              if (is.character(combine)) quote_list(combine) else
                                describe_value(combine)),
             paste("The dimensions are", quote_list(known, 10L)))
  }
  n <- lengths(choices)
  crossed <- if (identical(combine, "all")) known else setdiff(combine, "each")
  size <- prod(n[crossed]) + sum(n[setdiff(known, crossed)] - 1)
  if (size > most) {
    stop_arg("combine", sprintf("makes %s specifications, and `most` is %s",
                                format(size, big.mark = ","), format(most, big.mark = ",")),
             "Ask for fewer choices, or set `most`")
  }
  across <- Map(function(k, name) if (name %in% crossed) seq_len(k) else 1L, n, known)
  grid <- as.matrix(expand.grid(across, KEEP.OUT.ATTRS = FALSE))
  alone <- lapply(setdiff(known, crossed), function(name) {
    rows <- matrix(1L, n[[name]] - 1L, length(known), dimnames = list(NULL, known))
    rows[, name] <- seq_len(n[[name]])[-1L]
    rows
  })
  unname_rows(do.call(rbind, c(list(grid), alone)))
}

unname_rows <- function(x) `dimnames<-`(x, list(NULL, colnames(x)))

# ---- the result ----------------------------------------------------------------------------------

new_robust <- function(grid, choices, base, fits, leave_out, level, call) {
  labels <- as.data.frame(lapply(stats::setNames(nm = names(choices)), function(name) {
    vapply(choices[[name]], `[[`, "", "label")[grid[, name]]
  }))
  changed <- grid != 1L
  count <- rowSums(changed)
  group <- ifelse(count == 0, "baseline", ifelse(count > 1, "combined",
                                                 names(choices)[max.col(changed, "first")]))
  label <- vapply(seq_len(nrow(grid)), function(s) {
    if (count[s]) paste(unlist(labels[s, changed[s, ]]), collapse = "; ") else "baseline"
  }, "")
  specs <- cbind(data.frame(id = seq_along(label), group = group, label = label), labels,
                 stack_rows(lapply(fits, `[[`, "row")))
  specs$comparable <- grid[, "outcome"] == 1L
  specs <- specs[c(setdiff(names(specs), c("problem", "note")), "problem", "note")]
  models <- stats::setNames(lapply(fits, `[[`, "model"), label)
  structure(list(specs = specs, leave_out = leave_out, baseline = base$model, models = models,
                 choices = lapply(choices, function(d) vapply(d, `[[`, "", "label")),
                 controls = lapply(choices$controls, function(one) {
                   vapply(one$value, deparse_one, "")
                 }), focal = base$name, level = level, call = call), class = "fe_robust")
}

# Data frames of one row, one below the other.
stack_rows <- function(rows) {
  names <- stats::setNames(nm = names(rows[[1L]]))
  as.data.frame(lapply(names, function(name) unlist(lapply(rows, `[[`, name), use.names = FALSE)))
}
