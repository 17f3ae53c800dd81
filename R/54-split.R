# Parts of the sample: `split` and `fsplit` of fe_lm().

# Variables that a split names -> list of factors with an element a row (NA: in no part), whose
# levels are the labels of the parts in their order; NULL: no split. expr: the argument as it was
# written.
split_groups <- function(expr, data, env, arg = "split", panel = NULL) {
  if (is.null(expr)) return(NULL)
  given <- tryCatch(eval(expr, data, env), error = function(e) NULL)
  if (inherits(given, "formula") && length(given) == 2L) {
    terms <- check_joined(split_sum(given[[2L]]), arg, "variables")
    return(lapply(terms, split_term, data = data, env = environment(given), arg = arg,
                  panel = panel))
  }
  value <- resolve_argument(expr, data, env, arg, panel)
  if (is.null(value)) return(NULL)
  if (is.character(value) && length(value) && length(value) < nrow(data)) {
    check_columns(value, data, arg)
    return(lapply(value, function(v) value_groups(data[[v]], v, nrow(data), arg)))
  }
  name <- if (is.language(expr)) deparse_one(expr) else arg
  list(value_groups(value, name, nrow(data), arg))
}

# a^b: every combination of values that occurs.
split_term <- function(term, data, env, arg, panel) {
  parts <- lapply(split_power(term), function(part) {
    value_groups(resolve_argument(part, data, env, arg, panel), deparse_one(part), nrow(data), arg)
  })
  if (length(parts) == 1L) return(parts[[1L]])
  groups <- interaction(parts, sep = ", ", lex.order = TRUE, drop = TRUE)
  if (!nlevels(groups)) stop_arg(arg, sprintf("is NA in every row of `%s`", deparse_one(term)))
  groups
}

# Levels of a factor in their order, other values sorted.
value_groups <- function(value, name, n, arg) {
  if (!is.atomic(value) || is.raw(value) || length(value) != n || !is.null(dim(value))) {
    stop_arg(arg, sprintf("must hold one value for each of the %d rows, not %s", n,
                          describe_value(value)))
  }
  if (all(is.na(value))) stop_arg(arg, sprintf("is NA in every row of `%s`", name))
  if (nchar(name) > 40L) name <- arg
  known <- if (is.factor(value)) levels(droplevels(value)) else sort(unique(value))
  at <- match(if (is.factor(value)) as.character(value) else value, known)
  labels <- sprintf("%s = %s", name, vapply(seq_along(known), function(k) format(known[k]), ""))
  factor(at, seq_along(known), make.unique(labels))
}

# -> list of list(candidates, subset (logical masks; NULL: all rows), split (label or NULL)). full:
# all rows of known groups first. Parts that the subset leaves without a row are no parts.
split_samples <- function(subset, groups, n, full = FALSE) {
  if (is.null(groups)) return(list(list(candidates = subset, subset = subset, split = NULL)))
  all <- if (is.null(subset)) rep(TRUE, n) else subset
  part <- function(rows, label) list(candidates = all & rows, subset = all, split = label)
  parts <- lapply(groups, function(g) {
    lapply(levels(droplevels(g[all])), function(level) part(!is.na(g) & g == level, level))
  })
  known <- Reduce(`&`, lapply(groups, function(g) !is.na(g)))
  c(if (full) list(part(known, "Full sample")), unlist(parts, recursive = FALSE))
}
