# Methods of a mediation: what is said of its effects.

#' Methods for mediation results
#'
#' @param object,x an object of class `fe_mediate`.
#' @param vcov,cluster,ssc as in [vcov.fe_lm()]: the equations under another variance. The bootstrap
#'   stays.
#' @param parm names or numbers of effects, those of `coef()`.
#' @param level,conf.level confidence level, default that of the call.
#' @param conf.int should `tidy` give the intervals?
#' @param type type of the bootstrap interval, default that of the call.
#' @param digits digits to print.
#' @param ... must be empty.
#' @param interval for `tidy`, of the indirect effects: `"boot"`, Sobel's standard error and p-value
#'   with the bootstrap interval (the default when there is a bootstrap); `"sobel"`, Sobel's
#'   interval; `"all"`, a row for each.
#' @return `tidy`: one row an effect, see `effects` in [fe_mediate()]; `vcov`: the covariance of the
#'   effects over the bootstrap replicates; `glance`: one row (`nobs`, `identity`, `R`, `clusters`);
#'   `coef`: named vector of total, direct and indirect effects; `confint`: bootstrap intervals of
#'   these, or those of Sobel without a bootstrap.
#' @name fe_mediate-methods
NULL

#' @rdname fe_mediate-methods
#' @export
tidy.fe_mediate <- function(x, interval = c("boot", "sobel", "all"), conf.int = TRUE,
                            conf.level = x$level, ...) {
  check_dots(...)
  if (conf.level != x$level) x <- with_level(x, check_level(conf.level, "conf.level"))
  interval <- check_choice(interval[1L], c("boot", "sobel", "all"), "interval")
  e <- x$effects
  e <- data.frame(term = ifelse(is.na(e$mediator), e$effect, paste0(e$effect, ":", e$mediator)), e)
  if (interval == "all") return(e)
  booted <- startsWith(e$method, "boot") & e$effect == "indirect"
  if (interval == "boot" && any(booted)) {
    from <- match(e$term[booted], e$term) # Sobel's row stands first
    e[from, c("conf.low", "conf.high")] <- e[booted, c("conf.low", "conf.high")]
    e$method[from] <- paste("Sobel,", e$method[booted], "interval")
  }
  hidden <- if (!check_flag(conf.int, "conf.int")) c("conf.low", "conf.high")
  e <- e[!booted, setdiff(names(e), hidden)]
  rownames(e) <- NULL
  e
}

#' @rdname fe_mediate-methods
#' @export
glance.fe_mediate <- function(x, ...) {
  data.frame(nobs = x$models$total$nobs, mediators = length(x$mediators), identity = x$identity,
             R = if (is.null(x$boot)) 0 else x$boot$R,
             clusters = if (is.null(x$boot)) NA_integer_ else x$boot$G,
             vcov.type = x$models$total$vcov_info$label)
}

#' @rdname fe_mediate-methods
#' @export
coef.fe_mediate <- function(object, ...) {
  direct <- vapply(object$mediators, function(m) {
    coef_of(outcome_equation(object, m), object$treat)
  }, 0)
  indirect <- indirect_effects(object)
  c(total = coef_of(object$models$total, object$treat),
    stats::setNames(direct, paste0("direct:", object$mediators)),
    stats::setNames(indirect, paste0("indirect:", object$mediators)))
}

#' @rdname fe_mediate-methods
#' @export
confint.fe_mediate <- function(object, parm, level = object$level, type = object$ci, ...) {
  check_dots(...)
  if (!is.null(object$boot)) {
    out <- confint.fe_boot(object$boot, level = level, type = type)
    out <- out[names(coef(object)), , drop = FALSE]
  } else {
    out <- sobel_intervals(object, check_level(level))
  }
  if (missing(parm)) out else out[check_terms(parm, rownames(out), "parm"), , drop = FALSE]
}

# The same results at another confidence level.
with_level <- function(x, level) {
  x$level <- level
  x$intervals <- mediation_intervals(x)
  x$effects <- mediation_effects(x)
  x
}

# Intervals without a bootstrap: t for the total and direct effects, Sobel's for the indirect ones.
sobel_intervals <- function(x, level) {
  x$level <- level
  e <- mediation_effects(x)
  e <- e[e$effect %in% c("total", "direct", "indirect"), ]
  name <- ifelse(is.na(e$mediator), e$effect, paste0(e$effect, ":", e$mediator))
  out <- cbind(e$conf.low, e$conf.high)
  dimnames(out) <- list(name, level_names(level))
  out[intersect(names(coef(x)), name), , drop = FALSE]
}

#' @rdname fe_mediate-methods
#' @export
nobs.fe_mediate <- function(object, ...) object$models$total$nobs

#' @rdname fe_mediate-methods
#' @export
formula.fe_mediate <- function(x, ...) x$models$total$formula

# Columns of a table: for each mediator its equation and the outcome equation that it stands in.
#' @exportS3Method
table_models.fe_mediate <- function(x) {
  columns <- if (x$joint) c(x$models$a, x$models$b) else
    do.call(c, lapply(x$mediators, function(m) list(x$models$a[[m]], x$models$b[[m]])))
  unname(columns)
}

#' @export
fe_rows.fe_mediate <- function(object, ...) fe_rows(object$models$total)

#' @rdname fe_mediate-methods
#' @export
summary.fe_mediate <- function(object, vcov = NULL, cluster = NULL, ssc = NULL, ...) {
  restate <- function(m) restated(m, vcov, cluster, ssc)
  object$models <- list(total = restate(object$models$total), a = lapply(object$models$a, restate),
                        b = lapply(object$models$b, restate))
  object$effects <- mediation_effects(object)
  object
}

#' @rdname fe_mediate-methods
#' @export
print.fe_mediate <- function(x, digits = 4L, ...) {
  total <- x$models$total
  cat(sprintf("Mediation of %s on %s (%s)\n", x$treat, x$outcome, deparse_one(total$formula)))
  cat(sprintf("Mediators: %s%s; one sample of %d rows for all equations\n",
              paste(x$mediators, collapse = ", "), if (x$joint) " (jointly)" else "", total$n_rows))
  cat("Std. errors of the paths: ", describe_vcov(total), "\n", sep = "")
  if (!is.null(x$boot)) cat(describe_boot(x$boot), "\n", sep = "")
  cat("\n")
  e <- x$effects
  number <- function(v) ifelse(is.na(v), "", formatC(v, digits = digits, format = "f"))
  p_value <- function(p) ifelse(!is.na(p) & p < 1e-4, "<1e-4", number(p))
  table <- cbind(number(e$estimate), number(e$std.error), p_value(e$p.value),
                 ifelse(is.na(e$conf.low), "",
                        sprintf("[%s, %s]", number(e$conf.low), number(e$conf.high))),
                 sub("^boot ", "", e$method))
  name <- ifelse(is.na(e$mediator), "total c",
                 sprintf("%s %s", e$mediator, effect_labels[e$effect]))
  interval <- sprintf("%g%% interval", 100 * x$level)
  dimnames(table) <- list(name, c("Estimate", "s.e.", "p", interval, "by"))
  print(table, quote = FALSE, right = TRUE)
  cat(sprintf("\nIdentity c = c' + %s holds to %.1e\n", if (x$joint) "sum of a*b" else "a*b",
              x$identity))
  invisible(x)
}

effect_labels <- c(total = "total c", a = "a", b = "b", direct = "direct c'",
                   indirect = "indirect a*b", share = "share a*b/c")
