# Replicates in batches, and the statistics of them.

# -> list(coef = replicates x coefficients, se = replicates x statistics or NULL)
run_replicates <- function(source, request, G, at) {
  batch <- function(from, n) {
    draws <- list(kind = request$kind, seed = request$seed, first = request$replicates[from], n = n)
    if (request$kind == "given") {
      draws$given <- as.double(request$given[, request$replicates[from - 1 + seq_len(n)]])
    }
    out <- source$run(draws, request$studentise)
    coef <- t(out$coef)
    list(coef = coef, se = if (request$studentise) delta_errors(coef, t(out$var), at))
  }
  # 2^25 numbers hold the variances of a batch
  size <- if (request$studentise) 2^25 / ncol(source$table)^2 else 50000
  parts <- run_batches(request$replicates, batch, max(1, min(size, 50000)), request$progress)
  list(coef = do.call(rbind, lapply(parts, `[[`, "coef")),
       se = do.call(rbind, lapply(parts, `[[`, "se")))
}

# Batches of consecutive numbers that take about half a second each, so that progress can be shown
# and an interrupt is heard between them too. batch(from, n): the numbers from..from + n - 1.
run_batches <- function(numbers, batch, most, progress) {
  ends <- c(which(diff(numbers) != 1), length(numbers))
  parts <- list()
  done <- 0
  size <- min(64, most)
  bar <- NULL
  on.exit(if (!is.null(bar)) bar$close())
  begun <- proc.time()[["elapsed"]]
  while (done < length(numbers)) {
    n <- min(size, ends[ends > done][1L] - done)
    started <- proc.time()[["elapsed"]]
    parts[[length(parts) + 1L]] <- batch(done + 1, n)
    done <- done + n
    now <- proc.time()[["elapsed"]]
    size <- max(1, min(most, floor(n * 0.5 / max(now - started, 1e-3))))
    left <- (now - begun) / done * (length(numbers) - done)
    if (progress && is.null(bar) && left > 2) bar <- progress_bar(length(numbers))
    if (!is.null(bar)) bar$set(done)
  }
  parts
}

# -> list(set(done), close())
progress_bar <- function(total) {
  if (requireNamespace("cli", quietly = TRUE)) {
    home <- environment()
    id <- cli::cli_progress_bar("Bootstrap", total = total, .auto_close = FALSE, .envir = home)
    return(list(set = function(done) cli::cli_progress_update(set = done, id = id, .envir = home),
                close = function() cli::cli_progress_done(id = id, .envir = home)))
  }
  bar <- utils::txtProgressBar(max = total, style = 3)
  list(set = function(done) utils::setTxtProgressBar(bar, done), close = function() close(bar))
}

# ---- statistics ----------------------------------------------------------------------------------

# A statistic that takes the whole matrix of replicates at once.
by_rows <- function(f) structure(f, class = "fe_rowwise")

# The statistic with its value at the estimates, and steps for its gradient: those of central
# differences, scaled by estimate and standard error.
statistic_setup <- function(b, se, labels, statistic) {
  out <- list(statistic = statistic, labels = labels)
  coefs <- matrix(b, 1L, dimnames = list(NULL, labels))
  value <- if (identical(statistic, identity)) {
    coefs
  } else if (inherits(statistic, "fe_rowwise")) {
    as_rows(statistic(coefs), 1L)
  } else {
    statistic(coefs[1L, ])
  }
  if (!is.numeric(value) || !length(value)) {
    stop_arg("statistic", "must return a numeric vector of the same length for every replicate",
             paste("It returned", describe_value(value)))
  }
  names <- if (is.matrix(value)) colnames(value) else names(value)
  if (is.null(names)) names <- paste0("t", seq_along(value))
  if (!all(is.finite(value))) {
    stop_arg("statistic", sprintf("gives %s at the estimates, for %s",
                                  format(value[!is.finite(value)][1L]),
                                  quote_list(names[!is.finite(value)])))
  }
  c(out, list(t0 = stats::setNames(as.double(value), names),
              step = .Machine$double.eps^(1 / 3) * pmax(abs(b), se)))
}

# A matrix with `n` rows; a vector is a single column.
as_rows <- function(x, n) {
  if (is.data.frame(x)) x <- as.matrix(x)
  if (!is.matrix(x) && length(x) == n) x <- matrix(x, n)
  if (!is.numeric(x) || !is.matrix(x) || nrow(x) != n) {
    stop_arg("statistic", sprintf("must return a numeric matrix with %d rows, one a replicate", n),
             paste("It returned", describe_value(x)))
  }
  x
}

# Values of the statistic for each row of coefficients -> list(t, problem). Rows without
# coefficients are NA; those in which the statistic fails or is NA are counted.
statistic_values <- function(coefs, at, numbers = seq_len(nrow(coefs))) {
  dimnames(coefs) <- list(NULL, at$labels)
  if (identical(at$statistic, identity)) return(list(t = coefs))
  solved <- which(!is.na(rowSums(coefs)))
  out <- matrix(NA_real_, nrow(coefs), length(at$t0), dimnames = list(NULL, names(at$t0)))
  if (!length(solved)) return(list(t = out))
  got <- if (inherits(at$statistic, "fe_rowwise")) {
    list(value = checked_width(as_rows(at$statistic(coefs[solved, , drop = FALSE]),
                                       length(solved)), at))
  } else one_by_one(coefs, solved, at)
  out[solved, ] <- got$value
  bad <- solved[is.na(rowSums(got$value))]
  if (!length(bad)) return(list(t = out))
  out[bad, ] <- NA
  message <- got$message[match(bad[1L], got$at)]
  list(t = out, problem = list(count = length(bad), replicate = numbers[bad[1L]],
                               message = if (length(message) && !is.na(message)) message else
                                 "it gave NA or NaN"))
}

checked_width <- function(x, at) {
  if (ncol(x) == length(at$t0)) return(x)
  stop_arg("statistic", sprintf("gives %d numbers at the estimates and %d in a replicate",
                                length(at$t0), ncol(x)))
}

# -> list(value = rows x statistics, at, message: where it raised an error, and which)
one_by_one <- function(coefs, rows, at) {
  value <- matrix(NA_real_, length(rows), length(at$t0))
  where <- numeric()
  message <- character()
  for (i in seq_along(rows)) {
    v <- tryCatch(at$statistic(coefs[rows[i], ]), error = identity)
    if (inherits(v, "error")) {
      where <- c(where, rows[i])
      message <- c(message, conditionMessage(v))
    } else if (!(is.numeric(v) || all(is.na(v))) || length(v) != length(at$t0)) {
      stop_arg("statistic", "must return a numeric vector of the same length for every replicate",
               paste("It returned", describe_value(v)))
    } else {
      value[i, ] <- as.double(v)
    }
  }
  list(value = value, at = where, message = message)
}

# ---- standard errors -----------------------------------------------------------------------------

# Standard errors of the statistics, rows as in coefs: sqrt(d V d') with d the gradient by central
# differences. var: packed lower triangles of V, a row each.
delta_errors <- function(coefs, var, at) {
  k <- ncol(coefs)
  place <- matrix(0L, k, k)
  place[lower.tri(place, TRUE)] <- seq_len(k * (k + 1) / 2)
  if (identical(at$statistic, identity)) {
    return(`dimnames<-`(sqrt(var[, diag(place), drop = FALSE]), list(NULL, at$labels)))
  }
  slope <- lapply(seq_len(k), function(j) {
    move <- function(by) statistic_values(sweep(coefs, 2L, by * (seq_len(k) == j), `+`), at)$t
    (move(at$step[j]) - move(-at$step[j])) / (2 * at$step[j])
  })
  total <- 0
  for (i in seq_len(k)) {
    for (j in seq_len(i)) {
      twice <- if (i == j) 1 else 2
      total <- total + twice * slope[[i]] * slope[[j]] * var[, place[i, j]]
    }
  }
  sqrt(pmax(total, 0))
}
