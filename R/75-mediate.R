# Mediation: the same sample, the same fixed effects, three kinds of equations.

#' Mediation under fixed effects
#'
#' Splits the coefficient of a treatment into the part that runs through mediators and the rest. All
#' equations have the same rows, controls, fixed effects and weights:
#' \deqn{y = c\,t + \ldots,\quad m_j = a_j t + \ldots,\quad y = c' t + b_j m_j + \ldots}{y = c t + ..., m_j = a_j t + ..., y = c' t + b_j m_j + ...}
#' The indirect effect is \eqn{a_j b_j}{a_j b_j}, the share mediated \eqn{a_j b_j / c}{a_j b_j / c}.
#' For least squares on one sample the identity
#' \eqn{c = c' + \sum_j a_j b_j}{c = c' + sum_j a_j b_j} holds exactly (the sum over the mediators
#' that stand in the same outcome equation); it is checked and reported.
#'
#' What it can claim: under fixed effects all four coefficients are about changes within units. The
#' product is a causal indirect effect only if, given the controls and effects, neither the
#' treatment nor the mediators are confounded with the outcome; that is an assumption, not a result.
#'
#' @section Standard errors and intervals:
#' Sobel (1982): \eqn{se = \sqrt{a^2 se_b^2 + b^2 se_a^2}}{se = sqrt(a^2 se_b^2 + b^2 se_a^2)}, with
#' the equations' own standard errors under `vcov`. Bootstrap: pairs of whole clusters, see
#' [fe_boot()]; percentile, basic, bias-corrected (bc) and accelerated (bca) intervals.
#'
#' @param formula `y ~ treat + controls | fixed effects`. Mediators must not stand in it.
#' @param data a data frame.
#' @param treat name of the treatment, one numeric regressor of the formula. Default: the first one.
#' @param mediators names of one or more numeric columns.
#' @param joint `FALSE` (default): each mediator alone in an outcome equation of its own, as in a
#'   stepwise table; `TRUE`: all of them together.
#' @param R bootstrap replicates, default 1999; 0 for none.
#' @param cluster what the bootstrap draws: a one-sided formula, a column name or a vector. Default:
#'   the clusters of `vcov`, else the first fixed effect, else rows.
#' @param ci type of the bootstrap interval that `print` and `tidy` show: `"percentile"` (default),
#'   `"basic"`, `"bc"` or `"bca"`. All four are in `intervals`.
#' @param level confidence level, default 0.95.
#' @param vcov,ssc,weights,weights_type,subset,intercept,singletons,control,threads as in [fe_lm()].
#' @param progress show a progress bar in long bootstraps?
#' @return an object of class `fe_mediate`: `effects` (a data frame with one row an effect: `effect`
#'   `"total"`, `"a"`, `"b"`, `"direct"`, `"indirect"`, `"share"`; `mediator`, `estimate`,
#'   `std.error`, `statistic`, `p.value`, `conf.low`, `conf.high`, `method`), `intervals` (every
#'   type of interval of every indirect effect and share), `identity` (largest |c - c' - sum a b|),
#'   `models` (`total`, `a`, `b`: the fitted equations), `boot` (see [fe_boot()]).
#' @references Sobel (1982) \doi{10.2307/270723}; MacKinnon, Lockwood and Williams (2004)
#'   \doi{10.1207/s15327906mbr3901_4}; Efron (1987) \doi{10.1080/01621459.1987.10478410}.
#' @examples
#' set.seed(1)
#' fe_mediate(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade,
#'            treat = "ln_imdig", mediators = c("ln_innov", "ln_inter"), R = 199)
#' @export
fe_mediate <- function(formula, data, treat = NULL, mediators, joint = FALSE, R = 1999,
                       cluster = NULL,
                       ci = c("percentile", "basic", "bc", "bca"), level = 0.95, vcov = "HC1",
                       ssc = fe_ssc(), weights = NULL, subset = NULL,
                       intercept = c("none", "lsdv", "mean", "within"),
                       singletons = c("drop", "keep"),
                       control = fe_control(), threads = NULL, progress = interactive(),
                       weights_type = c("analytic", "frequency")) {
  call <- match.call()
  ci <- check_choice(ci[1L], boot_intervals, "ci")
  check_level(level)
  check_count(R, "R", 0)
  settings <- model_settings(vcov, ssc, intercept[1L], TRUE, singletons[1L], control, threads,
                             FALSE, call)
  if (missing(mediators)) stop_arg("mediators", "is missing", "Name one or more columns of `data`")
  formula <- as_formula(formula, parent.frame())
  if (is.null(treat)) treat <- first_regressor(formula)
  data <- check_data(data)
  check_logical_treat(formula, data, treat)
  mediators <- unname(mediators)
  data <- numeric_columns_of(data, c(treat, mediators))
  setup <- model_setup(formula, data, settings, parent.frame(), weights = substitute(weights),
                       subset = substitute(subset), weights_type = weights_type[1L])
  paths <- plan_mediation(setup, treat, mediators, check_flag(joint, "joint"))
  fits <- run_plan(setup, paths$plan)
  out <- structure(list(models = sort_equations(fits, paths), treat = paths$treat,
                        mediators = mediators, joint = joint, ci = ci, level = level, call = call,
                        outcome = fits[[1L]]$outcome),
                   class = "fe_mediate")
  out$identity <- check_identity(out)
  if (R > 0) out$boot <- fe_boot(out, R, cluster = cluster, threads = threads, progress = progress)
  out$intervals <- mediation_intervals(out)
  out$effects <- mediation_effects(out)
  out
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

# ---- equations -----------------------------------------------------------------------------------

plan_mediation <- function(setup, treat, mediators, joint) {
  parsed <- parse_formula(setup$formula)
  if (max(lengths(parsed)) > 1L) {
    stop_arg("formula", "must be a single model: no c(), sw() or csw()")
  }
  data <- setup$frame$data
  terms <- split_sum(parsed$regressors[[1L]])
  names <- vapply(terms, deparse_one, "")
  if (length(treat) != 1L || !treat %in% names) {
    stop_arg("treat", sprintf("is %s, which is no regressor of the formula", quote_list(treat)),
             paste("Its regressors are", quote_list(names)))
  }
  check_numeric_columns(treat, data, "treat")
  check_numeric_columns(mediators, data, "mediators")
  taken <- intersect(mediators, c(names, deparse_one(parsed$outcomes[[1L]])))
  if (length(taken)) {
    stop_arg("mediators", paste("names", quote_list(taken), "which stands in the formula already"),
             "Leave it out of the formula")
  }
  equation <- function(outcome, added = NULL) {
    list(outcome = outcome, effects = parsed$effects[[1L]],
         regressors = join_sum(c(terms, lapply(added, as.name))))
  }
  # an offset is a known part of the outcome, and of no mediator
  path <- function(m) {
    of_outcome <- vapply(terms, is_call_of, NA, "offset")
    list(outcome = as.name(m), effects = parsed$effects[[1L]],
         regressors = join_sum(terms[!of_outcome]))
  }
  y <- parsed$outcomes[[1L]]
  sets <- if (joint) list(mediators) else as.list(mediators)
  plan <- c(list(equation(y)), lapply(mediators, path),
            lapply(sets, function(set) equation(y, set)))
  list(plan = plan, treat = treat, mediators = mediators, sets = sets)
}

sort_equations <- function(fits, paths) {
  k <- length(paths$mediators)
  b <- fits[-seq_len(k + 1L)]
  names(b) <- vapply(paths$sets, paste, "", collapse = "+")
  a <- stats::setNames(fits[1L + seq_len(k)], paths$mediators)
  models <- list(total = fits[[1L]], a = a, b = b)
  for (m in c(list(models$total), models$a, models$b)) {
    gone <- intersect(m$collinear, vapply(c(paths$treat, paths$mediators), coef_name, ""))
    if (length(gone)) {
      stop_arg(if (gone[1L] == coef_name(paths$treat)) "treat" else "mediators",
               paste("names", quote_list(gone),
                     "which is collinear with the other regressors and fixed effects"))
    }
  }
  models
}

# The outcome equation that a mediator stands in.
outcome_equation <- function(x, mediator) x$models$b[[if (x$joint) 1L else mediator]]

# Total, a, b, direct, indirect, share of one mediator as numbers, from a function get(model, term).
path_values <- function(x, mediator, get) {
  a <- get(x$models$a[[mediator]], x$treat)
  b <- get(outcome_equation(x, mediator), mediator)
  c(a = a, b = b)
}

check_identity <- function(x) {
  total <- coef_of(x$models$total, x$treat)
  indirect <- indirect_effects(x)
  gaps <- if (x$joint) total - coef_of(x$models$b[[1L]], x$treat) - sum(indirect) else
    vapply(x$mediators, function(m) {
      total - coef_of(outcome_equation(x, m), x$treat) - indirect[[m]]
    }, 0)
  gap <- max(abs(gaps))
  if (gap > 1e-8 * max(abs(c(total, indirect)))) {
    warn_user(sprintf("the identity c = c' + a*b fails by %.3g: ", gap),
              "the equations are not of one sample and design")
  }
  gap
}

indirect_effects <- function(x) {
  vapply(x$mediators, function(m) {
    prod(path_values(x, m, coef_of))
  }, 0)
}

# ---- bootstrap -----------------------------------------------------------------------------------

all_equations <- function(x) c(list(x$models$total), unname(x$models$a), unname(x$models$b))

# Replicates of the total, direct and indirect effects of every mediator.
boot_mediate <- function(x, cluster, request) {
  models <- all_equations(x)
  names <- lapply(models, setdiff_constant)
  first <- cumsum(c(0L, lengths(names)))
  position <- function(model, v) first[model] + match(coef_name(v), names[[model]])
  k <- length(x$mediators)
  at_total <- position(1L, x$treat)
  at <- t(vapply(seq_len(k), function(j) {
    outcome <- 1L + k + if (x$joint) 1L else j
    c(a = position(1L + j, x$treat), b = position(outcome, x$mediators[j]),
      direct = position(outcome, x$treat))
  }, numeric(3L)))
  statistic <- function(coefs) {
    a <- coefs[, at[, "a"], drop = FALSE]
    b <- coefs[, at[, "b"], drop = FALSE]
    total <- coefs[, at_total]
    out <- cbind(total, coefs[, at[, "direct"], drop = FALSE], a * b, a * b / total, rowSums(a * b))
    colnames(out) <- c("total", paste0("direct:", x$mediators), paste0("indirect:", x$mediators),
                       paste0("share:", x$mediators), "indirect:all")
    out
  }
  if (is.null(cluster) && !length(x$models$total$vcov_info$G) && length(x$models$total$factors)) {
    cluster <- factor_as_cluster(x$models$total)
  }
  boot_models(models, unlist(names, use.names = FALSE), by_rows(statistic), cluster, request)
}

factor_as_cluster <- function(m) {
  structure(list(coded = one_cluster(m$factors[1L])), class = "fe_coded")
}

mediation_intervals <- function(x) {
  if (is.null(x$boot)) return(NULL)
  shown <- grep("^(indirect|share|total|direct)", names(x$boot$t0), value = TRUE)
  rows <- lapply(boot_intervals, function(type) {
    ci <- if (type == x$ci) {
      confint.fe_boot(x$boot, parm = shown, level = x$level, type = type)
    } else quiet_interval(x, shown, type)
    data.frame(statistic = shown, type = type, conf.low = ci[, 1L], conf.high = ci[, 2L],
               row.names = NULL)
  })
  do.call(rbind, rows)
}

# An interval that was not asked for says nothing when the replicates do not give it: it is NA.
quiet_interval <- function(x, shown, type) {
  suppressWarnings(tryCatch(
    confint.fe_boot(x$boot, parm = shown, level = x$level, type = type),
    fe_error = function(e) matrix(NA_real_, length(shown), 2L)
  ), classes = "fe_warning")
}

# ---- effects -------------------------------------------------------------------------------------

sobel <- function(a, b, se_a, se_b) sqrt(a^2 * se_b^2 + b^2 * se_a^2)

coefficient_row <- function(model, term, effect, mediator, level) {
  row <- coef_table(model, level)
  row <- row[row$term == coef_name(term), ]
  data.frame(effect = effect, mediator = mediator, row[-1L], method = model$vcov_info$type)
}

mediation_effects <- function(x) {
  rows <- list(coefficient_row(x$models$total, x$treat, "total", NA_character_, x$level))
  for (m in x$mediators) {
    outcome <- outcome_equation(x, m)
    rows <- c(rows, list(coefficient_row(x$models$a[[m]], x$treat, "a", m, x$level),
                         coefficient_row(outcome, m, "b", m, x$level),
                         coefficient_row(outcome, x$treat, "direct", m, x$level)),
              indirect_rows(x, m))
  }
  out <- do.call(rbind, rows)
  if (x$joint) out <- out[!duplicated(out[c("effect", "estimate")]) | out$effect != "direct", ]
  rownames(out) <- NULL
  out
}

indirect_rows <- function(x, m) {
  estimate <- path_values(x, m, coef_of)
  se <- path_values(x, m, function(model, v) std_errors(model)[[coef_name(v)]])
  ab <- prod(estimate)
  s <- sobel(estimate[["a"]], estimate[["b"]], se[["a"]], se[["b"]])
  z <- stats::qnorm(1 - (1 - x$level) / 2)
  row <- data.frame(effect = "indirect", mediator = m, estimate = ab, std.error = s,
                    statistic = ab / s, p.value = 2 * stats::pnorm(-abs(ab / s)),
                    conf.low = ab - z * s,
                    conf.high = ab + z * s, method = "Sobel")
  share <- data.frame(effect = "share", mediator = m,
                      estimate = ab / coef_of(x$models$total, x$treat), std.error = NA_real_,
                      statistic = NA_real_, p.value = NA_real_, conf.low = NA_real_,
                      conf.high = NA_real_, method = "")
  if (is.null(x$boot)) return(list(row, share))
  list(row, booted_row(x, row, "indirect"), booted_row(x, share, "share"))
}

booted_row <- function(x, row, kind) {
  name <- paste0(kind, ":", row$mediator)
  ci <- x$intervals[x$intervals$statistic == name & x$intervals$type == x$ci, ]
  # a ratio has no moments, so its replicates have a spread but no standard error to report
  row$std.error <- if (kind == "share") NA_real_ else stats::sd(x$boot$t[, name], na.rm = TRUE)
  row$statistic <- row$p.value <- NA_real_
  row$conf.low <- ci$conf.low
  row$conf.high <- ci$conf.high
  row$method <- paste("boot", x$ci)
  row
}
