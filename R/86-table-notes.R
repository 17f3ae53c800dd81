# Notes below a table of models: what is true of all columns, or which columns differ.

model_notes <- function(columns, chosen, options) {
  if (options$look$language == "zh") return(chinese_notes(columns, chosen, options))
  label <- function(terms) paste(chosen$labels[terms], collapse = ", ")
  controls <- vapply(names(chosen$controls), function(name) {
    sprintf("%s: %s.", name, label(chosen$controls[[name]]))
  }, "", USE.NAMES = FALSE)
  c(estimator_note(columns, options$labels),
    if (length(chosen$show)) variance_note(columns, options),
    stars_note(columns, chosen, options),
    if ("(Intercept)" %in% chosen$show) constant_note(columns, chosen$labels[["(Intercept)"]]),
    controls, if (length(chosen$hidden)) sprintf("Not shown: %s.", label(chosen$hidden)),
    collinear_note(columns, options), sample_note(columns))
}

# What stars mean, and which columns can have none; nothing, if no column can have stars.
stars_note <- function(columns, chosen, options) {
  starred <- starred_columns(columns, chosen, options)
  if (!any(starred %in% TRUE)) return(NULL)
  bare <- which(!starred)
  c(paste0(paste(sprintf("%s p < %s", names(options$stars), format_bound(options$stars)),
                 collapse = ", "), "."),
    if (length(bare)) sprintf("Without p-values, and so without stars: %s.", quote_columns(bare)))
}

# Has a column p-values of what it shows? NA: it shows no coefficient.
starred_columns <- function(columns, chosen, options) {
  if (is.null(options$stars)) return(logical())
  vapply(columns, function(column) {
    p <- column$coefs$p.value[column$coefs$term %in% chosen$show]
    if (length(p)) !all(is.na(p)) else NA
  }, NA)
}

format_bound <- function(x) vapply(x, format, "", digits = 6L, scientific = FALSE)

# "(1)", "(1) and (3)", "(1)-(3) and (5)". `between` two of them, and between more.
quote_columns <- function(at, between = c(" and ", ", ")) {
  runs <- split(at, cumsum(c(TRUE, diff(at) != 1)))
  text <- unlist(lapply(runs, function(run) {
    if (length(run) > 2L) sprintf("(%d)-(%d)", min(run), max(run)) else sprintf("(%d)", run)
  }))
  paste(text, collapse = between[[if (length(text) > 2L) 2L else 1L]])
}

# One sentence if all columns agree, else one for each kind of column; `...` of quote_columns().
by_columns <- function(keys, say, ...) {
  kinds <- unique(keys)
  if (length(kinds) == 1L) return(say(seq_along(keys)))
  parts <- vapply(kinds, function(kind) {
    at <- which(keys == kind)
    paste0(quote_columns(at, ...), ": ", say(at))
  }, "")
  paste(parts, collapse = "; ")
}

# say: names of variables -> their labels
estimator_name <- function(m, say) {
  if (inherits(m, names(result_estimators))) return(result_estimators[[class(m)[1L]]])
  if (!inherits(m, c("fe_lm", "lm")) || inherits(m, "glm")) {
    return(sprintf("model of class %s", class(m)[1L]))
  }
  if (inherits(m, "fe_lm") && is_iv(m)) {
    weighted <- if (!is.null(m$weighting)) sprintf(" with %s weights", m$weighting) else ""
    return(sprintf("two-stage least squares%s; endogenous: %s; instruments: %s", weighted,
                   say(m$iv$endogenous), say(m$iv$instruments)))
  }
  if (identical(m$weighting, "frequency")) {
    return("ordinary least squares with frequency weights, N their sum")
  }
  if (is.null(m$weights) && is.null(m$weighting)) "ordinary least squares" else
    "weighted least squares"
}

estimator_note <- function(columns, dictionary) {
  names <- vapply(columns, function(column) {
    estimator_name(column$model, function(variables) {
      paste(vapply(variables, label_term, "", dictionary, column$labels, "constant"),
            collapse = ", ")
    })
  }, "")
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
  ssc <- parts[[1L]]$ssc
  scaled <- !anyNA(factor) && (any(factor != 1) || nzchar(ssc))
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
