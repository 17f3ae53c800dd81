# What the replication report needs beside the package: reading a panel of one's own, and holding
# computed cells against printed ones. Estimation, tables and figures are the package's public
# functions.

# ---- a panel of one's own ------------------------------------------------------------------------

# The variables of the study; those that a panel may lack are left out of it, and said so.
study_needed <- c("country", "year", "ln_upmf", "ln_imdig")
study_controls <- c("pgdp", "fdi", "gfcf", "rd", "urban")
study_optional <- c("developed", "ln_innov", "ln_inter", "ln_insti", "ln_insur", "ln_finan",
                    "ln_intelpro", "ln_ict", "ln_other", "ln_audio")

# path: a CSV file. map: NULL, or a CSV file with the columns `name` and `source`: how each variable
# of the study is made from columns of the file, e.g. ln_upmf,log(mva). Two names are instructions:
# (rows), a condition on the rows to use, and (fill), "linear" to interpolate gaps within countries
# and carry the ends.
study_panel <- function(path, map = NULL) {
  raw <- utils::read.csv(path, check.names = FALSE, fileEncoding = "UTF-8-BOM")
  if (is.null(map)) return(study_check(raw, path))
  map <- utils::read.csv(map, colClasses = "character", strip.white = TRUE,
                         fileEncoding = "UTF-8-BOM")
  in_file <- nrow(raw)
  if (!all(c("name", "source") %in% names(map))) {
    stop("the map must have the columns `name` and `source`", call. = FALSE)
  }
  source_of <- stats::setNames(map$source, map$name)
  odd <- c(map$name[duplicated(map$name)], setdiff(grep("^\\(", map$name, value = TRUE), c("(rows)", "(fill)")),
           if (!source_of["(fill)"] %in% c(NA, "linear")) "(fill)")
  if (length(odd)) {
    stop("the map has `", odd[1L], "` twice, or an instruction other than (rows), a condition, and (fill), linear",
         call. = FALSE)
  }
  if ("(rows)" %in% names(source_of)) {
    keep <- map_value(source_of[["(rows)"]], raw)
    if (!is.logical(keep)) stop("(rows) in the map must be a condition, such as sample == 1", call. = FALSE)
    raw <- raw[!is.na(keep) & keep, , drop = FALSE]
  }
  variables <- source_of[!startsWith(names(source_of), "(")]
  panel <- as.data.frame(lapply(variables, map_value, data = raw))
  done <- if (nrow(panel) < in_file) {
    sprintf("%d of the file's %d rows are used: %s", nrow(panel), in_file, source_of[["(rows)"]])
  }
  if (identical(unname(source_of["(fill)"]), "linear")) {
    gaps <- colSums(is.na(panel))
    panel <- fill_gaps(panel)
    filled <- gaps - colSums(is.na(panel))
    filled <- filled[filled > 0]
    if (length(filled)) {
      done <- c(done, paste("gaps filled linearly within countries, the ends carried:",
                            paste(sprintf("%s (%d)", names(filled), filled), collapse = ", ")))
    }
  }
  structure(study_check(panel, path), done = done)
}

map_functions <- c("+", "-", "*", "/", "^", "(", "log", "log1p", "sqrt", "exp", "==", "!=", ">",
                   ">=", "<", "<=", "&", "|", "!", "pmax", "pmin")

# The functions that an expression calls; "" for what is called without a name.
called_functions <- function(expr) {
  if (!is.call(expr)) return(character())
  head <- if (is.name(expr[[1L]])) as.character(expr[[1L]]) else ""
  c(head, unlist(lapply(Filter(is.call, as.list(expr)), called_functions)))
}

# A map is data: only columns, numbers, texts and the functions above are evaluated, and a column
# that has the name of a function does not make it one of them.
map_value <- function(text, data) {
  expr <- tryCatch(str2lang(text), error = function(e) {
    stop("the map has `", text, "`, which is no expression", call. = FALSE)
  })
  unknown <- c(setdiff(called_functions(expr), map_functions),
               setdiff(all.vars(expr), names(data)))
  if (length(unknown)) {
    stop("the map has `", text, "`, but `", unknown[1L], "` is neither a column of the file nor ",
         "one of ", paste(map_functions, collapse = " "), call. = FALSE)
  }
  eval(expr, data, baseenv())
}

fill_gaps <- function(panel) {
  panel <- panel[order(panel$country, panel$year), ]
  numbers <- setdiff(names(panel)[vapply(panel, is.numeric, NA)], "year")
  for (rows in split(seq_len(nrow(panel)), panel$country)) {
    panel[rows, numbers] <- lapply(panel[rows, numbers, drop = FALSE], fill_series,
                                   at = panel$year[rows])
  }
  panel
}

# Linear in time between known values (of the variable as the map makes it), the nearest known value
# beyond the ends.
fill_series <- function(x, at) {
  known <- which(!is.na(x))
  if (length(known) < 2L) return(if (length(known)) rep(x[known], length(x)) else x)
  stats::approx(at[known], x[known], at, rule = 2)$y
}

study_check <- function(panel, path) {
  fail <- function(...) stop("the study cannot use ", basename(path), ": ", ..., call. = FALSE)
  if (!nrow(panel)) fail("no row is left")
  absent <- setdiff(study_needed, names(panel))
  if (length(absent)) {
    stop("the study needs the column", if (length(absent) > 1L) "s " else " ",
         paste(absent, collapse = ", "), ", which ", path, " does not give; name them in a map ",
         "(MAP=)", call. = FALSE)
  }
  if ("developed" %in% names(panel)) {
    known <- is.na(panel$developed)
    panel$developed <- as.logical(panel$developed)
    if (any(is.na(panel$developed) & !known)) fail("`developed` must hold 0 and 1 or TRUE and FALSE")
  }
  numbers <- intersect(names(panel), c("year", "ln_upmf", "ln_imdig", study_controls, study_optional))
  text <- numbers[!vapply(panel[numbers], function(x) is.numeric(x) || is.logical(x), NA)]
  if (length(text)) fail("`", text[1L], "` is not numeric")
  twice <- anyDuplicated(panel[c("country", "year")])
  if (twice) fail(sprintf("country %s has the year %s twice", panel$country[twice], panel$year[twice]))
  if (length(unique(panel$country)) < 2L) fail("it has fewer than two countries")
  for (v in c("ln_upmf", "ln_imdig")) {
    if (length(unique(stats::na.omit(panel[[v]]))) < 2L) fail("`", v, "` does not vary")
  }
  panel
}

# The indicators of institutional quality that a panel has.
study_indicators <- function(panel) grep("^(wgi|ief)_", names(panel), value = TRUE)

# One model or several, as a plain list.
as_models <- function(x) if (inherits(x, "fe_lm")) list(x) else unname(as.list(x))

# What a panel lacks, in sentences.
study_left_out <- function(panel) {
  known <- names(panel)[!vapply(panel, function(x) all(is.na(x)), NA)]
  if (length(study_indicators(panel)) > 2L) known <- c(known, "ln_insti")
  absent <- setdiff(c(study_controls, study_optional), known)
  if (!length(absent)) return(character())
  paste0("the data have no column `", absent, "`: what needs it is left out")
}

# ---- printed against computed --------------------------------------------------------------------

printed_number <- function(x, digits) {
  out <- sprintf("%.*f", digits, x)
  sub("^-(0(\\.0+)?)$", "\\1", out)
}

stars_of <- function(p) ifelse(p < 0.01, "***", ifelse(p < 0.05, "**", ifelse(p < 0.1, "*", "")))

# One computed cell: estimate and s.e. of a term, nobs, or adjusted R2.
computed_cell <- function(model, term) {
  if (is.null(model)) return(NULL)
  fit <- fepanel::glance(model)
  if (term == "nobs") return(list(estimate = fit$nobs, std_error = NA, stars = ""))
  if (term == "adj_r2") return(list(estimate = fit$adj.r.squared, std_error = NA, stars = ""))
  t <- fepanel::tidy(model)
  t <- t[t$term == if (term == "_cons") "(Intercept)" else term, ]
  if (!nrow(t)) return(NULL)
  list(estimate = t$estimate, std_error = t$std.error, stars = stars_of(t$p.value))
}

# All printed cells of a table against the models of its columns (a list named by column) -> one row
# a cell.
compare_table <- function(published, table, models) {
  cells <- published[published$table == table & published$column %in% names(models), ]
  rows <- lapply(seq_len(nrow(cells)), function(i) {
    compare_cell(cells[i, ], computed_cell(models[[cells$column[i]]], cells$term[i]))
  })
  do.call(rbind, rows)
}

compare_cell <- function(cell, computed) {
  text <- function(estimate, stars, std_error) {
    if (is.na(estimate)) return("")
    if (is.na(std_error)) return(printed_number(estimate, cell$digits))
    sprintf("%s%s (%s)", printed_number(estimate, cell$digits), stars,
            printed_number(std_error, cell$digits))
  }
  se <- if (is.na(cell$std_error) && !is.na(cell$estimate)) NA else computed$std_error
  printed <- text(cell$estimate, cell$stars, cell$std_error)
  ours <- if (is.null(computed)) "" else text(computed$estimate, computed$stars, se)
  difference <- if (is.null(computed) || is.na(cell$estimate)) NA else
    as.numeric(printed_number(computed$estimate, cell$digits)) - cell$estimate
  data.frame(table = cell$table, column = cell$column, term = cell$term, published = printed,
             computed = ours, difference = difference, equal = identical(printed, ours),
             doubted = cell$doubt != "", doubt = cell$doubt)
}

# Table 1: statistics of the variables against the printed ones.
compare_describe <- function(published, data) {
  cells <- published[published$table == 1, ]
  statistic <- list(mean = mean, sd = stats::sd, min = min, max = max, obs = length)
  rows <- lapply(seq_len(nrow(cells)), function(i) {
    value <- statistic[[cells$column[i]]](data[[cells$term[i]]])
    compare_cell(cells[i, ], list(estimate = value, std_error = NA, stars = ""))
  })
  do.call(rbind, rows)
}

agreement_line <- function(agreement) {
  undoubted <- agreement[!agreement$doubted, ]
  sprintf("%d of %d undoubted cells equal to the printed digits", sum(undoubted$equal),
          nrow(undoubted))
}

# Printed | computed | difference as a table for the page.
comparison_frame <- function(comparison) {
  difference <- formatC(comparison$difference, digits = 4, format = "f")
  data.frame(
    Column = comparison$column, Term = comparison$term, Published = comparison$published,
    Computed = comparison$computed,
    Difference = ifelse(is.na(comparison$difference), "", difference),
    ` ` = ifelse(comparison$equal, "=", ifelse(comparison$doubted, "doubted", "differs")),
    check.names = FALSE)
}

# ---- checked against lm() ------------------------------------------------------------------------

# Largest relative difference of slopes and HC1 errors between a model and lm() on dummies with the
# textbook sandwich.
against_lm <- function(model, data) {
  f <- Formula::as.Formula(formula(model))
  terms <- setdiff(names(coef(model)), "(Intercept)")
  rhs <- paste(deparse(formula(f, lhs = 0, rhs = 1)[[2L]], width.cutoff = 500L), collapse = " ")
  data <- data[fepanel::fe_rows(model)$used, ]
  l <- stats::lm(stats::reformulate(c(rhs, "factor(country)", "factor(year)"),
                                    formula(f, rhs = 0)[[2L]]), data)
  keep <- !is.na(coef(l))
  x <- stats::model.matrix(l)[, keep, drop = FALSE]
  bread <- chol2inv(qr.R(qr(x)))
  v <- bread %*% crossprod(x * residuals(l)) %*% bread * nrow(x) / l$df.residual
  se <- stats::setNames(sqrt(diag(v)), colnames(x))
  mine <- fepanel::tidy(model)
  mine <- mine[match(terms, mine$term), ]
  max(abs(mine$estimate / coef(l)[terms] - 1), abs(mine$std.error / se[terms] - 1))
}
