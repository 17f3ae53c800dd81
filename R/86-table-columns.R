# From models to the columns of a table: what is shown of each, under which labels, and what the
# notes say about all of them.

# ---- models ------------------------------------------------------------------------------------

# The models that stand for x in a table: a list, whose names (if any) are headings of columns.
table_models <- function(x, ...) UseMethod("table_models")

#' @export
table_models.default <- function(x, ...) list(x)

#' @export
table_models.fe_lm <- function(x, ...) list(x)

# Headings: the split sample, if there is one. The formulas are told by the rows of the table.
#' @export
table_models.fe_lm_list <- function(x, ...) {
  models <- as.list(x)
  splits <- lapply(models, `[[`, "split")
  names(models) <- vapply(splits, function(s) if (is.null(s)) "" else s, "")
  models
}

#' @export
table_models.list <- function(x, ...) {
  outer <- if (is.null(names(x))) rep("", length(x)) else names(x)
  parts <- lapply(seq_along(x), function(k) {
    check_model(x[[k]], outer[k])
    models <- table_models(x[[k]])
    if (is.null(names(models))) names(models) <- rep("", length(models))
    if (outer[k] != "") {
      bare <- names(models) == ""
      names(models)[bare] <- outer[k]
      if (length(models) == 1L) names(models) <- outer[k]
    }
    models
  })
  do.call(c, parts)
}

# Cheap refusals; what remains must have tidy() and glance().
check_model <- function(x, name) {
  if (!is.atomic(x) && !is.function(x) && !is.data.frame(x) && !is.language(x)) return(invisible())
  what <- if (is.data.frame(x)) "a data frame beside other arguments" else describe_value(x)
  if (name != "") what <- sprintf("the argument `%s`, %s,", name, what)
  known <- names(formals(fe_table))[-1L]
  near <- if (name != "") {
    known[startsWith(known, name) | known %in% agrep(name, known, value = TRUE)]
  }
  stop_arg("...", paste("has", what, "which is no model"), if (length(near)) {
    paste("Did you mean", quote_list(near))
  } else "Give models, lists of models, or a single data frame")
}

# -> models (list), headings and groups (a string each)
collect_models <- function(given) {
  if (!length(given)) stop_arg("...", "is empty", "Give at least one model or a data frame")
  outer <- if (is.null(names(given))) rep("", length(given)) else names(given)
  models <- list()
  headings <- groups <- character()
  for (k in seq_along(given)) {
    check_model(given[[k]], outer[k])
    found <- table_models(given[[k]])
    inner <- if (is.null(names(found))) rep("", length(found)) else names(found)
    several <- length(found) > 1L
    models <- c(models, unname(found))
    headings <- c(headings, if (several || outer[k] == "") inner else outer[k])
    groups <- c(groups, rep(if (several) outer[k] else "", length(found)))
  }
  if (!length(models)) stop_arg("...", "holds an empty list", "Give at least one model")
  list(models = models, headings = headings, groups = groups)
}

# ---- one column ----------------------------------------------------------------------------------

# -> number, model, coefs (term ... conf.high), glance (one row), stats (function of a name),
# outcome, effects (names; NULL: unknown), labels (attributes of the data) and variance (list of
# key, factor, df).
table_column <- function(model, number, vcov, cluster, ssc, level) {
  column <- if (inherits(model, "fe_lm")) {
    own_column(restated(model, vcov, cluster, ssc), level)
  } else {
    if (!is.null(cluster) || !is.null(ssc) || !(is.null(vcov) || is.function(vcov))) {
      stop_arg("vcov", sprintf("or `cluster` or `ssc` would restate column %d, a model of class %s",
                               number,
                               dQuote(class(model)[1L], FALSE)),
               "For such models give a function, such as vcov = sandwich::vcovHC")
    }
    foreign_column(model, number, vcov, level)
  }
  column$number <- number
  column
}

own_column <- function(m, level) {
  glance <- glance(m)
  extra <- list(outcome.mean = if (isTRUE(m$lean)) NA_real_ else outcome_mean(m),
                clusters = if (length(m$vcov_info$G)) paste(m$vcov_info$G, collapse = ", ") else NA)
  if (length(m$vcov_info$G) == 1L) extra$clusters <- m$vcov_info$G[[1L]]
  list(model = m, coefs = coef_table(m, level), glance = glance,
       stats = function(name) c(glance, extra)[[name]], outcome = m$outcome,
       effects = as.character(names(m$fixef_sizes)), labels = data_labels(m$data),
       variance = own_variance(m$vcov_info))
}

# Of the outcome as it stands in the formula, offset included.
outcome_mean <- function(m) {
  y <- m$y + if (is.null(m$offset)) 0 else m$offset
  if (is.null(m$weights)) mean(y) else sum(m$weights * y) / sum(m$weights)
}

own_variance <- function(info) {
  by <- if (length(info$G)) {
    sprintf(" by %s", paste(sprintf("%s (%d clusters)", names(info$G), info$G), collapse = " and "))
  }
  list(key = paste0(info$label, by), factor = info$factor, df = info$df,
       ssc = if (length(info$G)) info$ssc else "")
}

data_labels <- function(data) {
  found <- lapply(as.list(data), attr, "label", exact = TRUE)
  unlist(Filter(function(l) is.character(l) && length(l) == 1L && !is.na(l), found))
}

foreign_column <- function(model, number, vcov, level) {
  requireNamespace("broom", quietly = TRUE)
  coefs <- foreign_call(generics::tidy, model, number, conf.int = TRUE, conf.level = level)
  glance <- as.data.frame(foreign_call(generics::glance, model, number))
  if (!all(c("term", "estimate") %in% names(coefs))) {
    stop_arg("...", sprintf("has in column %d a model whose tidy() gives no term and estimate",
                            number))
  }
  coefs <- as.data.frame(coefs)
  coefs[setdiff(c("std.error", "statistic", "p.value", "conf.low", "conf.high"),
                names(coefs))] <- NA_real_
  key <- sprintf("as class %s reports them", class(model)[1L])
  if (!is.null(vcov)) {
    coefs <- foreign_restated(coefs, model, number, vcov, level)
    key <- "function given by the user"
  }
  if (!"nobs" %in% names(glance)) {
    glance$nobs <- tryCatch(stats::nobs(model), error = function(e) NA)
  }
  list(model = model, coefs = coefs, glance = glance,
       stats = function(name) as.list(glance)[[name]],
       outcome = tryCatch(deparse_one(stats::formula(model)[[2L]]), error = function(e) ""),
       effects = foreign_effects(model), labels = NULL,
       variance = list(key = key, factor = NA_real_, df = NULL, ssc = ""))
}

foreign_call <- function(generic, model, number, ...) {
  tryCatch(generic(model, ...), error = function(e) {
    stop_arg("...", sprintf(paste("has in column %d an object of class %s, which tidy() and",
                                  "glance() can't read (%s)"),
                            number, dQuote(class(model)[1L], FALSE), conditionMessage(e)),
             "Give a model that has methods for them; broom has those of many classes")
  })
}

# What absorbs fixed effects says which; for other classes it is not known whether dummies are
# meant.
foreign_effects <- function(model) {
  if (inherits(model, "fixest")) return(as.character(model$fixef_vars))
  if (inherits(model, "felm")) return(as.character(names(model$fe)))
  NULL
}

foreign_restated <- function(coefs, model, number, vcov, level) {
  V <- tryCatch(as.matrix(vcov(model)), error = function(e) {
    stop_arg("vcov", sprintf("is a function that failed on column %d: %s", number,
                             conditionMessage(e)))
  })
  if (!all(coefs$term %in% rownames(V))) {
    stop_arg("vcov", sprintf("gives column %d a matrix that does not name all coefficients",
                             number))
  }
  df <- stats::df.residual(model)
  if (is.null(df)) df <- Inf
  coefs$std.error <- sqrt(diag(V)[coefs$term])
  coefs$statistic <- coefs$estimate / coefs$std.error
  coefs$p.value <- 2 * stats::pt(-abs(coefs$statistic), df)
  margin <- stats::qt(1 - (1 - level) / 2, df) * coefs$std.error
  coefs$conf.low <- coefs$estimate - margin
  coefs$conf.high <- coefs$estimate + margin
  coefs
}

# ---- rows ----------------------------------------------------------------------------------------

# -> show (terms in order), labels (named by term), controls (list of terms), hidden (terms)
choose_rows <- function(columns, options) {
  terms <- unique(unlist(lapply(columns, function(column) column$coefs$term)))
  own <- unlist(lapply(columns, `[[`, "labels"))
  own <- own[!duplicated(names(own))]
  controls <- lapply(options$controls, match_terms, terms = terms, arg = "controls")
  rest <- setdiff(terms, unlist(controls))
  map <- options$coef_map
  show <- if (is.null(map)) {
    select_terms(rest, terms, options$keep, options$drop, options$order)
  } else intersect(names(map), rest)
  if (!is.null(map) && !length(show)) {
    stop_arg("coef_map", paste("names no coefficient:", quote_list(names(map))),
             paste("The coefficients are", quote_list(rest, 12L)))
  }
  constant <- table_styles[[options$style]]$constant
  labels <- vapply(terms, label_term, "", dictionary = c(map, options$labels), own = own,
                   constant = constant)
  list(show = show, labels = labels, controls = controls, hidden = setdiff(rest, show))
}

select_terms <- function(rest, terms, keep, drop, order) {
  show <- if (is.null(keep)) rest else intersect(rest, match_terms(keep, terms, "keep"))
  if (!is.null(drop)) show <- setdiff(show, match_terms(drop, terms, "drop"))
  if (is.null(order)) return(show)
  first <- match_terms(order, terms, "order")
  c(intersect(first, show), setdiff(show, first))
}

# Terms that names or regular expressions find, in the order of the latter.
match_terms <- function(patterns, terms, arg) {
  if (!is.character(patterns) || anyNA(patterns)) {
    stop_arg(arg, paste("must name coefficients, not be", describe_value(patterns)))
  }
  found <- lapply(patterns, function(pattern) {
    if (pattern %in% terms) return(pattern)
    hit <- tryCatch(suppressWarnings(grep(pattern, terms, value = TRUE)), error = function(e) {
      stop_arg(arg, sprintf("has %s, which is no regular expression", dQuote(pattern, FALSE)))
    })
    if (!length(hit)) {
      stop_arg(arg, sprintf("has %s, which finds no coefficient", dQuote(pattern, FALSE)),
               paste("The coefficients are", quote_list(terms, 12L)))
    }
    hit
  })
  unique(unlist(found))
}

label_name <- function(name, dictionary, own = NULL) {
  if (name %in% names(dictionary)) return(dictionary[[name]])
  if (name %in% names(own)) own[[name]] else name
}

# A term by the dictionary, else its parts by it, joined by a times sign; f::level is f = level.
label_term <- function(term, dictionary, own, constant) {
  if (term %in% names(dictionary)) return(dictionary[[term]])
  if (term == "(Intercept)") return(constant)
  parts <- strsplit(term, "(?<!:):(?!:)", perl = TRUE)[[1L]]
  parts <- vapply(parts, function(part) {
    if (part %in% c(names(dictionary), names(own))) return(label_name(part, dictionary, own))
    pieces <- strsplit(part, "::", fixed = TRUE)[[1L]]
    if (length(pieces) != 2L) return(part)
    paste(label_name(pieces[1L], dictionary, own), "=", pieces[2L])
  }, "")
  paste(parts, collapse = " \u00d7 ")
}

# ---- notes ---------------------------------------------------------------------------------------

model_notes <- function(columns, chosen, options) {
  label <- function(terms) paste(chosen$labels[terms], collapse = ", ")
  controls <- vapply(names(chosen$controls), function(name) {
    sprintf("%s: %s.", name, label(chosen$controls[[name]]))
  }, "", USE.NAMES = FALSE)
  c(estimator_note(columns), if (length(chosen$show)) variance_note(columns, options),
    if (length(chosen$show) && !is.null(options$stars)) {
      paste0(paste(sprintf("%s p < %s", names(options$stars), format_bound(options$stars)),
                   collapse = ", "), ".")
    },
    if ("(Intercept)" %in% chosen$show) constant_note(columns, chosen$labels[["(Intercept)"]]),
    controls, if (length(chosen$hidden)) sprintf("Not shown: %s.", label(chosen$hidden)),
    collinear_note(columns, options), sample_note(columns))
}

format_bound <- function(x) vapply(x, format, "", digits = 6L, scientific = FALSE)

# "(1)", "(1) and (3)", "(1)-(3) and (5)".
quote_columns <- function(at) {
  runs <- split(at, cumsum(c(TRUE, diff(at) != 1)))
  text <- unlist(lapply(runs, function(run) {
    if (length(run) > 2L) sprintf("(%d)-(%d)", min(run), max(run)) else sprintf("(%d)", run)
  }))
  paste(text, collapse = if (length(text) > 2L) ", " else " and ")
}

# One sentence if all columns agree, else one for each kind of column.
by_columns <- function(keys, say) {
  kinds <- unique(keys)
  if (length(kinds) == 1L) return(say(seq_along(keys)))
  parts <- vapply(kinds, function(kind) {
    at <- which(keys == kind)
    paste0(quote_columns(at), ": ", say(at))
  }, "")
  paste(parts, collapse = "; ")
}

estimator_name <- function(m) {
  if (!inherits(m, c("fe_lm", "lm")) || inherits(m, "glm")) {
    return(sprintf("model of class %s", class(m)[1L]))
  }
  if (inherits(m, "fe_lm") && is_iv(m)) {
    weighted <- if (!is.null(m$weighting)) sprintf(" with %s weights", m$weighting) else ""
    return(sprintf("two-stage least squares%s; endogenous: %s; instruments: %s", weighted,
                   paste(m$iv$endogenous, collapse = ", "), paste(m$iv$instruments, collapse = ", ")))
  }
  if (identical(m$weighting, "frequency")) {
    return("ordinary least squares with frequency weights, N their sum")
  }
  if (is.null(m$weights) && is.null(m$weighting)) "ordinary least squares" else
    "weighted least squares"
}

estimator_note <- function(columns) {
  names <- vapply(columns, function(column) estimator_name(column$model), "")
  text <- by_columns(names, function(at) names[at[1L]])
  paste0(toupper(substring(text, 1L, 1L)), substring(text, 2L), ".")
}

variance_note <- function(columns, options) {
  parts <- lapply(columns, `[[`, "variance")
  keys <- vapply(parts, function(part) paste(part$key, part$ssc, sep = "\r"), "")
  place <- if (options$statistic == "ci") "brackets" else "parentheses"
  what <- switch(options$statistic, se = "Standard errors",
                 ci = sprintf("%s%% confidence intervals", format(100 * options$level)),
                 t = "t statistics", p = "p-values")
  how <- by_columns(keys, function(at) describe_variances(parts[at]))
  joint <- if (options$statistic == "se") ": " else "; standard errors: "
  sprintf("%s in %s%s%s.", what, place, joint, how)
}

describe_variances <- function(parts) {
  factor <- vapply(parts, `[[`, 0, "factor")
  df <- unlist(lapply(parts, `[[`, "df"))
  scaled <- !anyNA(factor) && any(factor != 1)
  ssc <- parts[[1L]]$ssc
  paste0(parts[[1L]]$key, if (scaled) paste0(", factor ", format_range(factor)),
         if (scaled && nzchar(ssc)) sprintf(" (%s)", ssc),
         if (length(df)) sprintf(", t(%s)", describe_dfs(lapply(parts, `[[`, "df"))))
}

# "62", "45 to 62", or where coefficients of a column have their own, "Satterthwaite: 2.4 to 8.1".
describe_dfs <- function(dfs) {
  if (!any(vapply(dfs, df_varies, NA))) return(format_range(unlist(dfs)))
  describe_df(unlist(dfs))
}

format_range <- function(x) {
  ends <- unique(vapply(range(x), format, "", digits = 5L))
  paste(ends, collapse = " to ")
}

constant_note <- function(columns, label) {
  flavours <- vapply(columns, function(column) {
    flavour <- if (inherits(column$model, "fe_lm")) column$model$intercept else "none"
    if (is.null(flavour)) "none" else flavour
  }, "")
  meaning <- c(lsdv = "constant of the regression on dummies, first level of each factor as base",
               mean = "mean of the outcome less that of the regressors times their coefficients",
               within = paste("constant with effects of the first factor that average zero, first",
                              "levels of the others as base"))
  text <- vapply(intersect(names(meaning), flavours), function(flavour) {
    at <- which(flavours == flavour)
    sprintf("%s%s: %s.", label, if (length(at) < length(columns)) {
      paste(" in", quote_columns(at))
    } else "", meaning[[flavour]])
  }, "", USE.NAMES = FALSE)
  text
}

collinear_note <- function(columns, options) {
  gone <- lapply(columns, function(column) {
    if (inherits(column$model, "fe_lm")) column$model$collinear else character()
  })
  at <- which(lengths(gone) > 0L)
  if (!length(at)) return(NULL)
  parts <- vapply(at, function(j) {
    sprintf("%s in %s", paste(gone[[j]], collapse = ", "), quote_columns(j))
  }, "")
  sprintf("Left out as collinear: %s.", paste(parts, collapse = "; "))
}

# Columns of one split sample (or of none) should use the same rows.
sample_note <- function(columns) {
  split <- vapply(columns, function(column) {
    s <- if (inherits(column$model, "fe_lm")) column$model$split
    if (is.null(s)) "" else s
  }, "")
  differ <- vapply(unique(split), function(s) {
    same <- columns[split == s]
    n <- unlist(lapply(same, function(column) column$stats("nobs")))
    length(unique(n)) > 1L || rows_differ(lapply(same, `[[`, "model"))
  }, NA)
  if (!any(differ)) return(NULL)
  n <- unlist(lapply(columns, function(column) column$stats("nobs")))
  if (length(unique(n)) == 1L) return("The columns use different rows, although N is the same.")
  sprintf("The columns use different samples (N = %s).", format_range(n))
}

rows_differ <- function(models) {
  full <- Filter(function(m) inherits(m, "fe_lm") && !isTRUE(m$lean), models)
  rows <- lapply(full, function(m) if (is.null(m$rows)) seq_len(m$n_data) else m$rows)
  length(unique(rows)) > 1L
}
