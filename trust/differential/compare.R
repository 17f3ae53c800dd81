# A spec's call against the oracle: what differs by more than rounding can explain.

# -> list(state: "equal", "refused" (by both), "undecidable" or "different"; what: labels of the
# differences; fits; truths)
check_spec <- function(spec) {
  truth <- tryCatch(without_warnings(oracle_answers(spec)), refusal = identity,
                    undecidable = identity)
  if (inherits(truth, "undecidable")) {
    return(list(state = "undecidable", what = truth$message))
  }
  fits <- tryCatch(without_warnings(fit_spec(spec)), error = identity)
  if (inherits(truth, "refusal") || inherits(fits, "error")) {
    return(check_refusal(fits, truth, spec))
  }
  fits <- if (inherits(fits, "fe_lm_list")) as.list(fits) else list(fits)
  if (length(fits) != length(truth)) {
    return(list(state = "different", what = "number of models"))
  }
  what <- unlist(without_warnings(Map(compare_model, fits, truth, list(spec))))
  list(state = if (length(what)) "different" else "equal", what = what, fits = fits,
       truths = truth)
}

without_warnings <- function(x) suppressMessages(suppressWarnings(x))

# Of several models the call may refuse another one first.
check_refusal <- function(fits, truth, spec) {
  message <- if (inherits(fits, "error")) conditionMessage(fits)
  kind <- if (inherits(truth, "refusal")) truth$kind
  if (is.null(kind)) return(list(state = "different", what = paste("error:", message)))
  if (is.null(message)) return(list(state = "different", what = paste("no error:", kind)))
  several <- length(plan_of(spec)) * length(samples_of(spec)) > 1L
  pattern <- if (several) paste(unlist(refusal_patterns), collapse = "|") else
    refusal_patterns[[kind]]
  if (!grepl(pattern, message)) {
    what <- paste0("error of another kind (", kind, "): ", message)
    return(list(state = "different", what = what))
  }
  list(state = "refused", what = kind)
}

# How the package's message of each refusal reads.
refusal_patterns <- list(
  `no row` = "leaves no row", `single level` = "single level", `outcome constant` = "is constant",
  `no regressor` = "no regressor left", nothing = "no regressor, no constant",
  `outcome explained` = "explain entirely", `no degree of freedom` = "no degree of freedom",
  instruments = "no endogenous regressor left|usable instrument|least squares only",
  `not identified` = "is not identified", constant = "is not estimable",
  `one cluster` = "single value in the sample", leverage = "leverage 1",
  `several clusters` = "one cluster variable|jackknife by 2|takes one",
  `not without a cluster` = "cannot be estimated without the",
  duplicates = "needs one row for each", lag = "spans", `one period` = "single value in the sample",
  `cut-off` = "no two places are farther", `G - K` = "divides by G - K")

oracle_answers <- function(spec) {
  plan <- plan_of(spec)
  answers <- lapply(samples_of(spec), function(candidates) {
    used <- sample_rows(plan, spec, candidates)
    Map(function(model, used) {
      o <- with_map(oracle_model(model, used[[1L]], used[[2L]], spec))
      add_inference(o, spec)
    }, plan, used)
  })
  unlist(answers, recursive = FALSE)
}

# Coefficients with the constant that is asked for, their variance, F of the slopes.
add_inference <- function(o, spec) {
  k <- length(o$slopes)
  F <- diag(o$rank)[length(o$D_at) + seq_len(k), , drop = FALSE]
  names <- o$slopes
  flavour <- spec$options$intercept
  if (!is.null(flavour) && length(o$model$effects)) {
    F <- rbind(constant_functional_of(o, gsub("\"", "", flavour)), F)
    names <- c("(Intercept)", names)
  }
  o$names <- names
  attr(o, "spec") <- spec
  o$coef <- stats::setNames(as.vector(F %*% o$b), names)
  o$tol_coef <- as.vector(abs(F) %*% o$tol_b)
  o$variance <- oracle_variance(o, F, spec)
  o$se <- sqrt(diag(o$variance$V))
  o$df_t <- rep_len(o$variance$df, length(names))
  o
}

# ---- one model -----------------------------------------------------------------------------------

# Differences collect here: label, size relative to what rounding allows.
compare_model <- function(m, o, spec) {
  found <- character()
  note <- function(label, detail = "") found[[length(found) + 1L]] <<- trimws(paste(label, detail))
  within <- function(label, ours, theirs, tol) {
    ours <- unname(as.double(ours))
    theirs <- unname(as.double(theirs))
    if (length(ours) != length(theirs)) return(note(label, "(number)"))
    known <- !is.na(theirs)
    if (any(is.na(ours) == known)) return(note(label, "(NA)"))
    gap <- (abs(ours - theirs) / rep_len(tol, length(ours)))[known]
    gap[ours[known] == theirs[known]] <- 0
    if (any(!(gap <= 1))) note(label, sprintf("(%.3g of what rounding explains)", max(gap)))
  }
  compare_rows(m, o, note)
  if (length(found)) return(found)
  if (!setequal(names(m$coefficients), o$names)) {
    note("names", paste(setdiff(union(names(m$coefficients), o$names),
                                intersect(names(m$coefficients), o$names)), collapse = " "))
    return(found)
  }
  within("rank", m$rank, o$rank, 1e-9)
  within("coef", m$coefficients[o$names], o$coef, o$tol_coef)
  within("residuals", m$residuals, o$e[match(o$rows, o$long)], o$tol_e /
           sqrt(o$w[match(o$rows, o$long)]))
  if (o$tol_u > 1e-3) return(found) # residuals are rounding errors
  compare_inference(m, o, within)
  compare_fit(m, o, within)
  compare_views(m, o, within, note)
  found
}

compare_rows <- function(m, o, note) {
  ledger <- fepanel::fe_rows(m)
  if (!identical(which(ledger$used), o$rows)) note("rows used")
  cause <- ifelse(is.na(ledger$cause), "", ledger$cause)
  if (!identical(cause, o$cause)) note("causes of dropped rows")
  if (stats::nobs(m) != o$n) note("nobs")
}

compare_inference <- function(m, o, within) {
  v <- o$variance
  tol <- v$error + 1e-300
  V <- m$vcov[o$names, o$names, drop = FALSE]
  certain <- !(v$near_zero %in% TRUE)
  if (is.null(v$near_zero)) certain <- rep(TRUE, length(o$names))
  within("variances", diag(V)[certain], diag(v$V)[certain], tol[certain])
  if (all(certain)) within("covariances", V, v$V, sqrt(outer(tol, tol)))
  df <- m$vcov_info$df
  df <- if (length(df) > 1L || length(names(df))) df[o$names] else rep(df, length(o$names))
  # df of each coefficient are ratios of sums of products of influences
  loose <- 1e3 * o$tol * (if (is.null(v$amplify)) 1 else v$amplify)
  within("df", df, o$df_t, loose * o$df_t + 1e-9)
  table <- fepanel::tidy(m, conf.int = TRUE)
  t <- table$estimate / table$std.error
  p <- 2 * stats::pt(abs(t), df[match(table$term, o$names)], lower.tail = FALSE)
  q <- stats::qt(0.975, df[match(table$term, o$names)])
  within("p", table$p.value, p, 1e-10)
  within("intervals", c(table$conf.low, table$conf.high),
         c(table$estimate - q * table$std.error, table$estimate + q * table$std.error),
         1e-10 * rep(abs(table$estimate) + q * table$std.error, 2L))
}

compare_fit <- function(m, o, within) {
  g <- fepanel::glance(m)
  rss <- 2 * o$tol_u
  r2 <- 1e3 * (rss * o$rss + 1e-14 * sum(o$w * (o$y + o$offset)^2)) / o$tss
  inner <- 1e3 * (rss * o$rss + 1e-14 * sum(o$w * (o$y + o$offset)^2)) / o$tss_within
  share <- (o$n + 1) / o$df
  tol <- c(r2, r2 * share, inner, inner * share, rss * o$fit[["sigma"]], o$n * rss + 1e-9,
           2 * o$n * rss + 1e-9, 2 * o$n * rss + 1e-9, rss * o$rss, 1e-9, 1e-9)
  tol <- tol + 1e-13 * abs(o$fit) * share
  tol[is.na(tol)] <- 1e-9
  for (k in seq_along(o$fit)) within(names(o$fit)[k], g[[names(o$fit)[k]]], o$fit[[k]], tol[k])
  compare_F(m, o, g, within)
}

compare_F <- function(m, o, g, within) {
  at <- which(o$names != "(Intercept)")
  if (!length(at) || anyNA(o$se)) return(invisible())
  V <- o$variance$V[at, at, drop = FALSE]
  s <- sqrt(diag(V))
  kappa <- 1 / rcond(V / outer(s, s))
  size <- max(o$variance$error[at] / diag(V))
  loose <- 10 * kappa * size + 2 * max(o$tol_coef[at] / abs(o$coef[at])) * kappa
  if (!is.finite(loose) || loose > 1e-3) return(invisible())
  b <- o$coef[at] / s
  F <- sum(b * solve(V / outer(s, s), b)) / length(at)
  within("F", g$statistic, F, loose * F)
  df <- min(o$df_t[at])
  p <- stats::pf(F, length(at), df, lower.tail = FALSE)
  within("p of F", g$p.value, p, 1e-10 + 10 * loose * (1 + F) * (1 + df) * p)
}

# ---- predictions and effects ---------------------------------------------------------------------

compare_views <- function(m, o, within, note) {
  first <- match(o$rows, o$long)
  fitted <- (o$y - o$e + o$offset)[first]
  tol <- o$tol_e / sqrt(o$w[first])
  within("fitted", stats::fitted(m), fitted, tol)
  within("predict()", stats::predict(m), fitted, 2 * tol)
  compare_new(m, o, within, note)
  if (length(o$terms)) compare_effects(m, o, within)
}

# Predictions for some rows of the data, used in the fit or not.
compare_new <- function(m, o, within, note) {
  n <- nrow(o$d)
  at <- unique(c(seq(1L, n, length.out = 5L) %/% 1, o$rows[1L]))
  at <- at[!rowSums(is.infinite(new_columns(o, at))) %in% 1:99] # whose predictions are infinite
  got <- tryCatch(without_warnings(
    stats::predict(m, o$d[at, , drop = FALSE], se.fit = TRUE, new_levels = "NA")), error = identity)
  if (inherits(got, "error")) {
    if (grepl("NW|DK|conley|CR3|pairs|wild", m$vcov_info$type) ||
        m$vcov_info$type == "HC2") return(invisible())
    return(note("predict(newdata)", conditionMessage(got)))
  }
  c <- prediction_functionals(o, at)
  known <- !vapply(c, is.null, NA)
  fit <- rep(NA_real_, length(at))
  tol <- se <- size <- rep(1, length(at))
  if (any(known)) {
    C <- do.call(rbind, c)
    fit[known] <- C %*% o$b + known_offset(o, at[known])
    tol[known] <- abs(C) %*% o$tol_b * 2 + 1e-13 * max(abs(fit[known]))
    v <- oracle_variance(o, C, attr(o, "spec"))
    variance <- diag(v$V)
    variance[variance < 0] <- NA
  }
  within("predict(newdata)", got$fit, fit, tol)
  if (!any(known) || m$vcov_info$type %in% c("CR3", "CR3J")) return(invisible())
  if (!length(o$terms) && anyNA(o$se)) return(invisible()) # of a sum with an unknown error
  near <- variance < 1e-6 * v$size | variance < 100 * v$error | is.na(variance)
  ours <- got$se.fit[known][!near]^2
  within("se of predict(newdata)", ours, variance[!near], 10 * v$error[!near])
}

# Regressors of any rows of the data under the levels of the fit; NA where a variable is.
new_columns <- function(o, at) {
  f <- term_frame(c(o$model$iv$e, o$model$terms), o$d)
  values <- lapply(f$values, function(v) {
    if (is.matrix(v)) return(v[at, , drop = FALSE])
    if (is.character(v) || is.factor(v)) {
      used <- v[o$long]
      known <- if (is.factor(v)) levels(droplevels(used)) else sort(unique(used), method = "radix")
      return(factor(as.character(v[at]), known))
    }
    v[at]
  })
  frame <- structure(values, class = "data.frame", row.names = seq_along(at))
  attr(frame, "terms") <- f$tt
  x <- stats::model.matrix(f$tt, frame)
  colnames(x) <- sub("^i\\([^)]*\\)", "", colnames(x))
  x[, o$slopes, drop = FALSE]
}

known_offset <- function(o, at) {
  text <- grep("^offset\\(", o$model$terms, value = TRUE)
  inside <- if (length(text)) o$d$off[at] else 0
  inside + if (is.null(attr(o, "spec")$options$offset)) 0 else o$d$off[at]
}

# -> a functional over the basis for each row, NULL where it is not estimable or not known
prediction_functionals <- function(o, at) {
  x <- new_columns(o, at)
  offset <- known_offset(o, at)
  lapply(seq_along(at), function(r) {
    d <- unlist(lapply(o$model$effects, effect_at, o = o, row = at[r]))
    c <- c(d, x[r, ])
    if (any(!is.finite(c)) || !is.finite(rep_len(offset, length(at))[r])) return(NULL)
    on_basis(o, c)
  })
}

effect_at <- function(e, o, row) {
  f <- effect_factor(e, o$d, c(o$long, row))
  levels <- levels(effect_factor(e, o$d, o$long))
  hit <- match(as.character(f[length(f)]), levels)
  if (is.na(hit)) return(NA)
  D <- as.double(seq_along(levels) == hit)
  unlist(c(if (!e$only) list(D), lapply(e$slopes, function(s) D * as.double(o$d[[s]][row]))))
}

# Sums of the effects that fixef() gives, and with one normalisation the effects themselves.
compare_effects <- function(m, o, within) {
  got <- without_warnings(nlme::fixef(m))
  D <- do.call(cbind, unname(o$terms))
  gamma <- unlist(unclass(got), use.names = FALSE)
  if (length(gamma) != ncol(D)) return(within("number of effects", length(gamma), ncol(D), 0.5))
  if (anyNA(gamma)) return(invisible())
  at <- seq_along(o$D_at)
  sums <- o$basis[, at, drop = FALSE] %*% o$b[at]
  X <- o$basis[, -at, drop = FALSE]
  tol <- o$tol_e / sqrt(o$w) + abs(X) %*% o$tol_b[-at]
  within("sums of effects", D %*% gamma, sums, 10 * tol)
  starts <- cumsum(c(0L, vapply(o$terms, ncol, 0L)))
  regular <- o$has_own && length(o$D_at) == ncol(D) - length(o$terms) + 1L &&
    !any(lengths(lapply(o$model$effects, `[[`, "slopes")))
  if (regular) compare_normalised(o, m, gamma, starts, within)
}

# The first factor carries the level, the others are zero in their first level.
compare_normalised <- function(o, m, gamma, starts, within) {
  k <- length(gamma)
  first <- starts[-c(1L, length(starts))] + 1L
  C <- diag(k)
  carrier <- seq_len(starts[2L])
  C[carrier, first] <- 1
  for (t in seq_along(first)) {
    at <- starts[t + 1L] + seq_len(starts[t + 2L] - starts[t + 1L])
    C[at, first[t]] <- C[at, first[t]] - 1
  }
  C <- cbind(C, matrix(0, k, length(o$slopes)))
  on <- do.call(rbind, lapply(seq_len(k), function(j) on_basis(o, C[j, ])))
  tol <- abs(on) %*% o$tol_b
  within("effects", gamma, on %*% o$b, 10 * tol)
  if (!m$vcov_info$type %in% c("iid", "HC0", "HC1", "CR0", "CR1", "DK")) return(invisible())
  ask <- seq_len(min(3L, starts[2L]))
  se <- without_warnings(nlme::fixef(m, names(o$terms)[1L], se = TRUE))
  v <- oracle_variance(o, on[ask, , drop = FALSE], attr(o, "spec"))
  variance <- diag(v$V)
  near <- variance < 1e-6 * v$size | variance < 100 * v$error | is.na(variance)
  within("se of effects", fepanel::tidy(se)$std.error[ask][!near]^2, variance[!near],
         10 * v$error[!near])
}
