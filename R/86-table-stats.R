# Lines of statistics below the coefficients.

stat_labels <- c(nobs = "N", r.squared = "R2", adj.r.squared = "adj. R2",
                 within.r.squared = "Within R2", within.adj.r.squared = "Within adj. R2",
                 outcome.mean = "Mean of dep. var.", sigma = "Residual std. error",
                 clusters = "Clusters", first.stage.F = "First-stage F",
                 effective.F = "Effective F", kp.F = "Kleibergen-Paap F",
                 overid.p.value = "p (overidentification)", wu.hausman.p.value = "p (Wu-Hausman)",
                 ar.p.value = "p (Anderson-Rubin)", estimator = "Estimator",
                 statistic = "F", p.value = "p (F)", df.residual = "Residual df", AIC = "AIC",
                 BIC = "BIC", logLik = "Log likelihood", vcov.type = "Std. errors")

iv_stats <- c("effective.F", "kp.F", "kp.p.value", "overid", "overid.p.value",
              "wu.hausman.p.value", "ar.p.value")

# The statistics of a fitted model by name, computed when they are asked for.
own_statistics <- function(m, glance) {
  tests <- NULL
  function(name) {
    if (name %in% names(glance)) return(glance[[name]])
    if (name %in% iv_stats && is_iv(m)) {
      if (is.null(tests)) tests <<- glance(fe_iv_tests(m))
      return(tests[[name]])
    }
    if (grepl("^(units|joint):", name)) {
      rest <- sub("^[a-z]+:", "", name)
      return(if (startsWith(name, "units:")) table_units(m, rest) else joint_p(m, rest))
    }
    switch(name, estimator = short_estimator(m), clusters = cluster_count(m$vcov_info$G),
           outcome.mean = if (isTRUE(m$lean)) NA_real_ else outcome_mean(m))
  }
}

cluster_count <- function(G) {
  if (length(G) > 1L) paste(G, collapse = ", ") else if (length(G)) G[[1L]] else NA
}

# Values of a variable among the rows of the model: a fixed effect, or a column of the data.
table_units <- function(m, name) {
  if (name %in% names(m$fixef_sizes)) return(m$fixef_sizes[[name]])
  if (isTRUE(m$lean)) return(NA)
  if (!name %in% names(m$data)) {
    stop_arg("stats", sprintf("asks for the units of %s, which is no column of the data",
                              dQuote(name, FALSE)))
  }
  values <- m$data[[name]]
  length(unique(if (is.null(m$rows)) values else values[m$rows]))
}

# p-value of the joint test that the coefficients found by a name or an expression are zero.
joint_p <- function(m, pattern) {
  terms <- setdiff(names(m$coefficients), "(Intercept)")
  found <- if (pattern %in% terms) pattern else grep(pattern, terms, value = TRUE)
  if (!length(found)) return(NA_real_)
  fe_wald(m, found)$p.value[[1L]]
}

# Of the outcome as it stands in the formula, offset included.
outcome_mean <- function(m) {
  y <- m$y + if (is.null(m$offset)) 0 else m$offset
  if (is.null(m$weights)) mean(y) else sum(m$weights * y) / sum(m$weights)
}

short_estimator <- function(m) {
  if (inherits(m, names(short_results))) return(short_results[[class(m)[1L]]])
  if (!inherits(m, c("fe_lm", "lm", "ivreg", "iv_robust")) || inherits(m, "glm")) {
    return(class(m)[1L])
  }
  if ((inherits(m, "fe_lm") && is_iv(m)) || inherits(m, c("ivreg", "iv_robust"))) return("2SLS")
  weighted <- !is.null(m$weights) || !is.null(m$weighting)
  if (weighted && !identical(m$weighting, "frequency")) "WLS" else "OLS"
}

stat_cells <- function(columns, options) {
  wanted <- if (is.null(options$stats)) options$look$stats else options$stats
  if (!is.character(wanted) && !is.list(wanted)) {
    stop_arg("stats", paste("must be names of statistics or a list of names and functions, not",
                            describe_value(wanted)))
  }
  wanted <- as.list(wanted)
  labels <- stat_headings(wanted, options$look$named)
  parts <- lapply(seq_along(wanted), function(s) {
    values <- lapply(columns, function(column) stat_value(column, wanted[[s]], labels[s]))
    text <- format_stat_row(values, options$digits_stat)
    if (all(text == "")) {
      if (is.null(options$stats)) return(NULL)
      stop_arg("stats", sprintf("asks for %s, which no column has", dQuote(labels[s], FALSE)),
               paste("Known are", quote_list(unique(unlist(lapply(columns, stat_names))), 40L)))
    }
    new_cells("stat", paste0("stat:", labels[s]), labels[s], text)
  })
  do.call(rbind, c(if (is.null(options$stats)) list(estimator_cells(columns, options)), parts))
}

# A line of its own only where the columns differ.
estimator_cells <- function(columns, options) {
  used <- vapply(columns, function(column) short_estimator(column$model), "")
  if (length(unique(used)) == 1L) return(NULL)
  new_cells("stat", "stat:Estimator", options$look$estimator, used)
}

stat_headings <- function(wanted, named) {
  given <- names(wanted)
  if (is.null(given)) given <- rep("", length(wanted))
  for (s in which(given == "")) {
    name <- wanted[[s]]
    if (!is.character(name) || length(name) != 1L || is.na(name)) {
      stop_arg("stats", sprintf("has in place %d %s without a name", s, describe_value(name)),
               "Write list(\"Label\" = function(m) ...)")
    }
    given[s] <- stat_heading(name, named)
  }
  given
}

stat_heading <- function(name, named) {
  if (name %in% names(named)) return(named[[name]])
  if (startsWith(name, "units:")) return(paste("Number:", sub("^units:", "", name)))
  if (startsWith(name, "joint:")) return(sprintf("p (joint: %s)", sub("^joint:", "", name)))
  name
}

stat_value <- function(column, wanted, label) {
  value <- if (is.function(wanted)) {
    tryCatch(wanted(column$model), error = function(e) {
      stop_arg("stats", sprintf("has the function %s, which failed on column %d: %s",
                                dQuote(label, FALSE), column$number, conditionMessage(e)))
    })
  } else column$stats(wanted)
  if (is.null(value)) return(NA)
  if (!is.atomic(value) || length(value) != 1L) {
    stop_arg("stats", sprintf("has %s, which gave %s for column %d", dQuote(label, FALSE),
                              describe_value(value), column$number),
             "It must give one number or string")
  }
  value
}

# Whole numbers in every column print as such.
format_stat_row <- function(values, digits) {
  number <- vapply(values, function(v) is.numeric(v) || is.logical(v), NA)
  known <- unlist(values[number])
  whole <- !length(known) || all(known == round(known), na.rm = TRUE)
  text <- vapply(values, function(v) if (is.factor(v)) as.character(v) else format(v), "")
  if (any(number)) text[number] <- format_fixed(known, if (whole) 0 else digits)
  text[is.na(unlist(lapply(values, as.character)))] <- ""
  text
}

stat_names <- function(column) {
  extra <- if (inherits(column$model, "fe_lm")) {
    c("outcome.mean", "clusters", "units:NAME", "joint:NAME", if (is_iv(column$model)) iv_stats)
  }
  c(names(column$glance), extra, "estimator")
}
