# Tables of models. A table is a data frame of cells; everything that writes one works on that.
#
# models -> columns (86-table-columns.R) -> cells (here) -> layout and writers (87-table-write.R).
# A cell: part ("coef", "se", "block", "stat" or "text"), row (key), label, column (number), text.

#' Publication tables of models
#'
#' One or many models beside each other: coefficients with stars, standard errors below, rows that
#' say which fixed effects are in, fit statistics, and notes that state how the standard errors were
#' made. Data frames become tables too.
#'
#' @section Columns:
#' Each model is a column: models of [fe_lm()], lists of them, [fe_mediate()] and [fe_moderate()]
#' objects, and any model with methods for [generics::tidy()] and [generics::glance()] (those of
#' broom are used if it is installed). A named argument with one model heads its column
#' (`fe_table("Base" = m)`), one with several models heads them as a group; the names of a list head
#' its columns.
#'
#' @section Choosing rows:
#' `keep`, `drop`, `order` and `controls` name coefficients. A string that is the name of a
#' coefficient means that one only, any other is a regular expression. A string that finds nothing
#' is an error. What is hidden is named in the notes.
#'
#' @section Notes:
#' They are made from the models: the variance estimator with its small-sample factor, clusters and
#' degrees of freedom (apart for columns that differ), the legend of the stars, the constant that
#' stands beside fixed effects, weights, control variables, regressors left out as collinear, and
#' whether the samples of the columns differ.
#'
#' @section Numbers:
#' Fixed decimals as published tables have them, never scientific notation and no negative zero;
#' what does not exist is blank. Take more `digits` when a small coefficient prints as 0.0000.
#'
#' @param ... models, lists of models, or one data frame; names are headings.
#' @param keep,drop coefficients to show, or not to show: names or regular expressions.
#' @param order coefficients to show first, in this order: names or regular expressions.
#' @param coef_map `NULL`, or a named vector `c(term = "label")`: shows these coefficients only, in
#'   this order, under these labels. Terms that no model has are passed over.
#' @param labels a dictionary `c(name = "label")` for coefficients, outcomes and fixed effects. A
#'   column that has an attribute `label` is shown by that. In an interaction each part is labelled.
#' @param controls coefficients to replace by a line "Control variables" with Yes, No, or Partly
#'   (some of those that the other columns have): names or regular expressions; in a named list, a
#'   line for each element.
#' @param stars named p-value bounds, `c("***" = 0.01, "**" = 0.05, "*" = 0.1)`; `FALSE`: none.
#' @param statistic in parentheses: `"se"`, `"t"`, `"p"`, or `"ci"` (in brackets).
#' @param beside `TRUE`: in the cell of the coefficient; `FALSE`: on the line below.
#' @param digits,digits_stat decimals of coefficients and of fit statistics, 0 to 15.
#' @param level confidence level of `statistic = "ci"`.
#' @param vcov,cluster,ssc restate all models under another variance, as in [vcov.fe_lm()]. For
#'   models of other classes only a function `vcov` that returns the matrix can be used.
#' @param stats fit statistics: names of columns of [generics::glance()], `"outcome.mean"` (of the
#'   sample, weighted if the model is), `"clusters"`, or functions of the model that return one
#'   number or string. Names are labels: `c(Observations = "nobs")`, `list(Median = function(m)
#'   ...)`. `character()`: none. Statistics that no model has are left out, if they are the default
#'   ones.
#' @param fe_labels labels of the fixed effects, `c(country = "Regional effects")`; `FALSE`: no such
#'   rows.
#' @param rows further lines: a named list of vectors with an element per column,
#'   `list("Region trends" = c("No", "Yes"))`.
#' @param groups names of groups of columns, one a column (neighbours of the same name are joined),
#'   or counts `c("Developed" = 2, "Developing" = 1)`.
#' @param headings `NULL`, or a heading for each column, in place of names.
#' @param title `NULL`, or one string.
#' @param notes `NULL`: those made from the models; a character vector is added to them; `FALSE`:
#'   none.
#' @param style `"default"`: with headings of outcomes, rules between the parts, and five fit
#'   statistics; or `"paper"`: a plain layout of the kind of Stata's output: `_cons` below the
#'   control variables, then the fixed effects, N and adj. R2.
#' @return an object of class `fe_table`, a list of `cells` (data frame: `part`, one of "coef",
#'   "se", "block", "stat", "text"; `row`, the key of a line; `label`; `column`, a number; `text`),
#'   `heads` (list of lines above the columns), `stub` (heading of the first column), `title`,
#'   `notes` and `style`. Methods: `print`, `format`, `as.data.frame`, knitr's `knit_print`,
#'   tinytable's `tt`; [fe_table_write()] writes it to a file. Errors name the argument, the value
#'   and the remedy.
#' @examples
#' m <- fe_lm(ln_upmf ~ ln_imdig + csw0(pgdp, fdi) | country + year, digitrade, intercept = "lsdv")
#' fe_table(m)
#' fe_table(m, style = "paper", controls = c("pgdp", "fdi"),
#'          fe_labels = c(country = "Regional effects", year = "Time effects"))
#' fe_table(HC1 = m[[3]], Clustered = summary(m[[3]], vcov = ~country), keep = "ln_imdig")
#' fe_table(fe_describe(digitrade, ~ ln_upmf + ln_imdig))
#' @export
fe_table <- function(..., keep = NULL, drop = NULL, order = NULL, coef_map = NULL, labels = NULL,
                     controls = NULL, stars = c("***" = 0.01, "**" = 0.05, "*" = 0.1),
                     statistic = "se", beside = FALSE, digits = 4, digits_stat = 4, level = 0.95,
                     vcov = NULL, cluster = NULL, ssc = NULL, stats = NULL, fe_labels = NULL,
                     rows = NULL, groups = NULL, headings = NULL, title = NULL, notes = NULL,
                     style = "default") {
  given <- list(...)
  options <- list(
    keep = keep, drop = drop, order = order, coef_map = check_dictionary(coef_map, "coef_map"),
    labels = check_dictionary(labels, "labels"), controls = check_controls(controls),
    stars = check_stars(stars), beside = check_flag(beside, "beside"),
    statistic = check_choice(statistic, c("se", "t", "p", "ci"), "statistic"),
    digits = check_count(digits, "digits", 0, 15), level = check_level(level),
    digits_stat = check_count(digits_stat, "digits_stat", 0, 15), stats = stats,
    style = check_choice(style, names(table_styles), "style"),
    fe_labels = if (isFALSE(fe_labels)) FALSE else check_dictionary(fe_labels, "fe_labels"),
    rows = rows, notes = check_notes(notes), groups = groups, headings = headings,
    title = check_title(title))
  if (length(given) == 1L && is.data.frame(given[[1L]])) return(frame_table(given[[1L]], options))
  models <- collect_models(given)
  columns <- lapply(seq_along(models$models), function(j) {
    table_column(models$models[[j]], j, vcov, cluster, ssc, level)
  })
  model_table(columns, models, options)
}

# What the styles differ in.
table_styles <- list(
  default = list(constant = "Constant", stub = "", outcomes = TRUE, rules = TRUE,
                 stats = c("nobs", "r.squared", "adj.r.squared", "within.r.squared",
                           "outcome.mean")),
  paper = list(constant = "_cons", stub = "Var.", outcomes = FALSE, rules = FALSE,
               stats = c("nobs", "adj.r.squared")))

model_table <- function(columns, models, options) {
  chosen <- choose_rows(columns, options)
  look <- table_styles[[options$style]]
  constant <- chosen$show %in% "(Intercept)" & is.null(options$coef_map)
  slopes <- coef_cells(columns, chosen$show[!constant], chosen$labels, options)
  last <- coef_cells(columns, chosen$show[constant], chosen$labels, options)
  controls <- control_cells(columns, chosen$controls)
  blocks <- list(effect_cells(columns, options), extra_cells(options$rows, length(columns)))
  parts <- if (look$rules) c(list(slopes, last, controls), blocks) else
    c(list(slopes, controls, last), blocks)
  cells <- do.call(rbind, c(parts, list(stat_cells(columns, options, look$stats))))
  if (is.null(cells)) {
    stop_arg("...", "has nothing to show: no coefficient and no statistic is left")
  }
  new_table(cells, heads = table_heads(columns, models, options), stub = look$stub,
            notes = if (!isFALSE(options$notes)) {
              c(model_notes(columns, chosen, options), options$notes)
            }, options = options)
}

new_table <- function(cells, heads, stub, notes, options) {
  rownames(cells) <- NULL
  structure(list(cells = cells, heads = heads, stub = stub, title = options$title,
                 notes = as.character(notes), style = options$style), class = "fe_table")
}

new_cells <- function(part, row, label, text) {
  data.frame(part = part, row = row, label = label, column = seq_along(text),
             text = ifelse(is.na(text), "", as.character(text)), stringsAsFactors = FALSE)
}

# ---- parts of a table of models ---------------------------------------------------------------

coef_cells <- function(columns, terms, labels, options) {
  parts <- lapply(terms, function(term) {
    at <- lapply(columns, function(column) column$coefs[match(term, column$coefs$term), ])
    values <- do.call(rbind, lapply(at, `[`, c("estimate", "std.error", "statistic", "p.value",
                                               "conf.low", "conf.high")))
    main <- format_fixed(values$estimate, options$digits)
    stars <- if (is.null(options$stars)) "" else significance_stars(values$p.value, options$stars)
    main <- ifelse(main == "", "", paste0(main, stars))
    below <- statistic_text(values, options)
    label <- labels[[term]]
    if (options$beside) {
      return(new_cells("coef", term, label, ifelse(below == "", main, paste(main, below))))
    }
    rbind(new_cells("coef", term, label, main), new_cells("se", term, "", below))
  })
  do.call(rbind, parts)
}

statistic_text <- function(values, options) {
  show <- function(x) format_fixed(x, options$digits)
  if (options$statistic == "ci") {
    low <- show(values$conf.low)
    high <- show(values$conf.high)
    return(ifelse(low == "" | high == "", "", sprintf("[%s, %s]", low, high)))
  }
  text <- show(values[[c(se = "std.error", t = "statistic", p = "p.value")[[options$statistic]]]])
  ifelse(text == "", "", sprintf("(%s)", text))
}

# "%.4f" without negative zero; blank where there is no number.
format_fixed <- function(x, digits) {
  text <- sprintf("%.*f", as.integer(digits), as.double(x))
  text <- sub("^-(0(\\.0*)?)$", "\\1", text)
  text[is.nan(x) | is.na(x)] <- ""
  text
}

# Yes: all of those terms that any column has; Partly: some of them.
control_cells <- function(columns, controls) {
  parts <- Map(function(terms, label) {
    text <- vapply(columns, function(column) {
      has <- terms %in% column$coefs$term
      if (all(has)) "Yes" else if (any(has)) "Partly" else "No"
    }, "")
    new_cells("block", paste0("controls:", label), label, text)
  }, controls, names(controls))
  do.call(rbind, unname(parts))
}

effect_cells <- function(columns, options) {
  if (isFALSE(options$fe_labels)) return(NULL)
  effects <- unique(unlist(lapply(columns, `[[`, "effects")))
  labels <- c(options$fe_labels, options$labels)
  parts <- lapply(effects, function(effect) {
    label <- if (effect %in% names(labels)) labels[[effect]] else paste("Fixed effects:", effect)
    text <- vapply(columns, function(column) {
      if (is.null(column$effects)) "" else if (effect %in% column$effects) "Yes" else "No"
    }, "")
    new_cells("block", paste0("effect:", effect), label, text)
  })
  do.call(rbind, parts)
}

# Lines of the user's own.
extra_cells <- function(rows, n) {
  if (is.null(rows)) return(NULL)
  if (!is.list(rows) || is.null(names(rows)) || any(names(rows) == "")) {
    stop_arg("rows", paste("must be a named list of lines, not", describe_value(rows)),
             "Write list(\"Region trends\" = c(\"No\", \"Yes\"))")
  }
  parts <- Map(function(text, label) {
    if (!is.atomic(text) || length(text) != n) {
      stop_arg("rows", sprintf("has the line %s with %d values, and the table has %d columns",
                               dQuote(label, FALSE), length(text), n))
    }
    new_cells("block", paste0("row:", label), label, if (is.logical(text)) {
      ifelse(text, "Yes", "No")
    } else text)
  }, rows, names(rows))
  do.call(rbind, unname(parts))
}

# ---- fit statistics ----------------------------------------------------------------------------

stat_labels <- c(nobs = "N", r.squared = "R2", adj.r.squared = "adj. R2",
                 within.r.squared = "Within R2", within.adj.r.squared = "Within adj. R2",
                 outcome.mean = "Mean of dep. var.", sigma = "Residual std. error",
                 clusters = "Clusters", first.stage.F = "First-stage F",
                 statistic = "F", p.value = "p (F)", df.residual = "Residual df", AIC = "AIC",
                 BIC = "BIC", logLik = "Log likelihood", vcov.type = "Std. errors")

stat_cells <- function(columns, options, default) {
  wanted <- if (is.null(options$stats)) default else options$stats
  if (!is.character(wanted) && !is.list(wanted)) {
    stop_arg("stats", paste("must be names of statistics or a list of names and functions, not",
                            describe_value(wanted)))
  }
  wanted <- as.list(wanted)
  labels <- stat_headings(wanted)
  parts <- lapply(seq_along(wanted), function(s) {
    values <- lapply(columns, function(column) stat_value(column, wanted[[s]], labels[s]))
    text <- format_stat_row(values, options$digits_stat)
    if (all(text == "")) {
      if (is.null(options$stats)) return(NULL)
      stop_arg("stats", sprintf("asks for %s, which no column has", dQuote(labels[s], FALSE)),
               paste("Known are", quote_list(unique(unlist(lapply(columns, stat_names))), 30L)))
    }
    new_cells("stat", paste0("stat:", labels[s]), labels[s], text)
  })
  do.call(rbind, parts)
}

stat_headings <- function(wanted) {
  given <- names(wanted)
  if (is.null(given)) given <- rep("", length(wanted))
  for (s in which(given == "")) {
    name <- wanted[[s]]
    if (!is.character(name) || length(name) != 1L || is.na(name)) {
      stop_arg("stats", sprintf("has in place %d %s without a name", s, describe_value(name)),
               "Write list(\"Label\" = function(m) ...)")
    }
    given[s] <- if (name %in% names(stat_labels)) stat_labels[[name]] else name
  }
  given
}

stat_value <- function(column, wanted, label) {
  value <- if (is.function(wanted)) {
    tryCatch(wanted(column$model), error = function(e) {
      stop_arg("stats", sprintf("has the function %s, which failed on column %d: %s",
                                dQuote(label, FALSE),
                                column$number, conditionMessage(e)))
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
  whole <- all(known == round(known), na.rm = TRUE)
  text <- vapply(values, function(v) if (is.factor(v)) as.character(v) else format(v), "")
  text[number] <- format_fixed(known, if (whole) 0 else digits)
  text[is.na(unlist(lapply(values, as.character)))] <- ""
  text
}

stat_names <- function(column) c(names(column$glance), "outcome.mean", "clusters")

# ---- headings ------------------------------------------------------------------------------------

# Lines above the columns, from the top: groups, outcomes, headings, numbers. `joined` lines join
# neighbours of the same text.
table_heads <- function(columns, models, options) {
  n <- length(columns)
  head <- if (is.null(options$headings)) models$headings else check_headings(options$headings, n)
  group <- if (is.null(options$groups)) models$groups else check_groups(options$groups, n)
  outcome <- vapply(columns, function(column) {
    label_name(column$outcome, options$labels, column$labels)
  }, "")
  lines <- list(if (any(group != "")) list(text = group, joined = TRUE),
                if (table_styles[[options$style]]$outcomes) {
                  list(text = outcome, joined = TRUE, within = group)
                },
                if (any(head != "")) list(text = head, joined = FALSE),
                list(text = sprintf("(%d)", seq_len(n)), joined = FALSE))
  Filter(Negate(is.null), lines)
}

check_headings <- function(headings, n, arg = "headings") {
  if (!is.atomic(headings) || length(headings) != n || anyNA(headings)) {
    stop_arg(arg, sprintf("must hold %d strings, one a column, not %s", n,
                                 describe_value(headings)))
  }
  as.character(headings)
}

check_groups <- function(groups, n) {
  if (is.numeric(groups) && !is.null(names(groups))) {
    if (anyNA(groups) || any(groups < 1) || any(groups != round(groups))) {
      stop_arg("groups", "must count the columns of each group in whole numbers from 1")
    }
    groups <- rep(names(groups), groups)
  }
  if (!is.character(groups) || length(groups) != n) {
    stop_arg("groups", sprintf("names the groups of %d columns, and the table has %d",
                               length(groups), n),
             "Give a name for each column, or counts such as c(Developed = 2, Developing = 1)")
  }
  ifelse(is.na(groups), "", groups)
}

# ---- tables of data frames -----------------------------------------------------------------------

frame_table <- function(data, options) {
  if (!ncol(data) || !nrow(data)) {
    stop_arg("...", paste("is", describe_value(data)), "Nothing to show")
  }
  data <- if (inherits(data, "fe_describe")) format(data) else as.data.frame(data)
  flat <- vapply(data, function(v) is.atomic(v) && is.null(dim(v)), NA)
  if (!all(flat)) {
    stop_arg("...", paste("has columns that hold no single values:",
                          quote_list(names(data)[!flat])))
  }
  named <- is.character(attr(data, "row.names"))
  stub <- if (named) row.names(data) else as.character(data[[1L]])
  head <- if (named) "" else names(data)[1L]
  values <- if (named) data else data[-1L]
  text <- lapply(values, function(v) {
    if (!is.numeric(v)) return(ifelse(is.na(v), "", as.character(v)))
    format_stat_row(as.list(v), options$digits)
  })
  cells <- lapply(seq_along(stub), function(r) {
    line <- vapply(text, `[`, "", r)
    label <- if (stub[r] %in% names(options$labels)) options$labels[[stub[r]]] else stub[r]
    new_cells("text", sprintf("%d:%s", r, stub[r]), label, line)
  })
  group <- if (!is.null(options$groups)) check_groups(options$groups, length(values))
  heading <- if (is.null(options$headings)) names(values) else
    check_headings(options$headings, length(values))
  heads <- c(if (!is.null(group)) list(list(text = group, joined = TRUE)),
             list(list(text = heading, joined = FALSE)))
  new_table(do.call(rbind, cells), heads, head, if (is.character(options$notes)) options$notes,
            options)
}

# ---- checks --------------------------------------------------------------------------------------

check_dictionary <- function(x, arg) {
  if (is.null(x)) return(NULL)
  if (is.list(x)) x <- unlist(x)
  if (!is.character(x) || is.null(names(x)) || anyNA(x) || any(names(x) == "")) {
    stop_arg(arg, paste("must be a named character vector, not", describe_value(x)),
             "Write c(name = \"label\")")
  }
  x
}

check_controls <- function(controls) {
  if (is.null(controls)) return(NULL)
  if (is.character(controls)) controls <- list("Control variables" = unname(controls))
  if (!is.list(controls) || is.null(names(controls)) || any(names(controls) == "") ||
      !all(vapply(controls, is.character, NA))) {
    stop_arg("controls", paste("must name coefficients, not be", describe_value(controls)),
             "Write c(\"x1\", \"x2\") or list(\"Country controls\" = c(\"x1\", \"x2\"))")
  }
  controls
}

check_stars <- function(stars) {
  if (isFALSE(stars) || is.null(stars)) return(NULL)
  if (isTRUE(stars)) return(c("***" = 0.01, "**" = 0.05, "*" = 0.1))
  if (!is.numeric(stars) || is.null(names(stars)) || anyNA(stars) || any(stars <= 0 | stars >= 1)) {
    stop_arg("stars", paste("must be named bounds between 0 and 1, or FALSE, not",
                            describe_value(stars)),
             "Write c(\"**\" = 0.01, \"*\" = 0.05)")
  }
  sort(stars)
}

check_notes <- function(notes) {
  if (is.null(notes) || isFALSE(notes)) return(notes)
  if (!is.character(notes) || anyNA(notes)) {
    stop_arg("notes", paste("must be a character vector, NULL or FALSE, not",
                            describe_value(notes)))
  }
  notes
}

check_title <- function(title) {
  if (is.null(title)) return(NULL)
  if (!is.character(title) || length(title) != 1L || is.na(title)) {
    stop_arg("title", paste("must be one string, not", describe_value(title)))
  }
  title
}
