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
  if (inherits(x, tested_results)) {
    stop_arg("...", sprintf("has a result of class %s beside models, and it is a table of its own",
                            dQuote(class(x)[1L], FALSE)),
             "Give it to fe_table() alone; p-values of joint tests: stats = \"joint:NAME\"")
  }
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

# -> models (list), headings and groups (a string each), extra (lines of statistics, notes)
collect_models <- function(given) {
  if (!length(given)) stop_arg("...", "is empty", "Give at least one model or a data frame")
  outer <- if (is.null(names(given))) rep("", length(given)) else names(given)
  models <- list()
  headings <- groups <- notes <- character()
  stats <- list()
  for (k in seq_along(given)) {
    check_model(given[[k]], outer[k])
    found <- table_models(given[[k]])
    inner <- if (is.null(names(found))) rep("", length(found)) else names(found)
    several <- length(found) > 1L
    models <- c(models, unname(found))
    headings <- c(headings, if (several || outer[k] == "") inner else outer[k])
    groups <- c(groups, rep(if (several) outer[k] else "", length(found)))
    extra <- table_extra(given[[k]])
    stats <- join_lines(stats, extra$stats, length(headings), length(found))
    notes <- c(notes, extra$notes)
  }
  if (!length(models)) stop_arg("...", "holds an empty list", "Give at least one model")
  list(models = models, headings = headings, groups = groups,
       extra = list(stats = stats, notes = notes))
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
  list(model = m, coefs = coef_table(m, level), glance = glance,
       stats = own_statistics(m, glance), outcome = m$outcome,
       effects = as.character(names(m$fixef_sizes)), labels = data_labels(m$data),
       variance = own_variance(m$vcov_info))
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
  key <- foreign_key(model, glance)
  if (!is.null(vcov)) {
    coefs <- foreign_restated(coefs, model, number, vcov, level)
    key <- "function given by the user"
  }
  if (!"nobs" %in% names(glance)) {
    glance$nobs <- tryCatch(stats::nobs(model), error = function(e) NA)
  }
  list(model = model, coefs = coefs, glance = glance,
       stats = function(name) {
         if (name == "estimator") short_estimator(model) else as.list(glance)[[name]]
       },
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
  constant <- options$look$constant
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
