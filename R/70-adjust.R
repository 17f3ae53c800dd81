# Multiple testing: adjusted p-values of a family of coefficients.

#' Adjusting p-values for multiple testing
#'
#' Adjusts the p-values of a family of coefficients, of one model or of several (parts of a split
#' sample, segments, other outcomes), or of p-values given as numbers.
#'
#' @section Methods:
#' With S hypotheses and p-values \eqn{p_{(1)} \le \dots \le p_{(S)}}{p(1) <= ... <= p(S)}:
#' \describe{
#' \item{`"bonferroni"`}{\eqn{\min(1, S p)}{min(1, S p)}.}
#' \item{`"holm"`}{\eqn{\max_{k \le j} \min(1, (S - k + 1) p_{(k)})}{max over k <= j of min(1,
#'   (S-k+1) p(k))}: controls the probability of any false rejection under any dependence, like
#'   Bonferroni, and is never larger (Holm 1979).}
#' \item{`"hochberg"`}{the step-up version, valid under positive dependence (Hochberg 1988).}
#' \item{`"BH"`}{controls the false discovery rate, the expected share of rejections that are false,
#'   of independent or positively dependent tests (Benjamini and Hochberg 1995).}
#' \item{`"BY"`}{the same under any dependence (Benjamini and Yekutieli 2001).}
#' \item{`"romano-wolf"`}{controls the probability of any false rejection and uses the dependence of
#'   the statistics, which it takes from a bootstrap (Romano and Wolf 2005, 2016). With
#'   \eqn{|t_{(1)}| \ge \dots \ge |t_{(S)}|}{|t(1)| >= ... >= |t(S)|} and
#'   \eqn{m_j^b = \max_{k \ge j} |t^{*b}_{(k)}|}{m_j^b = max over k >= j of |t*b(k)|},
#'   \deqn{p_j = \max_{k \le j} \frac{n(m_k^b \ge |t_{(k)}|) + 1}{B + 1},}{p_j = max over k <= j of
#'     (n(m_k^b >= |t(k)|) + 1) / (B + 1),} n() the number of replicates b in which that is so.
#'   Bootstrap p-values without adjustment, `p.boot`, are
#'   \eqn{(n(|t^{*b}| \ge |t|) + 1)/(B + 1)}{(n(|t*b| >= |t|) + 1) / (B + 1)}. Where all sign
#'   vectors are enumerated, the sample is one of them and nothing is added.}
#' }
#'
#' @section The bootstrap:
#' Every model sees the same draw: clusters are those of the rows of all models together, one weight
#' each, whether a model uses the cluster or not. Statistics are t with standard errors clustered by
#' what is drawn (CR0 times the model's small-sample factor).
#' \describe{
#' \item{`"wild"`}{the wild cluster bootstrap of [fe_boottest()]. With `impose_null = TRUE` the
#'   residuals of a hypothesis satisfy it, \eqn{t^* = b^*/s^*}{t* = b*/s*} in that world;
#'   with `FALSE`, unrestricted residuals and \eqn{t^* = (b^* - b)/s^*}{t* = (b* - b)/s*}.}
#' \item{`"pairs"`}{whole clusters drawn with replacement, as in [fe_boot()], with
#'   \eqn{t^* = (b^* - b)/s^*}{t* = (b* - b)/s*} (Clarke, Romano and Wolf 2020).}
#' }
#' Replicates in which a statistic does not exist are left out for all of them, and counted.
#'
#' @param ... models of class `fe_lm`, lists of them, [fe_heterogeneity()] objects or others that
#'   hold such models; or one numeric vector of p-values, whose names are kept.
#' @param terms names of the coefficients of the family; a name counts in every model that has it.
#'   `NULL`: those of an [fe_heterogeneity()] object, or the only slope of a model.
#' @param method one or more of `"bonferroni"`, `"holm"` (default), `"hochberg"`, `"BH"`, `"BY"` and
#'   `"romano-wolf"`.
#' @param type for `"romano-wolf"`: `"wild"` (default) or `"pairs"`, which is for models with
#'   instruments too.
#' @param B number of replicates, default 9999. If Rademacher weights have at most `B` distinct
#'   values, all of them are used.
#' @param cluster what is drawn: `NULL` for the clusters of the models' variance, a one-sided
#'   formula, a column name, a vector as long as the data, or `"row"`.
#' @param weights of the wild bootstrap: `"rademacher"` (default), `"webb"`, `"mammen"`, `"norm"` or
#'   `"gamma"`.
#' @param impose_null `TRUE` (default) or `FALSE`, for `type = "wild"`.
#' @param vcov,ssc `NULL`, or another variance for the p-values, as in [vcov.fe_lm()].
#' @param seed `NULL`: drawn from R's generator; or a whole number.
#' @param threads number of threads, see [fe_threads()]; the numbers do not depend on it.
#' @param progress show a progress bar in long runs?
#' @return a list of class `fe_adjust`: `table`, a data frame with a row for each hypothesis
#'   (`model`, `term`, `estimate`, `std.error`, `statistic`, `p.value`, and `p.holm`, `p.BH`, ...,
#'   and of a bootstrap `p.boot`, `p.romano.wolf`), `methods`, `models`, and `boot`: `NULL` or a
#'   list (`t`, `t_boot` (B x hypotheses), `B`, `failed`, `enumerated`, `type`, `weights`,
#'   `impose_null`, `cluster`, `G`, `seed`). `tidy()` gives the table, `glance()` one row on
#'   the family.
#' @references Holm (1979), Scandinavian Journal of Statistics 6, 65-70; Hochberg (1988)
#'   \doi{10.1093/biomet/75.4.800}; Benjamini and Hochberg (1995)
#'   \doi{10.1111/j.2517-6161.1995.tb02031.x}; Benjamini and Yekutieli (2001)
#'   \doi{10.1214/aos/1013699998}; Romano and Wolf (2005) \doi{10.1198/016214504000000539};
#'   Romano and Wolf (2016) \doi{10.1016/j.spl.2016.02.012}; Clarke, Romano and Wolf (2020)
#'   \doi{10.1177/1536867X20976314}.
#' @examples
#' m <- fe_lm(ln_upmf ~ sw(ln_insur, ln_finan, ln_ict) + pgdp | country + year, digitrade,
#'            vcov = ~country)
#' set.seed(1)
#' fe_adjust(m, terms = c("ln_insur", "ln_finan", "ln_ict"), method = c("holm", "romano-wolf"),
#'           B = 999)
#' fe_adjust(c(a = 0.01, b = 0.04, c = 0.03), method = c("bonferroni", "BH"))
#' @order 1
#' @export
fe_adjust <- function(..., terms = NULL, method = "holm", type = c("wild", "pairs"), B = 9999,
                      cluster = NULL, weights = "rademacher", impose_null = TRUE, vcov = NULL,
                      ssc = NULL, seed = NULL, threads = NULL, progress = interactive()) {
  given <- list(...)
  method <- check_adjustments(method)
  if (length(given) == 1L && is.numeric(given[[1L]])) {
    other <- setdiff(names(match.call(expand.dots = FALSE))[-1L], c("...", "method"))
    if (length(other)) stop_unused(other, other[1L], "p-values are adjusted as they are")
    return(adjust_values(given[[1L]], method))
  }
  if (!"romano-wolf" %in% method) {
    why <- "only \"romano-wolf\" draws replicates"
    stop_unused(cluster, "cluster", why, "Write vcov = ~country for clustered p-values")
    stop_unused(seed, "seed", why)
  }
  family <- new_family(given, as.list(substitute(list(...)))[-1L], terms, vcov, ssc)
  asked <- list(type = check_first(type, c("wild", "pairs"), "type"),
                B = check_count(B, "B", 2, 1e7), cluster = cluster,
                kind = check_choice(weights, wild_weights, "weights"),
                impose_null = check_flag(impose_null, "impose_null"), seed = seed,
                threads = check_threads(threads), progress = check_flag(progress, "progress"))
  adjust_family(family, method, asked)
}

adjustment_methods <- c("bonferroni", "holm", "hochberg", "BH", "BY", "romano-wolf")

check_adjustments <- function(method, arg = "method") {
  if (!is.character(method) || !length(method) || !all(method %in% adjustment_methods)) {
    bad <- if (is.character(method)) setdiff(method, adjustment_methods)
    stop_arg(arg, paste0("must hold names among ", quote_list(adjustment_methods), ", not ",
                         if (length(bad)) quote_list(bad) else describe_value(method)))
  }
  unique(method)
}

# p-values as they are given.
adjust_values <- function(p, method) {
  bad <- which(is.na(p) | p < 0 | p > 1)
  if (length(bad) || !length(p)) {
    stop_arg("...", if (!length(p)) "holds no p-value" else
      sprintf("holds p-values that are NA or not between 0 and 1, at place %d", bad[1L]))
  }
  if ("romano-wolf" %in% method) {
    stop_arg("method", "is \"romano-wolf\", which needs the models and not their p-values")
  }
  names <- if (is.null(names(p))) paste0("p", seq_along(p)) else names(p)
  table <- data.frame(term = names, p.value = as.double(p))
  new_adjust(add_adjusted(table, method), method, NULL, NULL)
}

add_adjusted <- function(table, method) {
  for (name in setdiff(method, "romano-wolf")) {
    table[[paste0("p.", name)]] <- stats::p.adjust(table$p.value, name)
  }
  table
}

adjust_family <- function(family, method, asked) {
  table <- add_adjusted(family_table(family), method)
  boot <- NULL
  if ("romano-wolf" %in% method) {
    boot <- family_replicates(family, asked)
    p <- romano_wolf(boot)
    table$p.boot <- p$single
    table$p.romano.wolf <- p$stepdown
  }
  new_adjust(table, method, family$models, boot)
}

new_adjust <- function(table, method, models, boot) {
  structure(list(table = table, methods = method, models = models, boot = boot),
            class = "fe_adjust")
}

# ---- families ------------------------------------------------------------------------------------

# -> list(models (labelled list), at (data frame: model (number), term))
new_family <- function(given, written, terms, vcov = NULL, ssc = NULL, least = 1L) {
  if (!length(given)) stop_arg("...", "is empty", "Give models, or p-values")
  labels <- if (is.null(names(given))) rep("", length(given)) else names(given)
  parts <- Map(family_part, given, labels, written)
  models <- unlist(unname(lapply(parts, `[[`, "models")), recursive = FALSE)
  own <- unlist(unname(lapply(parts, function(p) {
    if (is.null(p$terms)) vector("list", length(p$models)) else p$terms
  })), recursive = FALSE)
  if (is.null(terms)) {
    chosen <- Map(function(m, t) if (is.null(t)) only_slope(m) else t, models, own)
  } else {
    chosen <- chosen_terms(models, terms)
  }
  models <- lapply(models, restated, vcov = vcov, ssc = ssc)
  bare <- names(models) == ""
  names(models)[bare] <- sprintf("(%d)", seq_along(models))[bare]
  at <- data.frame(model = rep(seq_along(models), lengths(chosen)),
                   term = as.character(unlist(chosen, use.names = FALSE)))
  list(models = models, at = at)
}

# -> list(models (named list), terms (a list for each of them, or NULL))
family_part <- function(x, label, expr) {
  if (inherits(x, "fe_moderate")) x <- x$model
  if (inherits(x, "fe_heterogeneity")) return(heterogeneity_family(x))
  if (inherits(x, "fe_lm")) {
    return(list(models = stats::setNames(list(x), given_label(x, label, expr))))
  }
  if (!is.list(x) || !length(x)) {
    stop_arg("...", paste("must hold models of class fe_lm, not", describe_value(x)))
  }
  models <- if (inherits(x, "fe_lm_list") || is.null(attr(x, "class"))) x else table_models(x)
  if (!all(vapply(models, inherits, NA, "fe_lm"))) {
    stop_arg("...", paste("must hold models of class fe_lm, not", describe_value(x)))
  }
  list(models = list_labels(models))
}

only_slope <- function(m) {
  slopes <- setdiff(names(m$coefficients), "(Intercept)")
  if (length(slopes) == 1L) return(slopes)
  stop_arg("terms", sprintf("is missing, and a model has %d slopes: which of them make the family?",
                            length(slopes)),
           paste("Name some of", quote_list(slopes, 12L)))
}

chosen_terms <- function(models, terms) {
  known <- unique(unlist(lapply(models, function(m) names(m$coefficients))))
  if (!is.character(terms) || !length(terms) || !all(terms %in% known)) {
    stop_arg("terms", paste("must name coefficients, not", if (is.character(terms)) {
      quote_list(setdiff(terms, known))
    } else describe_value(terms)), paste("The coefficients are", quote_list(known, 12L)))
  }
  chosen <- lapply(models, function(m) intersect(terms, names(m$coefficients)))
  none <- which(!lengths(chosen))
  if (length(none)) {
    stop_arg("terms", sprintf("names no coefficient of model %d (%s)", none[1L],
                              deparse_one(models[[none[1L]]]$formula)),
             "Leave the model out, or name a coefficient of it")
  }
  chosen
}

# A row for each hypothesis, under the variance of its model.
family_table <- function(family, level = 0.95) {
  rows <- Map(function(j, term) {
    table <- coef_table(family$models[[j]], level)
    cbind(data.frame(model = names(family$models)[j]), table[match(term, table$term), ])
  }, family$at$model, family$at$term)
  out <- do.call(rbind, rows)
  rownames(out) <- NULL
  out
}

# ---- Romano and Wolf -----------------------------------------------------------------------------

# boot: list(t, t_boot (B x S), enumerated) -> list(single, stepdown): p-values
romano_wolf <- function(boot) {
  t <- abs(boot$t)
  extra <- if (boot$enumerated) 0 else 1
  share <- function(x, t) (sum(x >= t * (1 - 1e-10)) + extra) / (length(x) + extra)
  draws <- abs(boot$t_boot)
  order <- order(t, decreasing = TRUE)
  stepdown <- single <- numeric(length(t))
  largest <- 0
  for (s in rev(order)) {
    largest <- pmax(largest, draws[, s])
    stepdown[s] <- share(largest, t[s])
    single[s] <- share(draws[, s], t[s])
  }
  stepdown[order] <- cummax(stepdown[order])
  list(single = single, stepdown = stepdown)
}
