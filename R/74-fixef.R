# Effects of the levels: estimates, linear functionals of them, their variances.

# ---- the effects of all levels -------------------------------------------------------------------

model_absorber <- function(m) new_absorber(m$factors, m$weights, m$control, m$threads)

# Vectors of effects hold a number for each level of the first term, then of the second, ...; a term
# is a factor, or a factor times a slope variable. -> list_terms() with, for each term, counts (its
# levels), starts (where they begin, less one), centre and size (the middle and the range of its
# variable where the factor has effects of its own, else 0 and the largest absolute value; or 0, 1).
effect_terms <- function(factors) {
  terms <- list_terms(factors)
  own <- vapply(factors, has_own_constant, NA)[terms$factor]
  ends <- vapply(terms$value, function(v) if (is.null(v)) c(-0.5, 0.5) else range(v), c(0, 0))
  terms$centre <- ifelse(own, colMeans(ends), 0)
  terms$size <- ifelse(own, ends[2L, ] - ends[1L, ], pmax(abs(ends[1L, ]), abs(ends[2L, ])))
  terms$counts <- unname(vapply(factors, `[[`, 0L, "n_levels"))[terms$factor]
  terms$starts <- cumsum(c(0L, terms$counts[-length(terms$counts)]))
  terms
}

count_effects_of <- function(factors) sum(effect_terms(factors)$counts)

# D gamma
sum_effects <- function(gamma, factors) {
  terms <- effect_terms(factors)
  Reduce(`+`, Map(function(start, f, slope) {
    part <- gamma[start + factors[[f]]$code]
    if (is.null(slope)) part else part * slope
  }, terms$starts, terms$factor, terms$value))
}

# One of the vectors gamma that solve the normal equations D'W D gamma = D'W x, refined once.
level_effects <- function(absorber, factors, x) {
  gamma <- ask_effects(absorber, x)
  rest <- x - sum_effects(gamma, factors)
  # of x in the span of D rounding errors are left, on which iterations may stall
  gamma + tryCatch(ask_effects(absorber, rest), error = function(e) {
    if (grepl("no convergence", conditionMessage(e))) 0 else stop(e)
  })
}

# Elements of the null space of D, a column each: z - (D'WD)^- D'W D z, z irregular numbers (slopes
# turn about the centre of their variable, so that D z is of order one). A functional d0'gamma is
# estimable if and only if d0'v = 0 for every v of the null space; that d0'v vanishes for three such
# v and d0 is not estimable would take a coincidence.
null_effects <- function(absorber, factors) {
  terms <- effect_terms(factors)
  size <- rep(terms$size, terms$counts)
  at <- seq_along(size)
  columns <- lapply(1:3, function(s) {
    z <- sin(12.9898 * at + 78.233 * s) * 43758.5453
    z <- turn_about_centre((z - floor(z)) / size, terms)
    z - level_effects(absorber, factors, sum_effects(z, factors))
  })
  do.call(cbind, columns)
}

# Slopes that leave the sum of effects where it was at the centre of their variables.
turn_about_centre <- function(z, terms) {
  for (t in which(terms$centre != 0)) {
    constant <- which(terms$factor == terms$factor[t] & is.na(terms$slope))
    at <- terms$starts[constant] + seq_len(terms$counts[constant])
    z[at] <- z[at] - terms$centre[t] * z[terms$starts[t] + seq_len(terms$counts[t])]
  }
  z
}

# Is it zero on the columns of null_effects()? values: d0'v in the units of the outcome, a row for
# each functional.
is_estimable <- function(values) rowSums(abs(values) > 1e-6) == 0

# Do the dummies have the rank that factors of one connected component have, so that sums over all
# factors and differences within a factor are all estimable?
is_regular <- function(m) {
  terms <- effect_terms(m$factors)
  isTRUE(m$absorption$exact_rank) && all(is.na(terms$slope)) &&
    m$effects_rank == sum(terms$counts) - (length(terms$counts) - 1)
}

# ---- components ----------------------------------------------------------------------------------

# Connected component of each level, of two factors or more: the levels of a row belong together.
# Numbered in the order of the levels of the first factor.
level_components <- function(factors) {
  joined <- factors[[1L]]
  for (f in factors[-1L]) {
    code <- pair_components(joined, f)[joined$code]
    joined <- list(code = code, n_levels = max(code))
  }
  unlist(lapply(factors, function(f) joined$code[match(seq_len(f$n_levels), f$code)]),
         use.names = FALSE)
}

# Components of the levels of `a` in the bipartite graph of a and b. All levels of one label take
# the smallest label next to any of them, then the label of that label, until none changes.
pair_components <- function(a, b) {
  pair <- !duplicated(a$code + as.double(a$n_levels) * (b$code - 1))
  a_code <- a$code[pair]
  b_code <- b$code[pair]
  smallest <- function(value, code, n) {
    at <- order(value, decreasing = TRUE, method = "radix")
    out <- integer(n)
    out[code[at]] <- value[at] # of several values for one code the last stays
    out
  }
  label <- seq_len(a$n_levels)
  repeat {
    b_label <- smallest(label[a_code], b_code, b$n_levels)
    new <- smallest(b_label[b_code], a_code, a$n_levels)
    new <- smallest(new, label, a$n_levels)[label]
    new <- new[new]
    if (identical(new, label)) return(match(label, unique(label)))
    label <- new
  }
}

# ---- normalisation -------------------------------------------------------------------------------

# Terms with one slope variable (or none) are a family, of which the first term is the carrier. The
# reference of a term in a component is a weighted mean of its effects: weight one on the first
# level, or the shares of the levels. Other terms than the carrier are measured from their
# reference, and the carrier takes the references of its family up, so that sums stay. With
# `against`, all levels of a term are measured from one of its own. -> list(terms; of each level:
# term, family, carrier (is its term one?), component, group (term and component), weight; against)
normalisation <- function(m, base, against = NULL) {
  terms <- effect_terms(m$factors)
  family <- match(terms$slope, terms$slope)
  regular <- is_regular(m)
  component <- lapply(seq_along(family), function(t) rep(1L, terms$counts[t]))
  for (t in if (!regular) unique(family[duplicated(family)])) {
    members <- which(family == t)
    found <- level_components(m$factors[terms$factor[members]])
    component[members] <- split(found, rep(seq_along(members), terms$counts[members]))
  }
  term <- rep(seq_along(family), terms$counts)
  norm <- list(terms = terms, term = term, family = family[term],
               carrier = family[term] == term, component = unlist(component), against = against)
  norm$group <- term + length(family) * (norm$component - 1)
  norm$weight <- if (base == "first") as.double(!duplicated(norm$group)) else {
    mass <- unlist(lapply(m$factors[terms$factor], level_mass, w = m$weights), use.names = FALSE)
    total <- rowsum(mass, norm$group, reorder = FALSE)
    mass / total[match(norm$group, unique(norm$group))]
  }
  norm
}

level_mass <- function(f, w) {
  if (is.null(w)) return(tabulate(f$code, f$n_levels))
  as.vector(rowsum(w, factor(f$code, seq_len(f$n_levels))))
}

# The normalised effects of chosen levels, given one solution for all of them. values: a matrix
# with a row for each level of every term.
normalise <- function(values, norm, at) {
  out <- values[at, , drop = FALSE]
  if (!is.null(norm$against)) return(out - values[rep(norm$against, length(at)), , drop = FALSE])
  groups <- unique(norm$group)
  reference <- rowsum(norm$weight * values, norm$group, reorder = FALSE)
  n_terms <- length(norm$terms$counts)
  for (t in unique(norm$term[!norm$carrier])) {
    family <- norm$family[match(t, norm$term)]
    place <- match(t + n_terms * (norm$component[at] - 1), groups)
    sign <- (norm$term[at] == family) - (norm$term[at] == t)
    moved <- which(sign != 0)
    out[moved, ] <- out[moved, ] + sign[moved] * reference[place[moved], ]
  }
  out
}

# The same as one functional d0 of a level.
normal_functional <- function(norm, l) {
  d0 <- numeric(length(norm$term))
  d0[l] <- 1
  if (!is.null(norm$against)) {
    d0[norm$against] <- d0[norm$against] - 1
    return(d0)
  }
  same <- norm$component == norm$component[l]
  if (!norm$carrier[l]) return(d0 - norm$weight * (same & norm$term == norm$term[l]))
  d0 + norm$weight * (same & norm$family == norm$family[l] & !norm$carrier)
}

# ---- variances of functionals --------------------------------------------------------------------

# A functional d0'gamma + v'b has on row i the influence x0_i + x~_i'B (v - c), where x0 = D(D'WD)^-
# d0 and c = X'W x0. Its variance follows from the meat of (x0, X~). -> list(own: meats of each x0;
# cross: with X~, a row for each functional; defect)
functional_moments <- function(m, absorber, functional, count) {
  x <- residual_design(m)
  k <- ncol(x)
  state <- functional_state(m)
  out <- list(own = numeric(count), cross = matrix(0, count, k), defect = numeric(count))
  size <- min(16, max(1, 4e6 %/% m$n_rows), count)
  design <- cbind(x, matrix(0, m$n_rows, size))
  for (first in seq(1L, by = size, length.out = ceiling(count / size))) {
    at <- first:min(first + size - 1L, count)
    for (j in at) {
      found <- ask_functional(absorber, functional(j))
      design[, k + 1L + j - first] <- found$x0
      out$defect[j] <- found$defect
    }
    meat <- state(design)
    own <- k + seq_along(at)
    out$own[at] <- diag(meat)[own]
    out$cross[at, ] <- meat[own, seq_len(k)]
  }
  out
}

check_variance_type <- function(m) {
  if (identical(m$vcov_info$type, "given")) {
    stop_arg("vcov",
             "of the model is a given matrix or function, which says nothing of the effects",
             "Use a variance type, for instance summary(object, vcov = \"HC1\")")
  }
}

# The residuals of a level sum to zero, so that a cluster which holds all rows of the level says
# nothing on its effect.
warn_enclosed <- function(m, terms, held = "the errors hold") {
  spec <- own_spec(m)
  clusters <- if (spec$type == "DK") list(spec$time) else spec$clusters
  factors <- m$factors[unique(effect_terms(m$factors)$factor[terms])]
  enclosed <- vapply(factors, function(f) any(vapply(clusters, is_nested, NA, inner = f)), NA)
  if (!any(enclosed)) return(invisible())
  warn_user("levels of ", quote_list(names(factors)[enclosed]), " lie within the clusters, which ",
            "therefore say nothing on their effects: ", held, " the uncertainty of the slopes and ",
            "of other factors only. Use another variance, such as \"HC1\"")
}

# The constant is a functional of the effects of all terms.
warn_constant <- function(m) {
  if (identical(m$vcov_info$type, "given")) return(invisible())
  warn_enclosed(m, seq_along(effect_terms(m$factors)$name), "the error of the constant holds")
}

# A function that gives the scaled meat of a design under the variance of the model.
functional_state <- function(m) {
  spec <- own_spec(m)
  entry <- vcov_registry[[spec$type]]
  s <- variance_state(m, spec, m$ssc, list(X = NULL))
  check_clusters(s)
  if (spec$type %in% c("HC2", "HC3")) {
    h <- s$h()
    s$h <- function() h
  }
  factor <- entry$scale(s)
  function(design) {
    s$X <- design
    if (!is.null(entry$meat)) return(factor * entry$meat(s))
    s$design <- list(X = design, bread = identity_bread(seq_len(ncol(design))))
    s$cache <- new.env(parent = emptyenv())
    entry$variance(s, s$design)
  }
}

# Variances of d0'gamma + v'b, given v - c in the rows of v and which functional each belongs to,
# from the variance that the slopes have in the model. With several cluster variables a variance can
# come out negative: NA, and said.
functional_variance <- function(m, moments, v, at = seq_len(nrow(v))) {
  slopes <- colnames(m$bread)
  out <- moments$own[at] +
    2 * rowSums((v %*% m$bread) * moments$cross[at, , drop = FALSE]) +
    rowSums((v %*% m$vcov[slopes, slopes, drop = FALSE]) * v)
  out[moments$defect[at] > 1e-6] <- NA
  negative <- which(out < 0)
  if (length(negative)) {
    warn_user(sprintf("%d of %d variances are negative under this type: their standard errors ",
                      length(negative), length(out)), "are NA")
    out[negative] <- NA
  }
  out
}

# (D'WD)^- D'W X, a row for each level: c = d0' of it.
slope_effects <- function(m, absorber) {
  x <- raw_design(m)
  out <- matrix(0, count_effects_of(m$factors), ncol(x))
  for (j in seq_len(ncol(x))) out[, j] <- level_effects(absorber, m$factors, x[, j])
  out
}

# ---- fixef() -------------------------------------------------------------------------------------

#' @importFrom nlme fixef
#' @export
nlme::fixef

#' Estimated fixed effects
#'
#' The effects of the levels of the absorbed factors,
#' \eqn{\hat\gamma = (D'WD)^{-} D'W (y - Xb)}{gamma = (D'WD)^- D'W (y - X b)}, normalised and, on
#' request, with their standard errors.
#'
#' @section Normalisation:
#' Data identify sums of effects over the factors, not each of them. Within each connected component
#' (levels that chains of rows connect), the first factor carries the level of the outcome, and the
#' effects of every other factor
#' \itemize{
#' \item `base = "first"`: are zero at its first level of the component. For connected data these
#'   are the coefficients of [stats::lm()] with `0 + factor(first) + factor(second) + ...` (fixest's
#'   `fixef()` takes some other level for the one that is zero);
#' \item `base = "mean"`: average zero over the rows (weights included) of the component.
#' }
#' Under either the effects of a row's levels add up to its \eqn{\hat y - x'b}{y^ - x'b}, offset
#' aside. `against` measures the levels of one factor from one of its own instead: differences of
#' two levels are the same under every normalisation.
#'
#' Effects of different components cannot be compared: column `component` says which one each
#' level is in, and `against` a level of another component gives `NA`. With three factors and more,
#' even effects of one component may not be estimable. That is tested: a functional d0 of the
#' effects is estimable if and only if it is zero on the null space of D. Effects that are not are
#' `NA`, with a warning. Varying slopes `id[x]` are normalised in the same way, among the terms that
#' share x.
#'
#' @section Standard errors:
#' A normalised effect is a linear functional \eqn{d_0'\hat\gamma}{d0'gamma} with the influence
#' \eqn{x_{0i} - \tilde x_i' (\tilde X'W\tilde X)^{-1} X'Wx_0}{x0_i - x~_i'(X~'WX~)^-1 X'W x0},
#' \eqn{x_0 = D(D'WD)^- d_0}{x0 = D(D'WD)^- d0}, on row i; its variance is that of the model
#' (`"iid"`, HC, clustered) between such influences, as for the slopes (see [vcov.fe_lm()]), and
#' exact. It takes one solve for each level. The effect of a level with few rows is estimated from
#' few rows, whatever n is: its distribution is normal only if the errors are, and variances other
#' than `"iid"` are of little use for it. Clustered by the factor itself, or by anything that its
#' levels lie within, they hold the uncertainty of the slopes only, since residuals sum to zero in
#' each level: a warning says so. Negative variances, which several cluster variables can give, are
#' `NA`, with a warning.
#'
#' @param object a model of class `fe_lm` with fixed effects; or a list of models, a moderation, a
#'   mediation; for `summary()` an object of class `fe_fixef`.
#' @param fe `NULL` for all factors, or names of some, as written in the formula.
#' @param levels `NULL` for all levels, or the levels of a single factor: values or labels.
#' @param se should standard errors be computed? Default `FALSE`. Without `levels`, for at most 1000
#'   levels (for any number with a single factor and `"iid"`).
#' @param base normalisation, `"first"` (default) or `"mean"`.
#' @param against `NULL`, or a level of a single factor, from which its effects are measured.
#' @param vcov,cluster,ssc the variance for `se = TRUE`, as in [vcov.fe_lm()]; `NULL`: as estimated.
#' @param ... must be empty.
#' @return a list of class `fe_fixef` with a named vector of effects for each factor; for a list of
#'   models (the equations of a mediation), a list of them. `tidy()` and `as.data.frame()` give a
#'   data frame with one row a level: `fe` (the factor), `level`, `estimate`, with `se = TRUE`
#'   `std.error`, `statistic`, `p.value` and the interval `conf.low`, `conf.high` (0 and `NA` for a
#'   level that is zero by normalisation), then `n` (observations of the level), `component` and
#'   `estimable`. Where coefficients have degrees of freedom of their own (Satterthwaite's), t of
#'   the effects has the smallest of them. `summary()` gives one row a factor, `plot()` a ggplot.
#' @seealso [predict.fe_lm()] for sums of effects.
#' @examples
#' m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade)
#' fixef(m)$year
#' tidy(fixef(m, "year", se = TRUE))
#' tidy(fixef(m, "year", levels = 2019, against = 2010, se = TRUE))
#' @exportS3Method nlme::fixef fe_lm
fixef.fe_lm <- function(object, fe = NULL, levels = NULL, se = FALSE, base = c("first", "mean"),
                        against = NULL, vcov = NULL, cluster = NULL, ssc = NULL, ...) {
  check_dots(...)
  need_full(object, "fixed effects")
  base <- check_first(base, c("first", "mean"), "base")
  check_flag(se, "se")
  chosen <- choose_levels(object$factors, fe, levels, against)
  m <- fixef_model(object, se, vcov, cluster, ssc)
  norm <- normalisation(m, base, chosen$against)
  absorber <- model_absorber(m)
  table <- effects_table(m, absorber, norm, chosen$at)
  if (se) {
    check_number_of_solves(m, chosen$at, !is.null(levels))
    table$std.error <- effects_errors(m, absorber, norm, chosen$at, table$estimable)
  }
  parts <- split(seq_len(nrow(table)), factor(table$fe, unique(table$fe)))
  out <- lapply(parts, function(rows) {
    stats::setNames(table$estimate[rows], table$level[rows])
  })
  structure(out, class = "fe_fixef", table = table, base = base, df = least_df(m),
            against = if (!is.null(against)) as.character(against), formula = m$formula,
            n_components = max(norm$component), terms = norm$terms[c("name", "slope")],
            vcov = if (se) describe_vcov(m))
}

#' @rdname fixef.fe_lm
#' @exportS3Method nlme::fixef fe_lm_list
fixef.fe_lm_list <- function(object, ...) lapply(as.list(object), fixef, ...)

#' @rdname fixef.fe_lm
#' @exportS3Method nlme::fixef fe_moderate
fixef.fe_moderate <- function(object, ...) fixef(object$model, ...)

#' @rdname fixef.fe_lm
#' @exportS3Method nlme::fixef fe_mediate
fixef.fe_mediate <- function(object, ...) lapply(equations(object), fixef, ...)

# The model under the variance that is asked for.
fixef_model <- function(m, se, vcov, cluster, ssc) {
  given <- c("vcov", "cluster", "ssc")[!c(is.null(vcov), is.null(cluster), is.null(ssc))]
  if (length(given) && !se) {
    stop_arg(given[1L], "is given, but no standard errors are asked for", "Add se = TRUE")
  }
  restated(m, vcov, cluster, ssc)
}

# Positions among all levels. -> list(at, against)
choose_levels <- function(factors, fe, levels, against) {
  if (!length(factors)) stop_arg("object", "has no fixed effects")
  terms <- effect_terms(factors)
  chosen <- choose_terms(fe, terms)
  if (length(chosen) > 1L && !(is.null(levels) && is.null(against))) {
    stop_arg(if (is.null(levels)) "against" else "levels",
             "is for a single factor, and `fe` holds several",
             sprintf("Name one of them: fe = \"%s\"", terms$name[chosen[1L]]))
  }
  find <- function(t, x, arg) {
    terms$starts[t] + find_levels(x, factors[[terms$factor[t]]], terms$name[t], arg)
  }
  at <- unlist(lapply(chosen, function(t) {
    if (is.null(levels)) terms$starts[t] + seq_len(terms$counts[t]) else find(t, levels, "levels")
  }))
  if (!is.null(against) && length(against) != 1L) {
    stop_arg("against", paste("must be one level, not", describe_value(against)))
  }
  list(at = at, against = if (!is.null(against)) find(chosen, against, "against"))
}

choose_terms <- function(fe, terms) {
  if (is.null(fe)) return(seq_along(terms$name))
  if (!is.character(fe) || !length(fe) || !all(fe %in% terms$name)) {
    stop_arg("fe", if (is.character(fe) && length(fe)) {
      paste("names", quote_list(setdiff(fe, terms$name)))
    } else {
      paste("is", describe_value(fe))
    }, paste("The fixed effects are", quote_list(terms$name)))
  }
  match(unique(fe), terms$name)
}

find_levels <- function(x, factor, name, arg) {
  if (!is.atomic(x) || !length(x) || anyNA(x)) {
    stop_arg(arg, paste("must hold levels of", name, "and no NA, not", describe_value(x)))
  }
  asked <- code_ids(x, name, arg)
  at <- match_factors(asked, factor)
  if (anyNA(at)) {
    stop_arg(arg, sprintf("holds %s, not among the levels of `%s` in the sample",
                          quote_list(level_labels(asked)[is.na(at)]), name),
             paste("They are", quote_list(level_labels(factor), 12L)))
  }
  unique(at[asked$code])
}

# Estimates of the levels at positions `at`.
effects_table <- function(m, absorber, norm, at) {
  gamma <- level_effects(absorber, m$factors, effects_sum(m))
  estimate <- as.vector(normalise(cbind(gamma), norm, at))
  estimable <- rep(TRUE, length(at))
  if (!is_regular(m)) {
    null <- normalise(null_effects(absorber, m$factors), norm, at)
    estimable <- is_estimable(null * norm$terms$size[norm$term[at]])
    estimate[!estimable] <- NA
  }
  if (any(!estimable)) {
    warn_user(sprintf("%d of %d effects are not estimable and NA: the rows of the sample do not ",
                      sum(!estimable), length(at)), "identify them under this normalisation")
  }
  factors <- m$factors[norm$terms$factor]
  n <- unlist(lapply(factors, level_mass, w = row_counts(m)), use.names = FALSE)
  label <- unlist(lapply(factors, level_labels), use.names = FALSE)
  data.frame(fe = norm$terms$name[norm$term[at]], level = label[at], estimate = estimate,
             n = n[at], component = norm$component[at], estimable = estimable)
}

most_solves <- 1000L

check_number_of_solves <- function(m, at, asked) {
  if (asked || length(at) <= most_solves || has_closed_form(m)) return(invisible())
  stop_arg("se", sprintf(paste("is TRUE for %d levels, each of which takes a solve; the most",
                               "without asking for them by `levels` is %d"),
                         length(at), most_solves),
           "Choose a factor by `fe`, or levels of it by `levels`")
}

# With one factor (D'WD)^- is diagonal, and x0 is orthogonal to X~.
has_closed_form <- function(m) {
  length(m$factors) == 1L && !has_slopes(m$factors) && identical(m$vcov_info$type, "iid")
}

effects_errors <- function(m, absorber, norm, at, estimable) {
  check_variance_type(m)
  warn_enclosed(m, norm$term[at])
  fixed <- if (is.null(norm$against)) !norm$carrier[at] & norm$weight[at] == 1 else
    at == norm$against
  variance <- ifelse(fixed, 0, NA_real_)
  ask <- at[estimable & !fixed]
  if (!length(ask)) return(sqrt(variance))
  moments <- if (has_closed_form(m)) one_factor_moments(m, norm, ask) else
    functional_moments(m, absorber, function(j) normal_functional(norm, ask[j]), length(ask))
  c <- normalise(slope_effects(m, absorber), norm, ask)
  variance[estimable & !fixed] <- functional_variance(m, moments, -c)
  sqrt(variance)
}

one_factor_moments <- function(m, norm, at) {
  scale <- m$rss / m$df.residual
  inverse <- 1 / level_mass(m$factors[[1L]], m$weights)
  own <- inverse[at] + if (is.null(norm$against)) 0 else inverse[norm$against]
  list(own = scale * own, cross = matrix(0, length(at), ncol(m$bread)),
       defect = numeric(length(at)))
}
