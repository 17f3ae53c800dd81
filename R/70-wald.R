# Wald tests of hypotheses on coefficients.

#' Tests of hypotheses on coefficients
#'
#' Wald tests of one or several linear or nonlinear hypotheses under any variance of the model, and
#' the F test that fixed effects are zero.
#'
#' @section The statistic:
#' With q restrictions h(b) = r, their derivatives \eqn{J = \partial h / \partial b'}{J = dh/db'} at
#' the estimates (of linear ones the constant matrix) and the variance V,
#' \deqn{Q = (h(b) - r)' (J V J')^{-1} (h(b) - r).}{Q = (h(b) - r)' (J V J')^-1 (h(b) - r).}
#' \itemize{
#' \item `test = "F"`: Q/q in F(q, df), where df are the degrees of freedom that the model states
#'   for t: n - K, or G - 1 with clusters (Stata's `test`); where restrictions have df of their own,
#'   the smallest of those.
#' \item `test = "chisq"`: Q in \eqn{\chi^2(q)}{chi^2(q)}, and single restrictions by the normal
#'   distribution.
#' \item `test = "HTZ"`, for `"CR2"`: \eqn{\frac{\eta - q + 1}{\eta q} Q}{(eta - q + 1)/(eta q) Q}
#'   in F(q, eta - q + 1), with eta from the moments that the variance has when the working model
#'   (independent errors of one variance) is right, approximating it by a Wishart distribution
#'   (Pustejovsky and Tipton 2018). With one restriction that is the Satterthwaite t test.
#' }
#' By default `"HTZ"` where the variance is `"CR2"`, else `"F"`.
#'
#' Single restrictions have the standard error \eqn{\sqrt{j'Vj}}{sqrt(j'Vj)} (the delta method if
#' they are nonlinear) and t with the same df; where those differ from coefficient to coefficient,
#' with df of their own.
#' Nonlinear hypotheses: the same one written in two ways (`"x1 / x2 = 1"`, `"x1 = x2"`) gives
#' two statistics, which agree in large samples only (Gregory and Veall 1985); prefer the
#' form that is closest to linear.
#'
#' Restrictions that follow from the others are left out, and that is said; those that contradict
#' them are an error. A variance from G clusters has at most the rank G - 1, so that more
#' restrictions than that are an error too.
#'
#' @section Writing hypotheses:
#' Each element of a character vector is one of
#' \itemize{
#' \item the name of a coefficient or an expression: it equals `rhs`, by default zero;
#' \item an equation, `"x1 = x2"`, `"x1 + 2*x2 = 1"`, or a chain of them, `"x1 = x2 = x3"`;
#' \item a nonlinear equation, `"x1 * x2 = 1"`, `"exp(x1) / x2 = 3"`, with `+ - * / ^` and
#'   elementary functions (`exp`, `log`, `sqrt`, `sin`, `pnorm`, ...). Derivatives are analytic.
#' }
#' Nothing else is evaluated. Names need no quotes: text that spells a coefficient, such as
#' `(Intercept)`, `x1:x2`, `factor(g)b` or `year::2010`, stands for it; backticks make it plain.
#'
#' A matrix has a row for each restriction, and a column for each coefficient or for those that its
#' column names say. A one-sided formula, `~ x1 + factor(g)`, stands for all coefficients of these
#' terms of the model. A function takes the vector of coefficients and returns the values that equal
#' `rhs`; its derivatives are numeric. `keep` selects slopes by a regular expression.
#'
#' @section Fixed effects:
#' `fixef = "country"` tests that all effects of a factor (with several, or `TRUE`, of all of them)
#' are zero:
#' \deqn{F = \frac{(RSS_0 - RSS) / (K - K_0)}{RSS / (n - K)},}{
#'   F = ((RSS0 - RSS) / (K - K0)) / (RSS / (n - K)),}
#' where the restricted model has the same regressors, the other effects and a constant, and K are
#' exact ranks. It supposes independent errors of one variance, whatever variance the model has;
#' with normal errors it is exact, and without them valid for many units with few rows (Orme and
#' Yamagata 2006), but not under heteroskedasticity. With `vcov` or `cluster` it is a Wald test of
#' the dummies under that variance instead. Such a test exists for factors that cut across the
#' clusters and have fewer levels than there are clusters, such as years with clustering by country,
#' and under `"HC1"` and its kin for factors with at least 20 rows a level. It does not for factors
#' whose levels lie within clusters: the residuals of a level sum to zero, so that a clustered
#' variance of its effect would be zero. That is an error.
#'
#' @param object a model of class `fe_lm`; a list of models or a mediation (a result for each), a
#'   moderation (its interaction model), or a comparison made by [fe_equal()], whose coefficients
#'   are called `model:term`.
#' @param hypothesis `NULL` (all slopes are zero), or the hypotheses: see below.
#' @param rhs `NULL` (zero), or numbers: the value that each of the hypotheses says. Not for
#'   equations.
#' @param keep `NULL`, or a regular expression: all slopes whose names match it are zero.
#' @param fixef `NULL`, or `TRUE` or the names of factors whose effects are tested.
#' @param vcov,cluster,ssc the variance, as in [vcov.fe_lm()]; `NULL`: as estimated.
#' @param test `NULL` (see below), `"F"`, `"chisq"` or `"HTZ"`.
#' @param level confidence level of the intervals, default 0.95.
#' @param ... for lists of models, all other arguments; else it must be empty.
#' @return a list of class `c("fe_wald", "htest")`: `statistic`, `parameter` (`df1`, `df2`; for
#'   `"chisq"` `df`), `p.value`, `hypotheses` (q texts), and for each of them `estimate`,
#'   `null.value`, `std.error`, `df` (q numbers) and `conf.int` (q x 2); `jacobian` (q x k),
#'   `dropped` (restrictions left out), `test`, `method`, `data.name`, `vcov` (the variance in
#'   words), `nobs`. With `fixef`, nothing for single restrictions. `tidy()` gives a row for each
#'   restriction (`term`, `estimate`, `null.value`, `std.error`, `statistic`, `df`, `p.value`,
#'   `conf.low`, `conf.high`), `glance()` one for the joint test (`statistic`, `p.value`, `df`,
#'   `df.residual`, `test`, `nobs`, `vcov.type`).
#' @references Wald (1943) \doi{10.1090/S0002-9947-1943-0012401-3}; Pustejovsky and Tipton (2018)
#'   \doi{10.1080/07350015.2016.1247004}; Gregory and Veall (1985) \doi{10.2307/1913221}; Orme and
#'   Yamagata (2006) \doi{10.1111/j.1368-423X.2006.00191.x}.
#' @seealso [fe_equal()], [fe_hausman()], [fe_boottest()]; [anova()][anova.fe_lm()] for nested
#'   models.
#' @examples
#' m <- fe_lm(ln_upmf ~ ln_imdig + pgdp + fdi | country + year, digitrade, vcov = ~country)
#' fe_wald(m, c("pgdp", "fdi"))
#' fe_wald(m, "ln_imdig = 2*pgdp")
#' fe_wald(m, "ln_imdig / pgdp = 5", test = "chisq")
#' fe_wald(m, fixef = "country")
#' fe_wald(m, fixef = "year", cluster = "country")
#' @order 1
#' @export
fe_wald <- function(object, ...) UseMethod("fe_wald")

#' @rdname fe_wald
#' @export
fe_wald.fe_lm <- function(object, hypothesis = NULL, rhs = NULL, keep = NULL, fixef = NULL,
                          vcov = NULL, cluster = NULL, ssc = NULL, test = NULL, level = 0.95,
                          ...) {
  check_dots(...)
  check_level(level)
  given <- c("hypothesis", "keep", "fixef")[!c(is.null(hypothesis), is.null(keep), is.null(fixef))]
  if (length(given) > 1L) {
    stop_arg(given[1L], sprintf("is given, and so is `%s`", given[2L]), "Give one of them")
  }
  if (!is.null(fixef)) {
    if (!is.null(rhs)) stop_arg("rhs", "is given, but effects are tested to be zero")
    return(test_fixef(object, fixef, vcov, cluster, ssc, test))
  }
  m <- restated(object, vcov, cluster, ssc)
  b <- m$coefficients
  if (!length(b)) stop_arg("object", "has no coefficients to test")
  if (is.null(hypothesis)) hypothesis <- quote_name(chosen_slopes(b, keep))
  r <- restrictions(hypothesis, rhs, b, sizes_of(m), function(f) term_coefficients(m, f))
  wald_test(m, r, test, level)
}

#' @rdname fe_wald
#' @export
fe_wald.fe_lm_list <- function(object, ...) lapply(as.list(object), fe_wald, ...)

#' @rdname fe_wald
#' @export
fe_wald.fe_mediate <- function(object, ...) lapply(equations(object), fe_wald, ...)

#' @rdname fe_wald
#' @export
fe_wald.fe_moderate <- function(object, ..., vcov = NULL, cluster = NULL, ssc = NULL) {
  fe_wald(summary(object, vcov, cluster, ssc)$model, ...)
}

#' @export
fe_wald.default <- function(object, ...) {
  stop_arg("object", paste("must be a model of class fe_lm, not", describe_value(object)))
}

# Slopes, or those whose names match a regular expression.
chosen_slopes <- function(b, keep) {
  slopes <- setdiff(names(b), "(Intercept)")
  if (!length(slopes)) stop_arg("object", "has no slopes to test")
  if (is.null(keep)) return(slopes)
  if (!is.character(keep) || !length(keep) || anyNA(keep)) {
    stop_arg("keep", paste("must be a regular expression, not", describe_value(keep)))
  }
  found <- tryCatch(grepl(paste(keep, collapse = "|"), slopes, perl = TRUE),
                    warning = function(w) NULL, error = function(e) NULL)
  if (is.null(found)) {
    stop_arg("keep", sprintf("is %s, no regular expression", dQuote(keep[1L], FALSE)))
  }
  if (!any(found)) {
    stop_arg("keep", sprintf("is %s, which matches no slope", dQuote(keep[1L], FALSE)),
             paste("The slopes are", quote_list(slopes, 12L)))
  }
  slopes[found]
}

# Names of the coefficients of the terms of a one-sided formula.
term_coefficients <- function(m, formula) {
  if (length(formula) != 2L) {
    stop_arg("hypothesis", paste("is the two-sided formula", deparse_one(formula)),
             "Write a one-sided one, such as ~ x1 + x2")
  }
  asked <- attr(stats::terms(formula), "term.labels")
  design <- whole_design(m)
  known <- attr(m$terms, "term.labels")
  unknown <- setdiff(asked, known)
  if (length(unknown) || !length(asked)) {
    stop_arg("hypothesis", paste("names", quote_list(unknown), "which is no term of the model"),
             paste("The terms are", quote_list(known, 12L)))
  }
  out <- colnames(design)[attr(design, "assign") %in% match(asked, known)]
  out <- intersect(names(m$coefficients), out)
  if (!length(out)) {
    stop_arg("hypothesis", paste("names", quote_list(asked), "whose coefficients were left out as",
                                 "collinear"))
  }
  out
}

# ---- the test ------------------------------------------------------------------------------------

# m: a model; r: restrictions on its coefficients.
wald_test <- function(m, r, test, level) {
  test <- choose_test(m, test)
  r <- check_restrictions(r, sizes_of(m), m$vcov_info$G)
  J <- r$jacobian
  each <- if (test == "chisq") rep(Inf, nrow(J)) else restriction_df(m, J)
  df <- if (test == "HTZ") htz_df(m, J) else min(each)
  new_wald(r, m$vcov, df, each, test, level,
           list(data.name = deparse_one(m$formula), vcov = describe_vcov(m), nobs = m$nobs,
                type = m$vcov_info$label))
}

# Standard errors as the size of a step in each coefficient; where one is not known, that of
# independent errors.
sizes_of <- function(m) {
  se <- std_errors(m)
  lost <- is.na(se)
  se[lost] <- sqrt(independent_variance(m, names(se)[lost]))
  replace(se, is.na(se), 1)
}

choose_test <- function(m, test) {
  cr2 <- identical(m$vcov_info$type, "CR2")
  if (is.null(test)) return(if (cr2) "HTZ" else "F")
  check_choice(test, c("F", "chisq", "HTZ"), "test")
  if (test == "HTZ" && !cr2) {
    stop_arg("test", sprintf("is \"HTZ\", which needs the variance CR2, and this one is %s",
                             m$vcov_info$label),
             "Ask for vcov = CR2 ~ country, with your clusters")
  }
  test
}

check_restrictions <- function(r, se, G) {
  found <- independent_restrictions(r, se)
  q <- length(found$restrictions$text)
  if (exceeds_clusters(q, G)) {
    stop_arg("hypothesis", sprintf(paste("holds %d restrictions, and the variance clustered by",
                                         "`%s`, with %d clusters, has at most the rank %d"),
                                   q, names(G), as.integer(G), as.integer(G) - 1L),
             "Test fewer at once, or under another variance")
  }
  c(found$restrictions, list(dropped = found$dropped))
}

# The scores of G clusters sum to zero, so that their variance has at most the rank G - 1.
exceeds_clusters <- function(q, G) length(G) == 1L && q >= G

# Degrees of freedom of t of each restriction.
restriction_df <- function(m, J) {
  colnames(J) <- names(m$coefficients)
  rep_len(unname(functional_df(m, J)), nrow(J))
}

# eta of Pustejovsky and Tipton for the restrictions J b = r.
htz_df <- function(m, J) {
  cr2_htz(m, model_clusters(m)[[1L]], m$ssc, J)
}

# h'S^-1 h, NA if S is singular, in whatever units. -> list(Q, rank)
quadratic_form <- function(h, S) {
  size <- sqrt(diag(S))
  e <- eigen(S / outer(size, size), symmetric = TRUE)
  rank <- sum(e$values >= 1e-13 * max(e$values))
  Q <- if (rank == length(h)) sum(crossprod(e$vectors, h / size)^2 / e$values) else NA_real_
  list(Q = Q, rank = rank)
}

wald_quadratic <- function(h, S) {
  if (!all(is.finite(S)) || any(diag(S) <= 0)) {
    stop_arg("vcov", "gives a restriction a variance that is zero or not known",
             "Test another one, or under another variance")
  }
  form <- quadratic_form(h, S)
  if (is.na(form$Q)) {
    stop_arg("hypothesis", sprintf(paste("holds %d restrictions, and their variance has only the",
                                         "rank %d"), length(h), form$rank),
             "Test fewer at once, or under another variance")
  }
  form$Q
}

# Q of q restrictions -> statistic, parameter, p.value
wald_statistic <- function(Q, q, df, test) {
  if (test == "chisq") {
    return(list(statistic = c(`chi-squared` = Q), parameter = c(df = q),
                p.value = stats::pchisq(Q, q, lower.tail = FALSE)))
  }
  df2 <- if (test == "HTZ") df - q + 1 else df
  f <- if (test == "HTZ") df2 / (df * q) * Q else Q / q
  if (!isTRUE(df2 > 0)) {
    stop_arg("test", sprintf("is \"HTZ\", whose degrees of freedom for %d restrictions are %.3g", q,
                             df2), "Test fewer at once")
  }
  list(statistic = c(F = f), parameter = c(df1 = q, df2 = df2),
       p.value = stats::pf(f, q, df2, lower.tail = FALSE))
}

# r: checked restrictions; V: variance of the coefficients; df: of the joint test; each: of the
# single ones; more: elements to add.
new_wald <- function(r, V, df, each, test, level, more) {
  moved <- which(colSums(r$jacobian != 0) > 0) # of others the variance need not be known
  J <- r$jacobian[, moved, drop = FALSE]
  S <- J %*% V[moved, moved, drop = FALSE] %*% t(J)
  joint <- wald_statistic(wald_quadratic(r$estimate - r$null, S), nrow(S), df, test)
  se <- unname(sqrt(diag(S)))
  margin <- stats::qt(1 - (1 - level) / 2, each) * se
  ci <- cbind(r$estimate - margin, r$estimate + margin)
  dimnames(ci) <- list(r$text, level_names(level))
  own <- list(estimate = stats::setNames(r$estimate, r$text), std.error = se, df = unname(each),
              conf.int = structure(ci, conf.level = level), null.value = r$null,
              hypotheses = r$text, jacobian = r$jacobian, dropped = r$dropped, test = test,
              alternative = "two.sided",
              method = paste("Wald test", c(F = "(F)", chisq = "(chi-squared)",
                                            HTZ = "(HTZ)")[[test]]))
  structure(c(joint, own, more), class = c("fe_wald", "htest"))
}

# ---- methods -------------------------------------------------------------------------------------

#' @rdname fe_wald
#' @param x a result of class `fe_wald`.
#' @param digits significant digits to print.
#' @export
print.fe_wald <- function(x, digits = 5L, ...) {
  check_digits(digits)
  check_dots(...)
  cat(x$method, ": ", x$data.name, "\n", sep = "")
  cat("Variance: ", x$vcov, "\n\n", sep = "")
  if (is.null(x$estimate)) cat(x$hypotheses, "\n", sep = "") else {
    print(restriction_cells(x, digits), quote = FALSE, right = TRUE)
    if (length(x$dropped)) cat("Left out, as they follow from these:", quote_list(x$dropped), "\n")
    cat("\n")
  }
  cat(describe_joint(x), "\n", sep = "")
  invisible(x)
}

restriction_cells <- function(x, digits) {
  table <- tidy(x)
  out <- cbind(format_plain(table$estimate, digits), format_plain(table$null.value),
               format_plain(table$std.error, digits), format(round(table$statistic, 3L)),
               format_plain(table$df, 4L), format.pval(table$p.value, digits = 3L, eps = 1e-4),
               format_plain(table$conf.low, digits), format_plain(table$conf.high, digits))
  t <- if (x$test == "chisq") "z" else "t"
  dimnames(out) <- list(table$term, c("Estimate", "Null", "Std. error", t, "df", "p",
                                      colnames(x$conf.int)))
  if (length(unique(table$df)) > 1L) out else out[, colnames(out) != "df", drop = FALSE]
}

# "F(2, 62) = 3.21, p = 0.047"
describe_joint <- function(x) {
  p <- format.pval(x$p.value, digits = 4L, eps = 1e-16)
  sprintf("%s(%s) = %.5g, p %s", names(x$statistic),
          paste(format_plain(x$parameter, 5L), collapse = ", "), x$statistic,
          if (startsWith(p, "<")) p else paste("=", p))
}

#' @rdname fe_wald
#' @export
tidy.fe_wald <- function(x, ...) {
  check_dots(...)
  if (is.null(x$estimate)) {
    return(data.frame(term = x$hypotheses, statistic = unname(x$statistic), p.value = x$p.value))
  }
  t <- (unname(x$estimate) - x$null.value) / x$std.error
  data.frame(term = x$hypotheses, estimate = unname(x$estimate), null.value = x$null.value,
             std.error = x$std.error, statistic = t, df = x$df,
             p.value = 2 * stats::pt(-abs(t), x$df), conf.low = unname(x$conf.int[, 1L]),
             conf.high = unname(x$conf.int[, 2L]))
}

#' @rdname fe_wald
#' @export
glance.fe_wald <- function(x, ...) {
  check_dots(...)
  glance_test(x, nobs = x$nobs, vcov.type = x$type)
}

# One row on a test, and what is to stand beside it.
glance_test <- function(x, ...) {
  p <- unname(x$parameter)
  data.frame(statistic = unname(x$statistic), p.value = x$p.value, df = p[1L],
             df.residual = if (length(p) > 1L) p[2L] else NA_real_, test = x$test, ...)
}
