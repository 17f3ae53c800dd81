# Leverages of rows, and the error where a row is fitted perfectly.

# Leverages of the slopes and of the fixed effects together: of one of the observations that a row
# stands for.
leverage <- function(m) {
  need_full(m, "leverages")
  w <- if (is.null(m$weights)) 1 else m$weights
  h <- w * rowSums((residual_design(m) %*% m$root)^2)
  times <- if (is.null(row_counts(m))) 1 else row_counts(m)
  if (!length(m$factors)) return(h / times)
  control <- m$control
  control$solver <- "schur"
  size <- sum(sort(vapply(m$factors, `[[`, 0L, "n_levels"), decreasing = TRUE)[-1L])
  if (size > 5000) {
    stop_arg("vcov", sprintf(paste("needs the leverages of fixed effects with %d levels beside the",
                                   "largest factor; exact leverages are computed for up to 5000"),
                             as.integer(size)),
             "Use \"HC1\" or clustered standard errors")
  }
  absorber <- new_absorber(m$factors, m$weights, control, m$threads)
  (h + ask_leverage(absorber)) / times
}

checked_leverage <- function(m) {
  h <- leverage(m)
  full <- which(h > 1 - 1e-10)
  if (length(full)) {
    rows <- if (is.null(m$rows)) full else m$rows[full]
    stop_arg("vcov", sprintf("needs leverages below one, but %s %s fitted perfectly (leverage 1)",
                             quote_rows(rows), if (length(rows) == 1L) "is" else "are"),
             "Use \"HC1\", or leave these rows out")
  }
  h
}
