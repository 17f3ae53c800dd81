# Result objects in tables: those that are columns of coefficients say so by table_models(), those
# that are tests or lists become a table of what tidy() gives of them.

# Classes whose table is that of tidy(), a line for each test or estimate.
tested_results <- c("fe_wald", "fe_equal", "fe_hausman", "fe_iv_tests", "fe_sensitivity",
                    "fe_boottest", "fe_index", "fe_clusters", "fe_fixef")

# What the notes call the estimator of a result that is a column.
result_estimators <- c(
  fe_decompose = "decomposition of the change of a coefficient (Gelbach 2016)",
  fe_boot = "least squares with a bootstrap")

# The same in a line of the table.
short_results <- c(fe_decompose = "Decomposition", fe_boot = "Bootstrap")

result_headings <- c(
  term = "Term", test = "Test", effect = "Effect", estimate = "Estimate", estimate1 = "(1)",
  estimate2 = "(2)", difference = "Difference", null.value = "Null", std.error = "Std. error",
  statistic = "Statistic", distribution = "Distribution", df = "df", df1 = "df1", df2 = "df2",
  p.value = "p", p.adjusted = "p (adjusted)", conf.low = "Low", conf.high = "High",
  within = "Within", between = "Between", nobs = "N", rv = "Robustness value",
  rv.alpha = "... of significance", rv.model = "... with the model's errors",
  r2.treat.outcome = "Partial R2", share = "Share",
  parameter = "df", method = "Method", label = "Specification", outcome = "Outcome")

# -> the data frame whose table is that of x, or NULL: x is shown in columns
table_frame <- function(x) {
  if (is.data.frame(x)) return(x)
  if (inherits(x, "fe_panel_view")) return(format(x))
  if (!inherits(x, tested_results)) return(NULL)
  frame <- as.data.frame(tidy(x))
  flat <- vapply(frame, function(v) is.atomic(v) && is.null(dim(v)), NA)
  frame <- frame[flat & !vapply(frame, function(v) all(is.na(v)), NA)]
  known <- names(frame) %in% names(result_headings)
  names(frame)[known] <- result_headings[names(frame)[known]]
  rownames(frame) <- NULL
  frame
}

frame_table <- function(data, options, note = NULL) {
  if (!ncol(data) || !nrow(data)) {
    stop_arg("...", paste("is", describe_value(data)), "Nothing to show")
  }
  data <- if (inherits(data, "fe_describe")) format(data) else data
  note <- c(note, attr(data, "notes"))
  data <- as.data.frame(data)
  flat <- vapply(data, function(v) is.atomic(v) && is.null(dim(v)), NA)
  if (!all(flat)) {
    stop_arg("...", paste("has columns that hold no single values:",
                          quote_list(names(data)[!flat])))
  }
  named <- is.character(attr(data, "row.names"))
  stub <- if (named) row.names(data) else as.character(data[[1L]])
  head <- if (named) "" else names(data)[1L]
  values <- if (named) data else data[-1L]
  if (!length(values)) stop_arg("...", "has one column only, which heads the lines")
  text <- lapply(values, function(v) {
    if (!is.numeric(v)) return(ifelse(is.na(v), "", as.character(v)))
    format_stat_row(as.list(v), options$digits)
  })
  cells <- lapply(seq_along(stub), function(r) {
    line <- vapply(text, `[`, "", r)
    label <- if (stub[r] %in% names(options$labels)) options$labels[[stub[r]]] else stub[r]
    new_cells("text", sprintf("%d:%s", r, stub[r]), label, line)
  })
  new_table(do.call(rbind, cells), frame_heads(values, options), head,
            if (!isFALSE(options$notes)) c(note, options$notes), options)
}

frame_heads <- function(values, options) {
  group <- if (!is.null(options$groups)) check_groups(options$groups, length(values))
  heading <- if (is.null(options$headings)) names(values) else
    check_headings(options$headings, length(values))
  c(if (!is.null(group)) list(list(text = group, joined = TRUE)),
    list(list(text = heading, joined = FALSE)))
}

# The joint test of a result that has one, in words.
result_note <- function(x) {
  if (!inherits(x, "htest") || length(x$p.value) != 1L || is.na(x$p.value)) return(NULL)
  label <- names(x$statistic)
  sprintf("%s: %s%s, p = %s.", x$method, if (length(label)) paste0(label[1L], " = ") else "",
          format_fixed(x$statistic[[1L]], 4L), format_fixed(x$p.value, 4L))
}

# ---- what a result adds to its columns -----------------------------------------------------------

# -> NULL, or stats (named list of lines, a number for each column) and notes
table_extra <- function(x) UseMethod("table_extra")

#' @export
table_extra.default <- function(x) NULL

# Adjusted p-values where each column has one estimate of the family, and tests of equality.
#' @export
table_extra.fe_heterogeneity <- function(x) {
  at <- match(seq_along(x$models), x$family$model)
  lines <- if (nrow(x$table) == length(x$models) && !anyNA(at)) {
    stats::setNames(list(x$table$p.adjusted[at]), sprintf("p (%s)", x$adjusted$methods))
  }
  e <- x$equality
  list(stats = lines, notes = if (!is.null(e)) {
    sprintf("Equality of %s across %s: F(%s, %s) = %s, p = %s.", x$treat, e$dimension,
            format(e$df1), vapply(e$df2, format, "", digits = 5L),
            format_fixed(e$statistic, 2L), format_fixed(e$p.value, 4L))
  })
}

# Indirect effects, with the interval of their method.
#' @export
table_extra.fe_mediate <- function(x) {
  e <- tidy(x)
  e <- e[e$effect == "indirect" & !is.na(e$conf.low), ]
  of <- if (x$interaction || treatment_step(x) == 1) x$treat else
    sprintf("%s (%s to %s)", x$treat, format(x$levels[["control"]]), format(x$levels[["treat"]]))
  list(notes = sprintf("Indirect effect of %s through %s: %s [%s, %s] (%s, %s%%).", of,
                       sub("^indirect:", "", e$term), format_fixed(e$estimate, 4L),
                       format_fixed(e$conf.low, 4L), format_fixed(e$conf.high, 4L), e$method,
                       format(100 * x$level)))
}

# Lines of statistics, padded where a result has none; n columns so far, the last of them new.
join_lines <- function(lines, new, n, width) {
  pad <- function(values, k) if (is.null(values)) rep(NA_real_, k) else values
  labels <- union(names(lines), names(new))
  stats::setNames(lapply(labels, function(label) {
    c(pad(lines[[label]], n - width), pad(new[[label]], width))
  }), labels)
}

# How the standard errors of a column of another class came about, as far as it says.
foreign_key <- function(model, glance) {
  if (inherits(model, "fe_boot")) return(describe_boot(model))
  type <- glance[["vcov.type"]]
  if (is.character(type) && length(type) == 1L && !is.na(type)) return(type)
  sprintf("as class %s reports them", class(model)[1L])
}
