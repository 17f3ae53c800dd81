# Methods of a bootstrap.

#' Methods for bootstrap results
#'
#' @param object,x an object of class `fe_boot`.
#' @param parm names or numbers of statistics.
#' @param level,conf.level confidence level, default 0.95.
#' @param type,conf.type `"percentile"`, `"basic"`, `"bc"`, `"bca"` or, of a run with `studentise =
#'   TRUE`, `"studentised"`; see [fe_boot()].
#' @param which for `plot`: the statistics to show.
#' @param conf.int should `tidy` give the intervals?
#' @param ... for `c`: bootstraps of one model, of the same type and seed, with different
#'   replicates; elsewhere it must be empty.
#' @return `confint`: a matrix with a row per statistic; `tidy`: a data frame with `term`,
#'   `estimate`, `bias`, `std.error`, `conf.low`, `conf.high`; `vcov`: covariance matrix of the
#'   replicates; `c`: the joint bootstrap, its replicates in the order of their numbers. `c` refuses
#'   parts that are of different models, types or seeds, and replicates that occur twice.
#' @name fe_boot-methods
NULL

#' @rdname fe_boot-methods
#' @export
confint.fe_boot <- function(object, parm, level = 0.95, type = "percentile", ...) {
  check_dots(...)
  out <- interval_table(object, check_choice(type, all_boot_intervals, "type"), check_level(level))
  if (missing(parm)) out else out[check_terms(parm, names(object$t0), "parm"), , drop = FALSE]
}

#' @rdname fe_boot-methods
#' @export
coef.fe_boot <- function(object, ...) object$t0

#' @rdname fe_boot-methods
#' @export
vcov.fe_boot <- function(object, ...) {
  check_dots(...)
  stats::cov(object$t, use = "complete.obs")
}

#' @rdname fe_boot-methods
#' @export
tidy.fe_boot <- function(x, conf.int = TRUE, conf.level = 0.95, conf.type = "percentile", ...) {
  check_dots(...)
  ci <- confint.fe_boot(x, level = conf.level, type = conf.type)
  out <- data.frame(term = names(x$t0), estimate = unname(x$t0),
             bias = unname(colMeans(x$t, na.rm = TRUE) - x$t0),
             std.error = unname(apply(x$t, 2L, stats::sd, na.rm = TRUE)),
             conf.low = unname(ci[, 1L]), conf.high = unname(ci[, 2L]))
  if (check_flag(conf.int, "conf.int")) out else out[1:4]
}

#' @rdname fe_boot-methods
#' @export
print.fe_boot <- function(x, ...) {
  cat(describe_boot(x), "\n", sep = "")
  if (!is.null(x$problem)) {
    cat(sprintf("The statistic failed in %d replicates, which are left out; first in %.0f: %s\n",
                x$problem$count, x$problem$replicate, x$problem$message))
  }
  cat("\n")
  table <- tidy.fe_boot(x)
  rownames(table) <- table$term
  print(format(table[-1L], digits = 4L), quote = FALSE)
  cat("\nIntervals: percentile, 95%; confint(x, type = ) gives basic, bc",
      if (is.null(x$se)) " and bca\n" else ", bca and studentised\n", sep = "")
  invisible(x)
}

describe_boot <- function(x) {
  unit <- if (x$cluster == "row") "rows" else sprintf("clusters of `%s`", x$cluster)
  unit <- sprintf("%s (%d)", unit, x$G)
  failed <- if (x$failed) {
    sprintf("; %d replicates had no solution and are left out", x$failed)
  } else ""
  sprintf("%s over %s, R = %d%s", boot_title(x), unit, as.integer(x$R), failed)
}

boot_title <- function(x) {
  title <- c(pairs = "Pairs bootstrap", wild = "Wild bootstrap", residual = "Residual bootstrap",
             bayesian = "Bayesian bootstrap")[[x$type]]
  if (is.null(x$weights)) return(title)
  sprintf("%s (%s weights)", title, x$weights)
}
