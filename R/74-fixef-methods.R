# Estimated fixed effects as a table and in print.

#' @rdname fixef.fe_lm
#' @param x an object of class `fe_fixef`.
#' @param conf.int should intervals be given? Only with `se = TRUE`.
#' @param conf.level confidence level, default 0.95.
#' @export
tidy.fe_fixef <- function(x, conf.int = TRUE, conf.level = 0.95, ...) {
  check_dots(...)
  check_flag(conf.int, "conf.int")
  check_level(conf.level, "conf.level")
  table <- attr(x, "table")
  out <- table[c("fe", "level", "estimate")]
  if (!is.null(table$std.error)) {
    free <- table$std.error > 0
    t <- ifelse(free, table$estimate / table$std.error, NA)
    df <- attr(x, "df")
    out$std.error <- table$std.error
    out$statistic <- t
    out$p.value <- 2 * stats::pt(-abs(t), df)
    if (conf.int) {
      margin <- ifelse(free, stats::qt(1 - (1 - conf.level) / 2, df) * table$std.error, NA)
      out$conf.low <- out$estimate - margin
      out$conf.high <- out$estimate + margin
    }
  }
  cbind(out, table[c("n", "component", "estimable")])
}

#' @rdname fixef.fe_lm
#' @param row.names,optional unused.
#' @export
as.data.frame.fe_fixef <- function(x, row.names = NULL, optional = FALSE, ...) tidy(x, ...)

#' @rdname fixef.fe_lm
#' @export
summary.fe_fixef <- function(object, ...) {
  check_dots(...)
  table <- attr(object, "table")
  parts <- lapply(split(table, factor(table$fe, names(object))), function(part) {
    known <- part$estimate[part$estimable]
    of <- function(f) if (length(known)) f(known) else NA_real_
    data.frame(fe = part$fe[1L], levels = nrow(part), estimable = length(known),
               mean = of(mean), sd = of(stats::sd), min = of(min), median = of(stats::median),
               max = of(max))
  })
  out <- do.call(rbind, parts)
  rownames(out) <- NULL
  out
}

#' @rdname fixef.fe_lm
#' @param digits significant digits to print.
#' @param n most levels of a factor to print, default 10.
#' @export
print.fe_fixef <- function(x, n = 10L, digits = 5L, ...) {
  check_digits(digits)
  check_count(n, "n")
  cat("Fixed effects of", deparse_one(attr(x, "formula")), "\n")
  cat(strwrap(describe_normalisation(x), width = 80L, exdent = 2L), sep = "\n")
  if (!is.null(attr(x, "vcov"))) cat("Std. errors:", attr(x, "vcov"), "\n")
  table <- tidy(x)
  unknown <- sum(!table$estimable)
  if (unknown) cat(unknown, "of", nrow(table), "effects are not estimable (NA)\n")
  shown <- setdiff(names(table), c("fe", "p.value", "conf.low", "conf.high", "estimable",
                                   if (attr(x, "n_components") == 1L) "component"))
  for (f in names(x)) {
    part <- table[table$fe == f, shown]
    cat(sprintf("\n%s: %d levels\n", f, nrow(part)))
    print(utils::head(part, n), digits = digits, row.names = FALSE)
    if (nrow(part) > n) cat(sprintf("... and %d more; tidy() gives all\n", nrow(part) - n))
  }
  invisible(x)
}

describe_normalisation <- function(x) {
  if (!is.null(attr(x, "against"))) {
    return(sprintf("Differences from the level %s of %s", attr(x, "against"), names(x)))
  }
  terms <- attr(x, "terms")
  family <- match(terms$slope, terms$slope)
  if (!anyDuplicated(family)) return("Normalisation: none is needed")
  several <- attr(x, "n_components") > 1L
  where <- if (several) sprintf("in each of %d connected components, ", attr(x, "n_components"))
  rules <- vapply(unique(family[duplicated(family)]), function(carrier) {
    others <- terms$name[family == carrier & seq_along(family) != carrier]
    sprintf("the effects of %s %s; those of %s are free", quote_list(others),
            if (attr(x, "base") == "mean") "average zero over the rows" else
              paste("are zero at", if (length(others) > 1L) "their first levels" else
                "its first level"),
            dQuote(terms$name[carrier], FALSE))
  }, "")
  paste0("Normalisation: ", where, paste(rules, collapse = "; "))
}
