# Tables of models. A table is a data frame of cells; everything that writes one works on that.
#
# models -> columns (86-table-columns.R) -> cells (here) -> layout and writers (87-table-write.R).
# A cell: part ("coef", "se", "block", "stat", "text" or "panel"), row (key), label, column (a
# number), text, panel (85-table-panels.R).

#' Publication tables of models
#'
#' One or many models beside each other, in panels if wanted: coefficients with stars, standard
#' errors below, rows that say which fixed effects are in, fit statistics, and notes that state the
#' estimator and how the standard errors were made. Data frames and tests become tables too.
#'
#' @section Columns:
#' Each model is a column: models of [fe_lm()], lists of them, [fe_mediate()] (with the indirect
#' effects in the notes), [fe_moderate()], [fe_heterogeneity()] (with adjusted p-values as a line,
#' and tests of equality in the notes), [fe_decompose()], [fe_robust()] and [fe_boot()] results, and
#' any model with methods for [generics::tidy()] and [generics::glance()] (those of broom are used
#' if it is installed). A result of tests, such as those of [fe_wald()], [fe_equal()],
#' [fe_hausman()], [fe_iv_tests()], [fe_boottest()] and [fe_sensitivity()], is a table of its
#' own, with a line for
#' each row of its `tidy()`. A named argument with one model heads its column
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
#' @section Panels:
#' The models of each element of `panels` are the columns of a panel; all panels have the same
#' number of columns, and share headings and numbers. If they differ in outcomes, a line of each
#' panel names them. Notes that hold for one panel only begin with its name up to the first point
#' or colon.
#'
#' @section Styles:
#' | style | layout |
#' |---|---|
#' | `"default"` | outcomes above the columns, rules between the parts, five fit statistics, 4 decimals |
#' | `"paper"` | plain output of the kind of Stata's: `_cons` below the control variables, then the fixed effects, N and adj. R2 |
#' | `"aer"` | as in the American Economic Review: no stars, 3 decimals, no rules inside, "Country fixed effects", Observations and R2, "Notes:" |
#' | `"cn"` | as Chinese journals have it, a table of three lines: control variables and fixed effects as Yes or No rows below the coefficients, N and adj. R2; with `language = "zh"` in Chinese |
#'
#' Each argument that is given takes the place of what the style has.
#'
#' @param ... models, lists of models, or one data frame or result of tests; names are headings.
#' @param panels `NULL`, or a named list with the models of each panel:
#'   `list("Panel A. Men" = list(m1, m2), "Panel B. Women" = list(m3, m4))`.
#' @param bottom with panels, lines to show once below the last one if they are the same in all:
#'   `"effects"` (fixed effects, control variables and `rows`), `"all"` (fit statistics too), or
#'   `"none"`.
#' @param keep,drop coefficients to show, or not to show: names or regular expressions.
#' @param order coefficients to show first, in this order: names or regular expressions.
#' @param coef_map `NULL`, or a named vector `c(term = "label")`: shows these coefficients only, in
#'   this order, under these labels. Terms that no model has are passed over.
#' @param labels a dictionary `c(name = "label")` for coefficients, outcomes and fixed effects. A
#'   column that has an attribute `label` is shown by that. In an interaction each part is labelled.
#'   For fixed effects the styles `"aer"` and `"cn"` add the words: `c(country = "Region")` gives
#'   "Region fixed effects".
#' @param controls coefficients to replace by a line "Control variables" with Yes, No, or Partly
#'   (some of those that the other columns have): names or regular expressions; in a named list, a
#'   line for each element.
#' @param stars `NULL`: those of the style; named p-value bounds; `TRUE`: `c("***" = 0.01, "**" =
#'   0.05, "*" = 0.1)`; `FALSE`: none.
#' @param statistic in parentheses: `"se"`, `"t"`, `"p"`, or `"ci"` (in brackets).
#' @param beside `TRUE`: in the cell of the coefficient; `FALSE`: on the line below.
#' @param digits,digits_stat decimals of coefficients and of fit statistics, 0 to 15; `NULL`: those
#'   of the style.
#' @param level confidence level of `statistic = "ci"`.
#' @param vcov,cluster,ssc restate all models under another variance, as in [vcov.fe_lm()]. For
#'   models of other classes only a function `vcov` that returns the matrix can be used.
#' @param stats fit statistics: names of columns of [generics::glance()]; `"outcome.mean"` (of the
#'   sample, weighted if the model is); `"clusters"`; `"estimator"` (OLS, WLS, 2SLS);
#'   `"units:country"`, the number of countries in the sample; `"joint:x1|x2"`, the p-value of the
#'   joint Wald test that the coefficients of that name, or that the expression finds, are zero
#'   (blank where there are none); with instruments `"first.stage.F"` and the columns of glance of
#'   [fe_iv_tests()]; or functions of the model that return one number or string. Names are labels:
#'   `c(Observations = "nobs")`, `list(Median = function(m) ...)`. `character()`: none. `NULL`:
#'   those of the style, without those that no model has, and the estimator where columns differ
#'   in it.
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
#' @param style `"default"`, `"paper"`, `"aer"` or `"cn"`, see the section Styles.
#' @param language `"en"`, or `"zh"`: Chinese words and notes.
#' @return an object of class `fe_table`, a list of `cells` (data frame: `part`, one of "coef",
#'   "se", "block", "stat", "text", "panel"; `row`, the key of a line; `label`; `column`, a number;
#'   `text`; `panel`, its name or ""), `heads` (list of lines above the columns), `stub` (heading of
#'   the first column), `title`, `notes`, `style` and `language`. Methods: `print`, `format`,
#'   `as.data.frame`, knitr's `knit_print`, tinytable's `tt`; [fe_table_write()] writes it to a
#'   file. Errors name the argument, the value and the remedy.
#' @examples
#' m <- fe_lm(ln_upmf ~ ln_imdig + csw0(pgdp, fdi) | country + year, digitrade, intercept = "lsdv")
#' fe_table(m)
#' fe_table(m, style = "paper", controls = c("pgdp", "fdi"),
#'          fe_labels = c(country = "Regional effects", year = "Time effects"))
#' fe_table(HC1 = m[[3]], Clustered = summary(m[[3]], vcov = ~country), keep = "ln_imdig")
#' parts <- fe_lm(ln_upmf ~ ln_imdig + csw0(pgdp) | country + year, digitrade, split = ~developed)
#' fe_table(panels = list("Panel A. Developing" = parts[1:2], "Panel B. Developed" = parts[3:4]),
#'          headings = c("Short", "Long"), style = "aer")
#' fe_table(fe_describe(digitrade, ~ ln_upmf + ln_imdig))
#' @export
fe_table <- function(..., panels = NULL, bottom = "effects", keep = NULL, drop = NULL,
                     order = NULL, coef_map = NULL, labels = NULL, controls = NULL, stars = NULL,
                     statistic = "se", beside = FALSE, digits = NULL, digits_stat = NULL,
                     level = 0.95, vcov = NULL, cluster = NULL, ssc = NULL, stats = NULL,
                     fe_labels = NULL, rows = NULL, groups = NULL, headings = NULL, title = NULL,
                     notes = NULL, style = "default", language = "en") {
  given <- list(...)
  options <- table_options(mget(setdiff(names(formals()), "...")))
  if (length(given) == 1L && is.null(panels)) {
    frame <- table_frame(given[[1L]])
    if (!is.null(frame)) return(frame_table(frame, options, result_note(given[[1L]])))
  }
  models <- if (is.null(panels)) collect_models(given) else
    collect_panels(panels, given, headings)
  columns <- say_once(lapply(seq_along(models$models), function(j) {
    table_column(models$models[[j]], j, vcov, cluster, ssc, options$level)
  }))
  model_table(columns, models, options)
}

# The arguments of fe_table(), checked, with what the style gives where they are NULL.
table_options <- function(given) {
  style <- check_choice(given$style, names(table_styles), "style")
  look <- table_look(style, check_choice(given$language, c("en", "zh"), "language"))
  places <- function(arg) {
    if (is.null(given[[arg]])) look$digits else check_count(given[[arg]], arg, 0, 15)
  }
  list(
    keep = given$keep, drop = given$drop, order = given$order,
    coef_map = check_dictionary(given$coef_map, "coef_map"),
    labels = check_dictionary(given$labels, "labels"),
    controls = check_controls(given$controls, look$controls),
    stars = if (is.null(given$stars)) look$stars else check_stars(given$stars),
    statistic = check_choice(given$statistic, c("se", "t", "p", "ci"), "statistic"),
    beside = check_flag(given$beside, "beside"), digits = places("digits"),
    digits_stat = places("digits_stat"), level = check_level(given$level), stats = given$stats,
    fe_labels = if (isFALSE(given$fe_labels)) FALSE else
      check_dictionary(given$fe_labels, "fe_labels"),
    rows = given$rows, groups = given$groups, headings = given$headings,
    bottom = check_choice(given$bottom, c("effects", "all", "none"), "bottom"),
    title = check_title(given$title), notes = check_notes(given$notes), style = style, look = look)
}

model_table <- function(columns, models, options) {
  chosen <- choose_rows(columns, options)
  cells <- model_cells(columns, models, chosen, options)
  outcomes <- panel_outcomes(columns, models, options)
  paneled <- !is.null(models$panels)
  if (paneled) cells <- panel_cells(cells, models, outcomes, options)
  notes <- if (paneled) panel_notes(columns, models, chosen, options) else
    c(model_notes(columns, chosen, options), models$extra$notes)
  new_table(cells, heads = table_heads(models, outcomes, options), stub = options$look$stub,
            notes = if (!isFALSE(options$notes)) c(notes, options$notes), options = options)
}

# All cells, a column for each model.
model_cells <- function(columns, models, chosen, options) {
  look <- options$look
  constant <- chosen$show %in% "(Intercept)" & is.null(options$coef_map)
  slopes <- coef_cells(columns, chosen$show[!constant], chosen$labels, options)
  last <- coef_cells(columns, chosen$show[constant], chosen$labels, options)
  controls <- control_cells(columns, chosen$controls, look)
  ordered <- if (look$first) list(slopes, last, controls) else list(slopes, controls, last)
  cells <- do.call(rbind, c(ordered, list(
    effect_cells(columns, options), extra_cells(options$rows, length(columns), models$width, look),
    number_cells(models$extra$stats, options), stat_cells(columns, options))))
  if (is.null(cells)) {
    stop_arg("...", "has nothing to show: no coefficient and no statistic is left")
  }
  cells
}

new_table <- function(cells, heads, stub, notes, options) {
  rownames(cells) <- NULL
  structure(list(cells = cells, heads = heads, stub = stub, title = options$title,
                 notes = as.character(notes), style = options$style,
                 language = options$look$language), class = "fe_table")
}

new_cells <- function(part, row, label, text) {
  data.frame(part = part, row = row, label = label, column = seq_along(text),
             text = ifelse(is.na(text), "", as.character(text)), panel = "",
             stringsAsFactors = FALSE)
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
control_cells <- function(columns, controls, look) {
  parts <- Map(function(terms, label) {
    text <- vapply(columns, function(column) {
      has <- terms %in% column$coefs$term
      if (all(has)) look$yes else if (any(has)) look$partly else look$no
    }, "")
    new_cells("block", paste0("controls:", label), label, text)
  }, controls, names(controls))
  do.call(rbind, unname(parts))
}

effect_cells <- function(columns, options) {
  if (isFALSE(options$fe_labels)) return(NULL)
  effects <- unique(unlist(lapply(columns, `[[`, "effects")))
  parts <- lapply(effects, function(effect) {
    label <- effect_label(effect, options)
    text <- vapply(columns, function(column) {
      if (is.null(column$effects)) "" else if (effect %in% column$effects) options$look$yes else
        options$look$no
    }, "")
    new_cells("block", paste0("effect:", effect), label, text)
  })
  do.call(rbind, parts)
}

# Labels of fixed effects are whole; those of the dictionary are, too, or name the factor.
effect_label <- function(effect, options) {
  look <- options$look
  if (effect %in% names(options$fe_labels)) return(options$fe_labels[[effect]])
  known <- effect %in% names(options$labels)
  if (known && !look$factors) return(options$labels[[effect]])
  label <- sprintf(look$effect, if (known) options$labels[[effect]] else effect)
  paste0(toupper(substring(label, 1L, 1L)), substring(label, 2L))
}

# Lines of the user's own; those of a panel's width are the same in each.
extra_cells <- function(rows, n, width, look) {
  if (is.null(rows)) return(NULL)
  if (!is.list(rows) || is.null(names(rows)) || any(names(rows) == "")) {
    stop_arg("rows", paste("must be a named list of lines, not", describe_value(rows)),
             "Write list(\"Region trends\" = c(\"No\", \"Yes\"))")
  }
  parts <- Map(function(text, label) {
    if (!is.atomic(text) || !length(text) %in% c(n, width)) {
      stop_arg("rows", sprintf("has the line %s with %d values, and the table has %d columns",
                               dQuote(label, FALSE), length(text), n))
    }
    if (is.logical(text)) text <- ifelse(text, look$yes, look$no)
    new_cells("block", paste0("row:", label), label, rep_len(text, n))
  }, rows, names(rows))
  do.call(rbind, unname(parts))
}

# Numbers that a result object knows of its columns: a named list of lines.
number_cells <- function(lines, options) {
  parts <- Map(function(values, label) {
    new_cells("stat", paste0("stat:", label), label, format_fixed(values, options$digits_stat))
  }, lines, names(lines))
  do.call(rbind, unname(parts))
}

# ---- headings ------------------------------------------------------------------------------------

# Lines above the columns, from the top: groups, outcomes, headings, numbers. `joined` lines join
# neighbours of the same text.
table_heads <- function(models, outcomes, options) {
  n <- nrow(outcomes)
  head <- if (is.null(options$headings)) models$headings else check_headings(options$headings, n)
  group <- if (is.null(options$groups)) models$groups else check_groups(options$groups, n)
  lines <- list(if (any(group != "")) list(text = group, joined = TRUE),
                if (options$look$outcomes && outcomes_agree(outcomes)) {
                  list(text = outcomes[, 1L], joined = TRUE, within = group)
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

check_controls <- function(controls, label) {
  if (is.null(controls)) return(NULL)
  if (is.character(controls)) {
    controls <- stats::setNames(list(unname(controls)), label)
  }
  if (!is.list(controls) || is.null(names(controls)) || any(names(controls) == "") ||
      !all(vapply(controls, is.character, NA))) {
    stop_arg("controls", paste("must name coefficients, not be", describe_value(controls)),
             "Write c(\"x1\", \"x2\") or list(\"Country controls\" = c(\"x1\", \"x2\"))")
  }
  controls
}

check_stars <- function(stars) {
  if (isFALSE(stars)) return(NULL)
  if (isTRUE(stars)) return(three_stars)
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
