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
#' @param what `"terms"` (coefficients of the model) or `"slopes"`.
#' @param conf.int should `conf.low` and `conf.high` be given?
#' @param formula changes to the formula, as in [stats::update()].
#' @param evaluate `FALSE`: give the new call only.
#' @param digits significant digits to print.
#' @param ... for `update()`, arguments of [fe_moderate()] to change; for `tidy()`, `confint()`,
#'   `vcov()` passed on, so that they take `vcov`, `cluster` and `ssc` too.
#' @return `summary`, `update`: an object of class `fe_moderate`. `tidy`: a data frame with a row
#'   per coefficient, or per slope (`term` is its label, `value` that of the moderator). `glance`:
#'   the row of the model, with the F test of the products (`interaction.statistic`,
#'   `interaction.df`, `interaction.p.value`). The others as for `fe_lm`.
#' @name fe_moderate-methods
NULL

#' @rdname fe_moderate-methods
#' @export
summary.fe_moderate <- function(object, vcov = NULL, cluster = NULL, ssc = NULL, ...) {
  check_dots(...)
  check_other_uses(c(cluster_parts(vcov), cluster_parts(cluster)), object$center)
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
tidy.fe_moderate <- function(x, what = c("terms", "slopes"), conf.int = FALSE, conf.level = x$level,
                             ...) {
  if (check_choice(what[1L], c("terms", "slopes"), "what") == "terms") {
    return(tidy(x$model, conf.int = conf.int, conf.level = conf.level, ...))
  }
  table <- slope_table(summary(x, ...), check_level(conf.level, "conf.level"))
  names(table)[names(table) == "label"] <- "term"
  last <- if (check_flag(conf.int, "conf.int")) c("conf.low", "conf.high")
  table[c("term", "value", "estimate", "std.error", "statistic", "df", "p.value", last)]
}

#' @rdname fe_moderate-methods
#' @export
glance.fe_moderate <- function(x, ...) {
  test <- x$interaction
  data.frame(glance(x$model), interaction.statistic = test$statistic, interaction.df = test$df1,
             interaction.p.value = test$p.value)
}

#' @export
table_models.fe_moderate <- function(x) list(x$model)

#' @rdname fe_moderate-methods
#' @export
print.fe_moderate <- function(x, digits = 4L, ...) {
  cat(sprintf("Slope of %s in %s, moderated by %s\n", x$model$outcome, x$treat, x$moderator))
  cat(utils::head(model_heading(x$model), -1L), sep = "\n")
  cat(describe_centers(x, digits), "\n", sep = "")
  cat(describe_interaction(x, digits), "\n\n", sep = "")
  print_slopes(x, digits)
  cat("---\n*** p < .01, ** p < .05, * p < .1\n")
  notes <- c(describe_points(x), if (!is.null(x$jn)) describe_regions(x, digits),
             describe_rows(x$model))
  writeLines(strwrap(notes, 90L, exdent = 2L))
  invisible(x)
}

print_slopes <- function(x, digits) {
  s <- x$slopes
  named <- is.numeric(s$value) && any(s$label != point_labels(s$value))
  shown <- data.frame(s$value, format(s$estimate, digits = digits),
                      format(s$std.error, digits = digits), format(round(s$statistic, 3L)),
                      format.pval(s$p.value, digits = 3L, eps = 1e-4),
                      significance_stars(s$p.value),
                      format(s$conf.low, digits = digits), format(s$conf.high, digits = digits))
  if (named) shown[[1L]] <- format(s$value, digits = digits)
  shown <- as.matrix(shown)
  interval <- paste0(format(100 * x$level), "% ", c("low", "high"))
  dimnames(shown) <- list(s$label, c(x$moderator, "Slope", "Std. error", "t", "p", "", interval))
  print(if (named) shown else shown[, -1L, drop = FALSE], quote = FALSE, right = TRUE)
}

short <- function(v, digits) vapply(v, function(one) format(signif(one, digits)), "")

describe_centers <- function(x, digits) {
  moved <- x$center[x$center != 0]
  rows <- sprintf(" (n = %s, K = %d)", describe_count(x$model), as.integer(x$model$rank))
  if (!length(moved)) return(paste0("Not centred", rows))
  paste0("Centred: ", paste(names(moved), "at", short(moved, digits), collapse = ", "), rows)
}

describe_interaction <- function(x, digits) {
  test <- x$interaction
  p <- format.pval(test$p.value, digits = 3L, eps = 1e-4)
  p <- if (startsWith(p, "<")) paste("p", p) else paste("p =", p)
  if (test$df1 > 1L || x$kind == "factor") {
    return(sprintf("Equal slopes: F(%d, %s) = %s, %s", test$df1, format(test$df2, digits = 6L),
                   short(test$statistic, 4L), p))
  }
  name <- product_names(x)
  b <- x$model$coefficients[[name]]
  se <- sqrt(x$model$vcov[name, name])
  sprintf("%s: %s (std. error %s), t = %s, %s", name, short(b, digits), short(se, digits),
          short(b / se, 4L), p)
}

describe_rows <- function(m) {
  counts <- count_dropped(m$dropped)
  c(if (nrow(counts)) paste("Rows left out:", describe_dropped(counts)),
    if (length(m$collinear)) paste("Left out as collinear:", quote_list(m$collinear, 12L)))
}

describe_points <- function(x) {
  if (x$kind == "factor") return(character())
  range <- range(x$observed)
  outside <- x$points$value < range[1L] | x$points$value > range[2L]
  if (!any(outside)) return(character())
  sprintf("Outside the observed range of %s: %s", x$moderator,
          paste(x$points$label[outside], collapse = ", "))
}

describe_regions <- function(x, digits) {
  jn <- x$jn
  observed <- sprintf("%s is observed from %s to %s", x$moderator, short(jn$range[1L], digits),
                      short(jn$range[2L], digits))
  rule <- sprintf("Johnson-Neyman (%s%%%s, |t| > %s): the slope", format(100 * (1 - jn$level)),
                  if (jn$fdr) " false discovery rate" else "",
                  paste(short(jn$critical, 5L), collapse = " to "))
  r <- jn$regions
  if (!nrow(r)) return(sprintf("%s differs from zero nowhere; %s.", rule, observed))
  low <- r$from == jn$range[1L]
  high <- r$to == jn$range[2L]
  where <- ifelse(low & high, "everywhere", ifelse(low, paste("below", short(r$to, digits)),
                  ifelse(high, paste("above", short(r$from, digits)),
                         paste("from", short(r$from, digits), "to", short(r$to, digits)))))
  share <- format(round(100 * r$share, 1L), trim = TRUE)
  what <- sprintf("%s (%s, %s%% of rows)", where, r$slope, share)
  sprintf("%s differs from zero %s; %s.", rule, paste(what, collapse = " and "), observed)
}
