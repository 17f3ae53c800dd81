# What one asks of an index.

#' @export
as.double.fe_index <- function(x, ...) x$score

#' @export
predict.fe_index <- function(object, newdata = NULL, ...) {
  if (is.null(newdata)) return(object$score)
  newdata <- check_data(newdata, "newdata")
  check_numeric_columns(object$vars, newdata, "newdata")
  x <- index_matrix(newdata, object$vars, "newdata")
  code <- rep(1L, nrow(x))
  if (!is.null(object$by)) code <- match_groups(object, newdata)
  weights <- object$fits[[1L]]$weights
  code[!index_known(x, object$na, object$min_available, weights)] <- NA
  score <- index_score(x, code, object$fits)
  low <- if (!is.null(object$shift)) which(score + object$shift <= 0)
  if (length(low)) {
    warn_user("predict: the score plus the shift is not positive in ", quote_rows(low),
              " of `newdata`: the logarithm does not exist and is set to NA.")
    score[low] <- NA
  }
  index_log(score, object$shift)
}

# The group of each new row; NA where the key is missing, an error where it is unknown.
match_groups <- function(object, newdata) {
  check_columns(object$by, newdata, "newdata")
  paste_keys <- function(d) do.call(paste, c(lapply(d[object$by], as.character), sep = "\r"))
  code <- match(paste_keys(newdata), paste_keys(object$groups$keys))
  absent <- !stats::complete.cases(newdata[object$by])
  unknown <- which(is.na(code) & !absent)
  if (length(unknown)) {
    stop_arg("newdata", paste0("holds groups (", paste(object$by, collapse = ", "),
                               ") that the fit does not have, in ", quote_rows(unknown)),
             "Leave these rows out, or fit a pooled index")
  }
  code[absent] <- NA
  code
}

index_title <- function(x) {
  what <- switch(x$method,
    pca = if (x$components == 1) paste("first principal component of the", x$matrix, "matrix") else
      sprintf("first %d principal components of the %s matrix, weighted by share of variance",
              as.integer(x$components), x$matrix),
    entropy = "entropy weights of min-max normalised indicators",
    zmean = "weighted mean of z scores", minmax = "weighted mean of min-max normalised indicators")
  equal <- x$method %in% c("zmean", "minmax") && diff(range(x$fits[[1L]]$weights)) == 0
  if (equal) what <- sub("weighted mean", "mean", what)
  paste0("Index ", dQuote(x$name, FALSE), ": ", what)
}

# Title, rows, sign and transformation: what a reader must know of any index.
print_index_head <- function(x) {
  cat(index_title(x), "\n", sep = "")
  cat("Rows: ", length(x$score), ", of which ", x$n, " scored", sep = "")
  if (length(x$dropped)) {
    cat("; ", length(x$dropped), " with score NA (missing: ",
        paste(names(x$missing), x$missing, collapse = ", "), ")", sep = "")
  }
  cat("\n")
  if (identical(x$na, "available")) {
    cat("Missing indicators: the mean of those that a row has, if they hold at least ",
        format(100 * x$min_available), "% of the weight; ", x$partial, " rows so\n", sep = "")
  }
  if (!is.null(x$by)) {
    cat("Computed within each of ", length(x$fits), " groups (", paste(x$by, collapse = ", "),
        "); scores of different groups are not on one scale\n", sep = "")
  }
  if (!is.null(x$sign_rule)) cat("Sign: ", x$sign_rule, "\n", sep = "")
  reversed <- names(x$direction)[x$direction < 0]
  if (length(reversed)) cat("Reversed indicators:", paste(reversed, collapse = ", "), "\n")
  if (!is.null(x$shift)) {
    rule <- if (isTRUE(all.equal(min(x$score, na.rm = TRUE), 0))) " (smallest score becomes 0)"
    cat("Transformation: log(score + ", format(x$shift, digits = 6), ")", rule, "\n", sep = "")
  }
}

#' @export
print.fe_index <- function(x, digits = 4, ...) {
  check_digits(digits)
  print_index_head(x)
  if (!is.null(x$by)) {
    cat("\nGroups\n")
    print_rounded(glance(x)[index_group_columns(x)], digits)
    cat("\nWeights of the standardised indicators, by group\n")
    weights <- do.call(rbind, x$weights)
    print_rounded(data.frame(group = rownames(weights), weights, check.names = FALSE), digits)
    return(invisible(x))
  }
  if (x$method == "pca") {
    cat("\nEigenvalues\n")
    print_rounded(x$eigen, digits)
    cat("\nLoadings (unit norm)\n")
    shown <- seq_len(min(ncol(x$loadings), max(3, x$components)))
    table <- data.frame(variable = x$vars, x$loadings[, shown, drop = FALSE])
    if (x$components > 1) table$weight <- x$weights
    table$kmo <- x$kmo$variable
    print_rounded(table, digits)
    cat("\n", adequacy_text(x, digits), "\n", sep = "")
  } else {
    cat("\nWeights\n")
    table <- data.frame(variable = x$vars, weight = x$weights)
    if (!is.null(x$entropy)) table$entropy <- x$entropy
    print_rounded(table, digits)
  }
  invisible(x)
}

index_group_columns <- function(x) {
  c(x$by, "nobs", if (x$method == "pca") c("eigenvalue", "share", "kmo", "bartlett.p.value"))
}

# Doubles with `digits` decimals, no minus before a zero, small p-values as "<0.0001".
print_rounded <- function(table, digits) {
  double <- vapply(table, function(v) is.double(v) && any(v != round(v), na.rm = TRUE), NA)
  p_value <- grepl("p.value", names(table), fixed = TRUE)
  table[double] <- Map(function(v, p) {
    text <- sub("^-(0\\.0*)$", "\\1", formatC(v, digits = digits, format = "f"))
    least <- 10^-digits
    if (p) ifelse(!is.na(v) & v < least, paste0("<", format(least, scientific = FALSE)), text)
    else text
  }, table[double], p_value[double])
  print(table, row.names = FALSE)
}

adequacy_text <- function(x, digits) {
  if (is.na(x$kmo$overall)) {
    return("KMO and Bartlett: not defined, the correlation matrix is singular")
  }
  sprintf("KMO %.*f; Bartlett's sphericity: chi2(%d) = %.2f, p %s", digits, x$kmo$overall,
          as.integer(x$bartlett$df), x$bartlett$statistic,
          p_text(x$bartlett$p.value))
}

# "= 0.0312" or "< 0.0001".
p_text <- function(p) if (isTRUE(p < 1e-4)) "< 0.0001" else sprintf("= %.4f", p)

#' @export
summary.fe_index <- function(object, ...) {
  score <- object$score
  structure(list(index = object, quantiles = stats::quantile(score, na.rm = TRUE),
                 mean = mean(score, na.rm = TRUE), sd = stats::sd(score, na.rm = TRUE)),
            class = "summary.fe_index")
}

#' @export
print.summary.fe_index <- function(x, digits = 4, ...) {
  check_digits(digits)
  print(x$index, digits = digits, ...)
  cat("\nScore", if (!is.null(x$index$shift)) " after the transformation", "\n", sep = "")
  values <- c(x$mean, x$sd, x$quantiles)
  names(values) <- c("mean", "sd", "min", "p25", "median", "p75", "max")
  print_rounded(as.data.frame(as.list(values)), digits)
  invisible(x)
}

#' @importFrom generics tidy
#' @export
tidy.fe_index <- function(x, ...) {
  tables <- lapply(x$fits, function(f) {
    value <- if (is.null(f$loadings)) cbind(f$weights) else f$loadings
    data.frame(term = rep(x$vars, ncol(value)), component = rep(seq_len(ncol(value)),
               each = nrow(value)), estimate = as.vector(value),
               weight = rep(unname(f$weights), ncol(value)), stringsAsFactors = FALSE)
  })
  index_stack(x, tables)
}

#' @importFrom generics glance
#' @export
glance.fe_index <- function(x, ...) {
  tables <- lapply(x$fits, function(f) {
    row <- data.frame(method = x$method, n.vars = length(x$vars), nobs = f$n,
                      stringsAsFactors = FALSE)
    if (x$method != "pca") return(row)
    used <- seq_len(x$components)
    data.frame(row, matrix = x$matrix, components = x$components,
               eigenvalue = f$eigen$eigenvalue[1L], share = sum(f$eigen$share[used]),
               kmo = f$kmo$overall, bartlett.statistic = f$bartlett$statistic,
               bartlett.df = f$bartlett$df, bartlett.p.value = f$bartlett$p.value)
  })
  index_stack(x, tables)
}

# One table a group below the other, with the group's keys in front.
index_stack <- function(x, tables) {
  out <- do.call(rbind, unname(tables))
  if (!is.null(x$by)) {
    times <- vapply(tables, nrow, 0L)
    out <- cbind(x$groups$keys[rep(seq_along(tables), times), , drop = FALSE], out,
                 row.names = NULL)
  }
  rownames(out) <- NULL
  out
}
