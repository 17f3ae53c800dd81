# How a moderation prints.

#' @rdname fe_moderate-methods
#' @export
print.fe_moderate <- function(x, digits = 4L, ...) {
  check_digits(digits)
  cat(sprintf("Slope of %s in %s, moderated by %s%s\n", x$model$outcome, x$treat,
              paste(x$moderator, collapse = " and "), if (x$three_way) " (three-way)" else ""))
  cat(utils::head(model_heading(x$model), -1L), sep = "\n")
  cat(describe_centers(x, digits), "\n", sep = "")
  cat(describe_interactions(x, digits), sep = "\n")
  cat("\n")
  print_slopes(x, digits)
  cat("---\n*** p < .01, ** p < .05, * p < .1\n")
  notes <- c(describe_average(x, digits), describe_points(x), describe_regions(x, digits),
             describe_rows(x$model))
  if (nrow(x$slopes) > 1L && has_panels(x)) {
    notes <- c(notes, "Differences of slopes: tidy(x, \"contrasts\", adjust = \"holm\")")
  }
  writeLines(strwrap(notes, 90L, exdent = 2L))
  invisible(x)
}

print_slopes <- function(x, digits) {
  s <- x$slopes
  named <- length(x$moderator) == 1L && is.numeric(s$value) &&
    any(s$label != point_labels(s$value))
  shown <- slope_cells(s, digits, x$level)
  if (named) {
    shown <- cbind(format(s$value, digits = digits), shown)
    colnames(shown)[1L] <- x$moderator
  }
  rownames(shown) <- if (is.null(s$contrast)) s$label else paste0(s$contrast, " | ", s$label)
  print(shown, quote = FALSE, right = TRUE)
}

# s: estimates with t, p-values and intervals -> text, a row each.
slope_cells <- function(s, digits, level) {
  number <- function(v) format(v, digits = digits)
  shown <- cbind(number(s$estimate), number(s$std.error), format(round(s$statistic, 3L)),
                 format.pval(s$p.value, digits = 3L, eps = 1e-4), significance_stars(s$p.value),
                 number(s$conf.low), number(s$conf.high))
  colnames(shown) <- c("Slope", "Std. error", "t", "p", "",
                       paste0(format(100 * level), "% ", c("low", "high")))
  shown
}

short <- function(v, digits) vapply(v, function(one) format(signif(one, digits)), "")

describe_centers <- function(x, digits) {
  rows <- sprintf(" (n = %s, K = %d)", describe_count(x$model), as.integer(x$model$rank))
  if (!is.null(x$within)) {
    return(sprintf("Deviations from the means of %s multiplied%s", x$within$unit, rows))
  }
  moved <- x$center[x$center != 0]
  if (!length(moved)) return(paste0("Not centred", rows))
  paste0("Centred: ", paste(names(moved), "at", short(moved, digits), collapse = ", "), rows)
}

format_p <- function(p) {
  p <- format.pval(p, digits = 3L, eps = 1e-4)
  ifelse(startsWith(p, "<"), paste("p", p), paste("p =", p))
}

# A line for each row of the tests; a single product has its coefficient.
describe_interactions <- function(x, digits) {
  test <- x$interaction
  p <- format_p(test$p.value)
  f <- sprintf("F(%d, %s) = %s, %s", test$df1, vapply(test$df2, format, "", digits = 6L),
               short(test$statistic, 4L), p)
  if (nrow(test) > 1L) {
    return(c(paste("Equal slopes:", f[1L]), paste0("  ", test$term, ": ", f)[-1L]))
  }
  if (test$df1 > 1L || x$kind[1L] == "factor" || x$treat_kind == "factor") {
    return(paste("Equal slopes:", f))
  }
  name <- product_names(x)
  b <- x$model$coefficients[[name]]
  se <- sqrt(x$model$vcov[name, name])
  sprintf("%s: %s (std. error %s), t = %s, %s", name, short(b, digits), short(se, digits),
          short(b / se, 4L), p)
}

describe_average <- function(x, digits) {
  a <- x$average
  sprintf("Average slope%s: %s (std. error %s), t = %s, %s",
          if (is.null(a$contrast)) "" else paste("", a$contrast), short(a$estimate, digits),
          short(a$std.error, digits), short(a$statistic, 4L), format_p(a$p.value))
}

describe_rows <- function(m) {
  counts <- count_dropped(m$dropped)
  c(if (nrow(counts)) paste("Rows left out:", describe_dropped(counts)),
    if (length(m$collinear)) paste("Left out as collinear:", quote_list(m$collinear, 12L)))
}

describe_points <- function(x) {
  rows <- moderator_rows(x)
  values <- c("value", if (length(rows) > 1L) paste0("value", seq_along(rows)[-1L]))
  notes <- lapply(which(x$kind != "factor"), function(k) {
    at <- x$points[[values[k]]]
    range <- range(rows[[k]])
    outside <- at < range[1L] | at > range[2L]
    if (any(outside)) {
      label <- if (length(rows) == 1L) x$points$label else point_labels(at)
      sprintf("Outside the observed range of %s: %s", x$moderator[k],
              paste(unique(label[outside]), collapse = ", "))
    }
  })
  as.character(unlist(notes))
}

describe_regions <- function(x, digits) {
  regions <- region_list(x)
  if (is.null(regions)) return(character())
  text <- vapply(regions, describe_region, "", x = x, digits = digits)
  if (has_panels(x)) paste0("[", names(x$panels), "] ", text) else text
}

describe_region <- function(jn, x, digits) {
  observed <- sprintf("%s is observed from %s to %s", x$moderator[1L],
                      short(jn$range[1L], digits), short(jn$range[2L], digits))
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
