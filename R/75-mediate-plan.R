# Equations of a mediation: which regressions, and the edges of the path diagram that their
# coefficients are.

# -> list(plan (equations: total, one a mediator, those with mediators), edges, exact)
plan_mediation <- function(setup, request) {
  parsed <- parse_formula(setup$formula)
  if (max(lengths(parsed)) > 1L) {
    stop_arg("formula", "must be a single model: no c(), sw() or csw()")
  }
  need_no_instruments(parsed, "fe_mediate()")
  outcome <- parsed$outcomes[[1L]]
  terms <- split_sum(parsed$regressors[[1L]])
  check_mediation_names(setup$frame$data, terms, outcome, request)
  terms <- moderated_controls(terms, parsed$effects[[1L]], request)
  covariates <- path_covariates(request, deparse_one(outcome), terms, setup$frame$data)
  equation <- function(lhs, regressors) {
    list(outcome = lhs, effects = parsed$effects[[1L]], regressors = join_sum(regressors))
  }
  # an offset is a known part of the outcome, and of no mediator
  own <- terms[!vapply(terms, is_call_of, NA, "offset")]
  total <- c(terms, covariates$y)
  plan <- c(list(equation(outcome, c(total, products_of(request, "total")))),
            lapply(request$mediators, function(m) {
              equation(as.name(m), c(own, covariates[[m]], mediator_terms(request, m)))
            }),
            lapply(request$sets, function(set) {
              equation(outcome, c(total, lapply(set, as.name), products_of(request, set)))
            }))
  list(plan = plan, edges = mediation_edges(request), exact = identity_holds(request, covariates))
}

check_mediation_names <- function(data, terms, outcome, request) {
  names <- vapply(terms, deparse_one, "")
  treat <- request$treat
  if (length(treat) != 1L || !treat %in% names) {
    stop_arg("treat", sprintf("is %s, which is no regressor of the formula", quote_list(treat)),
             paste("Its regressors are", quote_list(names)))
  }
  check_numeric_columns(treat, data, "treat")
  check_numeric_columns(request$mediators, data, "mediators")
  taken <- intersect(request$mediators, c(names, deparse_one(outcome)))
  if (length(taken)) {
    stop_arg("mediators", paste("names", quote_list(taken), "which stands in the formula already"),
             "Leave it out of the formula")
  }
  if (request$interaction || !is.null(request$moderator)) check_plain_treat(terms, treat)
}

# Products with the treatment are added by the plan; one more would make its slope depend on what
# the effects do not look at.
check_plain_treat <- function(terms, treat) {
  more <- Filter(function(term) treat %in% all.vars(term) && deparse_one(term) != treat, terms)
  if (!length(more)) return(invisible())
  stop_arg("formula", sprintf("has the term `%s` beside `%s`", deparse_one(more[[1L]]), treat),
           "Leave it out: `moderator` and `interaction` add the products that they need")
}

# The equation of a mediator holds, in a chain, those before it.
mediator_terms <- function(request, m) {
  before <- if (request$type == "serial") {
    request$mediators[seq_len(match(m, request$mediators) - 1L)]
  }
  c(lapply(before, as.name), if (moderates(request, "a")) products(request$treat, request),
    if (moderates(request, "b")) products(before, request))
}

# What is multiplied in the outcome equations: set is "total" for the one without mediators.
products_of <- function(request, set) {
  alone <- identical(set, "total")
  c(if (moderates(request, "direct") || (alone && !is.null(request$moderator))) {
    products(request$treat, request)
  }, if (!alone && moderates(request, "b")) products(set, request),
  if (!alone && request$interaction) {
    lapply(set, function(m) call(":", as.name(request$treat), as.name(m)))
  })
}

products <- function(names, request) {
  lapply(names, function(v) call(":", as.name(v), as.name(request$moderator)))
}

moderates <- function(request, path) !is.null(request$moderator) && path %in% request$paths

# ---- covariates of single equations --------------------------------------------------------------

# -> named list of terms: y, and one element a mediator.
path_covariates <- function(request, outcome, terms, data) {
  given <- request$covariates
  out <- stats::setNames(vector("list", length(request$mediators) + 1L),
                         c("y", request$mediators))
  known <- unique(c("y", outcome, "m", request$mediators))
  if (is.null(given)) return(out)
  if (!is.list(given) || is.null(names(given)) || !all(names(given) %in% known)) {
    stop_arg("covariates", paste("must be a list with names among", quote_list(known)),
             "For instance covariates = list(y = ~ z1, m = ~ z2)")
  }
  taken <- c(request$treat, request$mediators, outcome, request$moderator)
  for (name in names(given)) {
    add <- covariate_terms(given[[name]], taken, data)
    add <- add[!vapply(add, deparse_one, "") %in% vapply(terms, deparse_one, "")]
    at <- switch(name, m = request$mediators, if (name %in% c("y", outcome)) "y" else name)
    for (a in at) out[[a]] <- unique(c(out[[a]], add))
  }
  out
}

covariate_terms <- function(given, taken, data) {
  if (is.character(given)) {
    columns <- lapply(check_columns(given, data, "covariates"), as.name)
    given <- stats::as.formula(call("~", join_sum(columns)), globalenv())
  }
  if (!inherits(given, "formula") || length(given) != 2L) {
    stop_arg("covariates", paste("must hold one-sided formulas or names of columns, not",
                                 describe_value(given)))
  }
  used <- intersect(all.vars(given), taken)
  if (length(used)) {
    stop_arg("covariates", paste("names", quote_list(used), "which has its place in the equations"),
             "Covariates are further regressors")
  }
  split_sum(given[[2L]])
}

# Does c = c' + sum a b hold exactly? Only if all equations have the same regressors beside
# mediators, and nothing is multiplied with a mediator. -> TRUE, or why not
identity_holds <- function(request, covariates) {
  sets <- lapply(covariates, function(terms) sort(vapply(terms, deparse_one, "")))
  if (length(unique(sets)) > 1L) return("the equations have different covariates")
  if (request$interaction) return("treatment and mediator interact")
  if (moderates(request, "b")) return("the path from mediator to outcome is moderated")
  if (!is.null(request$moderator) && moderates(request, "a") != moderates(request, "direct")) {
    return("only one of the paths from the treatment is moderated")
  }
  TRUE
}

# ---- edges ---------------------------------------------------------------------------------------

# The arrows of the diagram: one row each. `term` is the column whose coefficient it is in that
# equation (numbered as in all_equations()), `by` the column that moderates it.
mediation_edges <- function(request) {
  k <- length(request$mediators)
  w <- if (is.null(request$moderator)) NA_character_ else request$moderator
  edge <- function(kind, mediator, equation, term, moderated) {
    data.frame(kind = kind, mediator = mediator, equation = as.integer(equation), term = term,
               by = if (moderated) w else NA_character_)
  }
  rows <- list(edge("total", NA_character_, 1L, request$treat, !is.na(w)))
  for (j in seq_len(k)) {
    m <- request$mediators[j]
    rows <- c(rows, list(edge("a", m, 1L + j, request$treat, moderates(request, "a"))))
    if (request$type == "serial") rows <- c(rows, lapply(request$mediators[seq_len(j - 1L)],
      function(from) edge("d", paste0(from, "->", m), 1L + j, from, moderates(request, "b"))))
  }
  for (s in seq_along(request$sets)) {
    at <- 1L + k + s
    label <- if (request$type == "separate") request$sets[[s]] else NA_character_
    rows <- c(rows, lapply(request$sets[[s]], function(m) {
      edge("b", m, at, m, moderates(request, "b"))
    }), list(edge("direct", label, at, request$treat, moderates(request, "direct"))))
  }
  edges <- do.call(rbind, rows)
  edges$name <- ifelse(is.na(edges$mediator), edges$kind, paste0(edges$kind, ":", edges$mediator))
  edges
}
