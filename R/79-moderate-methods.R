# What one asks of a moderation.

#' Methods for moderation
#'
#' What belongs to the interaction model (`coef`, `vcov`, `nobs`, `formula`, `confint`, `glance`,
#' `fe_rows`) comes from it; `summary()` states slopes and region anew under another variance.
#'
#' @param object,x an object of class `fe_moderate`, made by [fe_moderate()].
#' @param vcov,cluster,ssc as in [vcov.fe_lm()]; `NULL`: as estimated.
#' @param level,conf.level confidence level between 0 and 1; default that of the object.
#' @param parm names or numbers of coefficients; default all.
#' @param what `"terms"` (coefficients of the model), `"slopes"`, `"contrasts"` (differences of all
#'   pairs of slopes), `"average"` (the average slope) or `"regions"` (Johnson-Neyman).
#' @param adjust for contrasts: how p-values are adjusted over the table, `"none"` (default) or a
#'   method of [fe_adjust()] that needs the p-values alone: `"bonferroni"`, `"holm"`, `"hochberg"`,
#'   `"BH"`, `"BY"`. Intervals stay those of single comparisons.
#' @param conf.int should `conf.low` and `conf.high` be given?
#' @param formula changes to the formula, as in [stats::update()].
#' @param evaluate `FALSE`: give the new call only.
#' @param digits significant digits to print.
#' @param ... for `update()`, arguments of [fe_moderate()] to change; for `tidy()`, `confint()`,
#'   `vcov()` passed on, so that they take `vcov`, `cluster` and `ssc` too.
#' @return `summary`, `update`: an object of class `fe_moderate`. `tidy`: a data frame with a row
#'   per coefficient, or per slope (`term` is its label, `value` that of the moderator), contrast or
#'   region. `glance`: the row of the model, with the F test of the products
#'   (`interaction.statistic`, `interaction.df`, `interaction.p.value`). The others as for `fe_lm`.
#' @name fe_moderate-methods
NULL

#' @rdname fe_moderate-methods
#' @export
summary.fe_moderate <- function(object, vcov = NULL, cluster = NULL, ssc = NULL, ...) {
  check_dots(...)
  check_other_uses(c(cluster_parts(vcov), cluster_parts(cluster)), object)
  object$model <- restated(object$model, vcov, cluster, ssc)
  restate_moderation(object)
}

#' @rdname fe_moderate-methods
#' @export
coef.fe_moderate <- function(object, ...) coef(object$model, ...)

#' @rdname fe_moderate-methods
#' @export
vcov.fe_moderate <- function(object, ...) vcov(object$model, ...)

#' @rdname fe_moderate-methods
#' @export
confint.fe_moderate <- function(object, parm, level = object$level, ...) {
  confint(object$model, parm, level, ...)
}

#' @rdname fe_moderate-methods
#' @export
nobs.fe_moderate <- function(object, ...) nobs(object$model)

#' @rdname fe_moderate-methods
#' @export
formula.fe_moderate <- function(x, ...) formula(x$model)

#' @rdname fe_moderate-methods
#' @export
update.fe_moderate <- function(object, formula, ..., evaluate = TRUE) {
  call <- match.call()
  call[[1L]] <- update.fe_lm
  eval(call, parent.frame())
}

#' @export
fe_rows.fe_moderate <- function(object, ...) fe_rows(object$model)

#' @rdname fe_moderate-methods
#' @export
tidy.fe_moderate <- function(x, what = c("terms", "slopes", "contrasts", "average", "regions"),
                             conf.int = FALSE, conf.level = x$level, adjust = "none", ...) {
  kinds <- c("terms", "slopes", "contrasts", "average", "regions")
  what <- check_first(what, kinds, "what")
  if (what == "terms") {
    return(tidy(x$model, conf.int = conf.int, conf.level = conf.level, ...))
  }
  x <- summary(x, ...)
  if (what == "regions") return(region_table(x))
  level <- check_level(conf.level, "conf.level")
  table <- switch(what, slopes = slope_table(x, level), average = average_table(x, level),
                  contrasts = contrast_table(x, level, adjust))
  names(table)[names(table) == "label"] <- "term"
  first <- c("term", grep("^(contrast|value[0-9]*)$", names(table), value = TRUE))
  last <- if (check_flag(conf.int, "conf.int")) c("conf.low", "conf.high")
  table[c(first, "estimate", "std.error", "statistic", "df", "p.value", last)]
}

# The regions of all panels, one below the other.
region_table <- function(x) {
  regions <- region_list(x)
  if (is.null(regions)) {
    stop_arg("what", sprintf("is \"regions\", but `%s` has no line of values", x$moderator[1L]),
             "Regions belong to a numeric first moderator of more than two values")
  }
  parts <- Map(function(jn, label) {
    data.frame(panel = rep(label, nrow(jn$regions)), jn$regions)
  }, unname(regions), names(x$panels))
  do.call(rbind, parts)
}

#' @rdname fe_moderate-methods
#' @export
glance.fe_moderate <- function(x, ...) {
  test <- x$interaction[1L, ]
  data.frame(glance(x$model), interaction.statistic = test$statistic, interaction.df = test$df1,
             interaction.p.value = test$p.value)
}

#' @export
table_models.fe_moderate <- function(x) list(x$model)
