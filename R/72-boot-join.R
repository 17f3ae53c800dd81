# Runs in parts: what belongs together, joining, distribution over processes.

# Numbers that tell whether two runs are of one model: of the coefficients, the fit, the rows and
# the coding of the clusters.
boot_fingerprint <- function(models, b, labels, coded) {
  code <- coded$code
  mixed <- sum(as.double(code %% 8191L) * (seq_along(code) %% 1009))
  list(labels = labels, coefficients = b, rss = vapply(models, `[[`, 0, "rss"),
       nobs = models[[1L]]$nobs, clusters = c(coded$n_levels, mixed))
}

#' @rdname fe_boot-methods
#' @export
c.fe_boot <- function(...) {
  parts <- list(...)
  if (!all(vapply(parts, inherits, NA, "fe_boot"))) {
    stop_arg("...", "must be bootstraps made by fe_boot()")
  }
  if (length(parts) == 1L) return(parts[[1L]])
  for (p in parts[-1L]) check_joins(parts[[1L]], p)
  numbers <- unlist(lapply(parts, `[[`, "replicates"))
  twice <- sort(unique(numbers[duplicated(numbers)]))
  if (length(twice)) {
    stop_arg("...", sprintf("holds replicate%s more than once",
                            if (length(twice) == 1L) paste0(" ", twice) else
                              sprintf("s %.0f to %.0f", twice[1L], twice[length(twice)])),
             "Give each part numbers of its own: replicates = 1:5000, then 5001:10000")
  }
  order <- order(numbers)
  stack <- function(name) {
    do.call(rbind, lapply(parts, `[[`, name))[order, , drop = FALSE]
  }
  out <- unclass(parts[[1L]])
  out$t <- stack("t")
  if (!is.null(out$se)) out$se <- stack("se")
  out$replicates <- numbers[order]
  out$R <- as.double(length(numbers))
  out$failed <- sum(vapply(parts, `[[`, 0L, "failed"))
  out["problem"] <- list(join_problems(lapply(parts, `[[`, "problem")))
  new_boot(out)
}

join_problems <- function(problems) {
  problems <- Filter(Negate(is.null), problems)
  if (!length(problems)) return(NULL)
  first <- which.min(vapply(problems, `[[`, 0, "replicate"))
  out <- problems[[first]]
  out$count <- sum(vapply(problems, `[[`, 0L, "count"))
  out
}

# One machine's last bits may differ from another's, so numbers are compared to 1e-8.
check_joins <- function(a, b) {
  refuse <- function(what, remedy) {
    stop_arg("...", paste("holds bootstraps", what), remedy)
  }
  if (is.null(a$seed) || is.null(b$seed)) {
    refuse("with weights given by the user", "Join the matrices of weights and run them at once")
  }
  if (!identical(a$seed, b$seed)) {
    refuse("with different seeds", "Make every part with the `seed` of the first one")
  }
  how <- c("type", "weights", "cluster", "G", "path")
  if (!identical(a[how], b[how])) refuse("of different types or clusters", NULL)
  if (!isTRUE(all.equal(a$fingerprint, b$fingerprint, tolerance = 1e-8))) {
    refuse("of different models or data", "All parts must come from the same model")
  }
  same <- isTRUE(all.equal(a$t0, b$t0, tolerance = 1e-8)) && is.null(a$se) == is.null(b$se)
  if (!same) refuse("of different statistics", "Give `statistic` and `studentise` alike")
}

# ---- distribution --------------------------------------------------------------------------------

boot_pieces <- function(args, numbers, map, pieces) {
  if (!is.function(map)) {
    stop_arg("map", paste("must be a function like lapply(), not", describe_value(map)),
             "For instance map = future.apply::future_lapply")
  }
  pieces <- min(check_count(pieces, "pieces"), length(numbers))
  parts <- unname(split(numbers, ceiling(seq_along(numbers) * pieces / length(numbers))))
  job <- boot_job(args)
  out <- tryCatch(map(parts, job), error = function(e) {
    if (inherits(e, "fe_error")) stop(e)
    stop_arg("map", paste("failed:", conditionMessage(e)), "It must work like lapply()")
  })
  if (!is.list(out) || length(out) != length(parts) ||
      !all(vapply(out, inherits, NA, "fe_boot"))) {
    stop_arg("map", sprintf("returned %s in place of a list of %d bootstraps", describe_value(out),
                            length(parts)),
             "It must work like lapply(), and its processes need this package")
  }
  do.call(c, unname(out))
}

# The work of one process: its environment holds the arguments and nothing else.
boot_job <- function(args) {
  force(args)
  function(numbers) do.call(fe_boot, c(args, list(replicates = numbers)))
}
