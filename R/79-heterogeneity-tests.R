# What is said of the estimates of a heterogeneity: joint variance, equality, adjusted p-values.

new_heterogeneity <- function(parts, pooled, job, call) {
  rows <- unlist(lapply(parts, `[[`, "rows"), recursive = FALSE)
  dimension <- rep(vapply(parts, `[[`, "", "dimension"), lengths(lapply(parts, `[[`, "rows")))
  failed <- do.call(rbind, lapply(parts, `[[`, "failed"))
  if (!length(rows)) {
    stop_arg("by", paste("gives no group with an estimate:", failed$cause[1L]))
  }
  if (!is.null(failed)) {
    rownames(failed) <- NULL
    warn_user("no estimate for ", paste(sprintf("%s (%s)", failed$group, failed$cause),
                                        collapse = "; "))
  }
  family <- rows_family(rows)
  table <- data.frame(dimension = dimension, group = vapply(rows, `[[`, "", "group"),
                      family_table(family, job$level)[-1L],
                      nobs = vapply(rows, function(r) as.double(r$nobs), 0),
                      units = vapply(rows, function(r) as.integer(r$units), 0L))
  x <- structure(list(table = table, failed = failed, pooled = pooled, models = family$models,
                      family = family$at, method = job$method, level = job$level,
                      treat = job$focal$name, call = call), class = "fe_heterogeneity")
  add_tests(add_adjustment(x, family, job$adjust), family)
}

# Models once each, in the order of the rows.
rows_family <- function(rows) {
  models <- list()
  at <- integer(length(rows))
  for (r in seq_along(rows)) {
    same <- which(vapply(models, function(m) identical(m$formula, rows[[r]]$model$formula) &&
                           identical(m$rows, rows[[r]]$model$rows), NA))
    if (!length(same)) {
      models <- c(models, list(rows[[r]]$model))
      names(models)[length(models)] <- rows[[r]]$group
      same <- length(models)
    }
    at[r] <- same[1L]
  }
  list(models = models, at = data.frame(model = at, term = vapply(rows, `[[`, "", "term")))
}

heterogeneity_family <- function(x) {
  list(models = x$models, terms = lapply(seq_along(x$models), function(j) {
    x$family$term[x$family$model == j]
  }))
}

add_adjustment <- function(x, family, adjust) {
  if (is.character(adjust)) adjust <- list(method = adjust)
  if (!is.list(adjust) || length(adjust$method) != 1L) {
    stop_arg("adjust", "must be one method of fe_adjust() or a list of its arguments",
             "Write list(method = \"romano-wolf\", cluster = ~country)")
  }
  check_adjustments(adjust$method, "adjust")
  x$adjusted <- do.call(fe_adjust, c(list(x), adjust))
  method <- x$adjusted$methods
  column <- if (method == "romano-wolf") "p.romano.wolf" else paste0("p.", method)
  at <- match(paste(x$family$model, x$family$term),
              paste(match(x$adjusted$table$model, names(x$models)), x$adjusted$table$term))
  x$table$p.adjusted <- x$adjusted$table[[column]][at]
  first <- c("dimension", "group", "term", "estimate", "std.error", "statistic", "p.value",
             "p.adjusted", "conf.low", "conf.high")
  x$table <- x$table[c(first, setdiff(names(x$table), first))]
  x
}

# Joint variance, where there is one, and what follows from it.
add_tests <- function(x, family) {
  joint <- tryCatch(family_variance(family), fe_error = unless_memory(conditionMessage))
  x$joint <- if (is.character(joint)) list(problem = joint) else
    c(joint[c("label", "df", "G")], test = equality_test(joint, NULL))
  known <- is.list(joint)
  x$table$band.low <- x$table$band.high <- NA_real_
  if (known) {
    x$vcov <- joint$V
    dimnames(x$vcov) <- rep(list(x$table$group), 2L)
    x$critical <- sup_t(joint$V, joint$df, x$level, 1e5, 1)
    x$table$band.low <- x$table$estimate - x$critical * x$table$std.error
    x$table$band.high <- x$table$estimate + x$critical * x$table$std.error
  }
  last <- c("band.low", "band.high", "nobs", "units")
  x$table <- x$table[c(setdiff(names(x$table), last), last)]
  several <- Filter(function(d) sum(x$table$dimension == d) > 1L, unique(x$table$dimension))
  tested <- lapply(if (known) several, dimension_tests, x = x, joint = joint)
  x["equality"] <- list(do.call(rbind, lapply(tested, `[[`, "equality")))
  x["pairs"] <- list(do.call(rbind, lapply(tested, `[[`, "pairs")))
  x
}

dimension_tests <- function(d, x, joint) {
  at <- which(x$table$dimension == d)
  k <- length(at)
  pairs <- utils::combn(at, 2L)
  J <- matrix(0, ncol(pairs), nrow(x$table))
  J[cbind(seq_len(nrow(J)), pairs[1L, ])] <- -1
  J[cbind(seq_len(nrow(J)), pairs[2L, ])] <- 1
  difference <- as.vector(J %*% x$table$estimate)
  S <- J %*% joint$V %*% t(J)
  first <- seq_len(k - 1L) # the pairs with the first group
  test <- equality_check(difference, S, J, first, joint, x$joint$test)
  t <- difference_columns(difference, S, each_df(joint, J, x$joint$test), x$level)
  list(equality = data.frame(dimension = d, groups = k, statistic = unname(test$statistic),
                             df1 = k - 1, df2 = test$parameter[["df2"]], p.value = test$p.value),
       pairs = data.frame(dimension = d, group1 = x$table$group[pairs[1L, ]],
                          group2 = x$table$group[pairs[2L, ]], t[1:5],
                          p.adjusted = stats::p.adjust(t$p.value, "holm"), t[6:7]))
}
