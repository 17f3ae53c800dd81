# Methods of a mediation: what is said of its effects.

#' Methods for mediation results
#'
#' @param object,x an object of class `fe_mediate`.
#' @param vcov,cluster,ssc as in [vcov.fe_lm()]: the equations under another variance. The bootstrap
#'   stays.
#' @param parm names or numbers of effects, those of `coef()`.
#' @param level,conf.level confidence level, default that of the call.
#' @param conf.int should `tidy` give the intervals?
#' @param type for `confint` any interval that `ci` of [fe_mediate()] may be, default that of the
#'   call; for `vcov` `"boot"` (covariance over the replicates; default if there are any) or
#'   `"delta"`.
#' @param digits digits to print.
#' @param ... must be empty.
#' @param interval for `tidy`, of the indirect effects: `"boot"`, the standard error and p-value by
#'   `method` with the interval `ci` of the call (default); `"delta"`, `"sobel"`, `"aroian"`,
#'   `"goodman"`: standard error, p-value and interval of that kind; `"all"`, a row for each that
#'   `effects` holds.
#' @param component for `tidy`: `"main"` (all but contrasts; default), `"paths"`, `"indirect"`,
#'   `"contrasts"` or `"all"`.
#' @return `tidy`: one row an effect, see `effects` in [fe_mediate()]; `vcov`: the covariance of the
#'   effects of `coef`; `glance`: one row (`nobs`, `mediators`, `identity`, `R`, `clusters`,
#'   `vcov.type`); `coef`: named vector of the effects that are no shares, single paths or
#'   contrasts; `confint`: intervals of these.
#' @name fe_mediate-methods
NULL

#' @rdname fe_mediate-methods
#' @export
tidy.fe_mediate <- function(x, interval = c("boot", analytic_methods, "all"), conf.int = TRUE,
                            conf.level = x$level, component = c("main", "paths", "indirect",
                                                                "contrasts", "all"), ...) {
  check_dots(...)
  if (check_level(conf.level, "conf.level") != x$level) x <- with_level(x, conf.level)
  interval <- check_first(interval, c("boot", analytic_methods, "all"), "interval")
  component <- check_first(component, c("main", "paths", "indirect", "contrasts", "all"),
                            "component")
  if (interval %in% analytic_methods) {
    x$method <- x$ci <- interval
    x$effects <- mediation_effects(x)
  }
  e <- x$effects
  e <- e[c("term", setdiff(names(e), "term"))]
  e <- e[in_component(e$effect, component), ]
  if (interval != "all") e <- merged_rows(x, e)
  hidden <- if (!check_flag(conf.int, "conf.int")) c("conf.low", "conf.high")
  e <- e[setdiff(names(e), hidden)]
  rownames(e) <- NULL
  e
}

in_component <- function(effect, component) {
  paths <- c("total", "a", "d", "b", "interaction", "direct")
  contrast <- c("contrast", "difference")
  switch(component, main = !effect %in% "contrast", paths = effect %in% paths,
         indirect = !effect %in% c(paths, contrast), contrasts = effect %in% contrast, all = TRUE)
}

# One row an effect: that of the method, with the interval asked for. The method's row stands first,
# that with the interval last.
merged_rows <- function(x, e) {
  first <- !duplicated(e$term)
  out <- e[first, ]
  last <- e[!duplicated(e$term, fromLast = TRUE), ]
  last <- last[match(out$term, last$term), ]
  if (x$ci %in% analytic_methods) {
    last <- e[e$method %in% method_labels[[x$ci]], ]
    last <- last[match(out$term, last$term), ]
  }
  other <- !is.na(last$method) & last$method != out$method
  out[other, c("conf.low", "conf.high")] <- last[other, c("conf.low", "conf.high")]
  out$method[other] <- sprintf("%s, %s interval", out$method[other], last$method[other])
  out
}

#' @rdname fe_mediate-methods
#' @export
glance.fe_mediate <- function(x, ...) {
  data.frame(nobs = x$models$total$nobs, mediators = length(x$mediators), identity = x$identity,
             R = if (is.null(x$boot)) 0 else x$boot$R,
             clusters = if (is.null(x$boot)) NA_integer_ else x$boot$G,
             vcov.type = x$models$total$vcov_info$label)
}

main_effects <- function(x) {
  kinds <- vapply(x$definitions, `[[`, "", "effect")
  x$definitions[!kinds %in% c("share", "contrast", "a", "d", "b")]
}

#' @rdname fe_mediate-methods
#' @export
coef.fe_mediate <- function(object, ...) {
  effect_values(main_effects(object), as_draw(object$coefficients))[1L, ]
}

#' @rdname fe_mediate-methods
#' @export
confint.fe_mediate <- function(object, parm, level = object$level, type = object$ci, ...) {
  check_dots(...)
  type <- check_first(type, mediation_intervals_known, "type")
  out <- effect_intervals(object, type, check_level(level), names(coef(object)))
  if (missing(parm)) out else out[check_terms(parm, rownames(out), "parm"), , drop = FALSE]
}

#' @rdname fe_mediate-methods
#' @export
vcov.fe_mediate <- function(object, type = if (is.null(object$boot)) "delta" else "boot", ...) {
  names <- names(coef(object))
  if (check_choice(type, c("boot", "delta"), "type") == "boot") {
    if (is.null(object$boot)) {
      stop_arg("type", "is \"boot\", and there is no bootstrap", "Give R in fe_mediate()")
    }
    return(vcov.fe_boot(object$boot)[names, names])
  }
  G <- vapply(main_effects(object), effect_gradient, object$coefficients, object$coefficients)
  G <- matrix(G, length(object$coefficients))
  `dimnames<-`(crossprod(G, object$variance$V %*% G), list(names, names))
}

# The same results at another confidence level.
with_level <- function(x, level) {
  x$level <- level
  x$intervals <- mediation_intervals(x)
  x$effects <- mediation_effects(x)
  x
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
  columns <- if (x$type != "separate") c(x$models$a, x$models$b) else
    do.call(c, lapply(x$mediators, function(m) list(x$models$a[[m]], x$models$b[[m]])))
  unname(columns)
}

#' @export
fe_rows.fe_mediate <- function(object, ...) fe_rows(object$models$total)

#' @rdname fe_mediate-methods
#' @export
summary.fe_mediate <- function(object, vcov = NULL, cluster = NULL, ssc = NULL, ...) {
  check_dots(...)
  restate <- function(m) restated(m, vcov, cluster, ssc)
  object$models <- list(total = restate(object$models$total), a = lapply(object$models$a, restate),
                        b = lapply(object$models$b, restate))
  object$variance <- path_variance(object)
  object$intervals <- mediation_intervals(object)
  object$effects <- mediation_effects(object)
  object
}

#' @rdname fe_mediate-methods
#' @export
print.fe_mediate <- function(x, digits = 4L, ...) {
  check_digits(digits)
  writeLines(mediation_heading(x))
  cat("\n")
  e <- merged_rows(x, x$effects)
  contrast <- e$effect == "contrast"
  print_effects(x, e[!contrast, ], digits)
  if (any(contrast)) {
    cat("\nContrasts of indirect effects\n")
    print_effects(x, e[contrast, ], digits)
  }
  cat("\n")
  writeLines(strwrap(mediation_notes(x), 95L, exdent = 2L))
  invisible(x)
}

mediation_heading <- function(x) {
  total <- x$models$total
  how <- c(separate = "", parallel = " (jointly)", serial = " (in a chain)")[[x$type]]
  names <- paste(x$mediators, collapse = if (x$type == "serial") " -> " else ", ")
  counts <- count_dropped(total$dropped)
  c(sprintf("Mediation of %s on %s (%s)", x$treat, x$outcome, deparse_one(total$formula)),
    sprintf("Mediators: %s%s; one sample of %d rows for all equations%s", names, how, total$n_rows,
            if (nrow(counts)) sprintf(" (left out: %s)", describe_dropped(counts)) else ""),
    if (!is.null(x$moderator)) {
      sprintf("Moderator: %s%s, of the paths %s", x$moderator,
              if (x$center == 0) "" else sprintf(" (centred at %s)", format(x$center, digits = 5L)),
              paste(x$paths, collapse = ", "))
    },
    if (x$interaction) {
      sprintf("%s and the mediators interact; %s", x$treat, describe_change(x))
    } else if (treatment_step(x) != 1) {
      paste("Total, direct and indirect effects:", describe_change(x))
    },
    paste("Std. errors of the paths:", describe_vcov(total)),
    paste0("Products: std. error and p by ", method_labels[[x$method]],
           if (x$method == "delta" && x$variance$joint) " (joint variance of the paths)", "; ",
           if (x$ci %in% names(method_labels)) method_labels[[x$ci]] else x$ci, " intervals"),
    if (!is.null(x$boot)) describe_boot(x$boot))
}

print_effects <- function(x, e, digits) {
  number <- function(v) ifelse(is.na(v), "", formatC(v, digits = digits, format = "f"))
  p_value <- function(p) ifelse(!is.na(p) & p < 1e-4, "<1e-4", number(p))
  table <- cbind(number(e$estimate), number(e$std.error), p_value(e$p.value), p_value(e$p.joint),
                 ifelse(is.na(e$conf.low), "",
                        sprintf("[%s, %s]", number(e$conf.low), number(e$conf.high))))
  label <- ifelse(is.na(e$mediator), "", e$mediator)
  kind <- effect_labels[e$effect]
  if (x$interaction) kind[e$effect == "share"] <- "proportion mediated"
  name <- trimws(paste(label, kind))
  if (!is.null(x$moderator)) {
    at <- x$points$label[match(e$at, x$points$value)]
    name <- ifelse(is.na(at), name, sprintf("%s, %s = %s", name, x$moderator, at))
    shown <- e$effect == "difference"
    name[shown] <- paste("difference", sub("^difference:", "", e$term[shown]))
  }
  dimnames(table) <- list(name, c("Estimate", "s.e.", "p", "p joint",
                                  sprintf("%g%% interval", 100 * x$level)))
  print(table, quote = FALSE, right = TRUE, width = 110L)
}

describe_change <- function(x) {
  sprintf("%s changes from %s to %s", x$treat, format(x$levels[["control"]]),
          format(x$levels[["treat"]]))
}

mediation_notes <- function(x) {
  m <- x$models$total
  binary <- Filter(function(v) all(take_rows(m$data[[v]], m$rows) %in% 0:1), x$mediators)
  way <- if (x$type == "separate") "a*b" else "sum of products"
  c(if (!x$variance$joint) {
      paste("No joint variance of the equations is known under this vcov: covariances of paths of",
            "different equations are taken as zero")
    },
    if (length(binary)) {
      sprintf("0/1 mediators have linear probability equations: %s", paste(binary, collapse = ", "))
    },
    if (x$interaction) {
      paste("With the interaction te, not the coefficient c, is the total effect; averages are",
            "over the rows used")
    } else if (isTRUE(x$exact)) {
      sprintf("Identity c = c' + %s holds to %.1e", way, x$identity)
    } else {
      sprintf("c = c' + %s is no identity here, since %s; difference up to %.3g", way, x$exact,
              x$identity)
    })
}

effect_labels <- c(total = "total c", a = "a", d = "d", b = "b", interaction = "b x treatment",
                   direct = "direct c'", indirect = "indirect", share = "share of c",
                   cde = "controlled direct", nde.pure = "natural direct, pure",
                   nde.total = "natural direct, total", nie.pure = "natural indirect, pure",
                   nie.total = "natural indirect, total", te = "total effect",
                   int.ref = "reference interaction", int.med = "mediated interaction",
                   index = "index of moderated mediation", difference = "difference",
                   contrast = "contrast")
