# The same equations in other packages, on the rows that the oracle has found. Each peer takes a
# fit (m), the oracle's model (o) and its spec -> NULL (the peer has no such feature), or a list of
# pairs list(what, ours, theirs, tol).

installed <- function(package) requireNamespace(package, quietly = TRUE)

# Rounding errors of peers that solve normal equations: kappa squared.
peer_tolerance <- function(o, least) least + 1e3 * .Machine$double.eps * o$kappa^2 + 1e2 * o$tol_u

# The equation on plain columns: y, X1, X2, ..., factors F1, ..., slopes. All are of size one and,
# beside a constant, of mean zero, since peers' tolerances depend on units and their normal equations
# lose the digits of a mean; size: what coefficients must be multiplied with.
plain_frame <- function(o) {
  X <- o$X[, o$kept, drop = FALSE]
  X <- X[, colnames(X) != "(Intercept)", drop = FALSE]
  names <- colnames(X)
  unit <- stats::sd(o$y)
  d <- data.frame(y = o$y / unit, w = o$w)
  if (o$has_constant) X <- sweep(X, 2L, colMeans(X))
  size <- sqrt(colMeans(X^2))
  for (j in seq_along(names)) d[[paste0("X", j)]] <- X[, j] / size[j]
  for (j in seq_along(o$model$effects)) {
    d[[paste0("F", j)]] <- effect_factor(o$model$effects[[j]], o$d, o$long)
  }
  asked <- read_vcov(attr(o, "spec")$options$vcov)
  for (j in seq_along(asked$variables)) {
    d[[paste0("C", j)]] <- cluster_values_of(o, asked$variables[j])
  }
  list(d = d, names = names, x = paste0("X", seq_along(names), recycle0 = TRUE), asked = asked,
       size = size / unit)
}

has_slopes_spec <- function(o) any(lengths(lapply(o$model$effects, `[[`, "slopes")) > 0L)

pair <- function(what, ours, theirs, tol) list(what = what, ours = ours, theirs = theirs, tol = tol)

# V of ours is compared as standard errors; where a variance is repaired or missing nothing is.
pair_se <- function(what, V, theirs, o, tol, p) {
  at <- match(p$names, o$names)
  V_o <- diag(o$variance$V)[at]
  # a variance that is next to nothing of its terms is rounding error in peers
  least <- pmax(1e3 * o$variance$error[at], 1e-6 * o$variance$size[at])
  if (anyNA(V) || any(V_o < least)) return(NULL)
  if (isTRUE(o$variance$repaired)) return(NULL)
  pair(what, p$size * sqrt(diag(V[p$names, p$names, drop = FALSE])), theirs, tol)
}

# ---- lm() with dummies, sandwich, clubSandwich ---------------------------------------------------

lm_of <- function(o, p) {
  X <- as.matrix(p$d[p$x])
  D <- o$basis[, seq_along(o$D_at), drop = FALSE]
  if (!ncol(D) && "(Intercept)" %in% o$slopes) D <- matrix(1, o$n, 1L)
  d <- list(y = p$d$y, Z = cbind(D, X), w = o$w)
  if (!ncol(d$Z)) return(NULL)
  colnames(d$Z) <- paste0("c", seq_len(ncol(d$Z)))
  stats::lm(y ~ 0 + Z, d, weights = w)
}

peer_lm <- function(m, o, spec) {
  if (!is.null(o$first)) return(NULL)
  p <- plain_frame(o)
  if (!length(p$x) || (length(o$D_at) && !o$has_own)) return(NULL)
  l <- lm_of(o, p)
  at <- length(stats::coef(l)) - length(p$x) + seq_along(p$x)
  if (anyNA(stats::coef(l)[at])) return(NULL)
  tol <- peer_tolerance(o, 1e-9)
  b <- p$size * m$coefficients[p$names]
  c(list(pair("coef", b, stats::coef(l)[at], tol * abs(b) +
                 2 * p$size * o$tol_coef[match(p$names, o$names)])),
    lm_variance(m, o, p, l, at, tol))
}

lm_variance <- function(m, o, p, l, at, tol) {
  type <- p$asked$type
  preset <- if (type %in% c("CR0", "CR1", "CR1S")) "sandwich.HC1" else "fepanel"
  if (type %in% c("NW", "DK", "conley", "CR3J") || !installed("sandwich")) return(list())
  if (type %in% c("CR2", "CR3")) return(list())
  V <- without_warnings(stats::vcov(m, restate(o), ssc = preset))
  theirs <- if (type == "iid") stats::vcov(l) else if (startsWith(type, "HC")) {
    if (type %in% c("HC2", "HC3") && max(stats::hatvalues(l)) > 1 - 1e-6) return(list())
    sandwich::vcovHC(l, type)
  } else if (type == "CR0") sandwich::vcovCL(l, p$d[grep("^C", names(p$d))], "HC0", cadjust = FALSE)
  else sandwich::vcovCL(l, p$d[grep("^C", names(p$d))], "HC1")
  list(pair_se("sandwich", V, sqrt(diag(theirs)[at]), o, 10 * tol * sqrt(diag(theirs)[at]) +
                 se_error(o, p), p))
}

se_error <- function(o, p) {
  at <- match(p$names, o$names)
  10 * p$size * o$variance$error[at] / sqrt(abs(diag(o$variance$V)[at]) + 1e-300)
}

restate <- function(o) {
  text <- attr(o, "spec")$options$vcov
  eval(str2lang(text), globalenv())
}

peer_clubSandwich <- function(m, o, spec) {
  p <- plain_frame(o)
  fits <- p$asked$type %in% c("CR2", "CR3") && is.null(o$first) && length(p$x) && o$n <= 90 &&
    (!length(o$D_at) || o$has_own)
  if (!fits || !installed("clubSandwich")) return(NULL)
  if (p$asked$type == "CR3") return(club_cr3(m, o, p))
  l <- lm_of(o, p)
  at <- length(stats::coef(l)) - length(p$x) + seq_along(p$x)
  V <- clubSandwich::vcovCR(l, factor(p$d$C1), "CR2")
  t <- clubSandwich::coef_test(l, V, test = "Satterthwaite")
  loose <- 1e-6 * o$variance$amplify^0.5
  ours <- without_warnings(summary(m, vcov = restate(o), ssc = "fepanel"))
  list(pair_se("clubSandwich CR2", ours$vcov, sqrt(diag(V)[at]), o, loose * sqrt(diag(V)[at]),
               p),
       pair("clubSandwich df", ours$vcov_info$df[p$names], t$df[at], 10 * loose * t$df[at]))
}

club_cr3 <- function(m, o, p) list()

# ---- fixest --------------------------------------------------------------------------------------

fixest_vcov <- function(p, o) {
  type <- p$asked$type
  by <- paste0("C", seq_along(p$asked$variables), recycle0 = TRUE)
  if (type %in% c("iid", "HC1")) return(c(iid = "iid", HC1 = "hetero")[[type]])
  if (type == "CR1") return(stats::reformulate(by))
  NULL
}

peer_fixest <- function(m, o, spec) {
  if (!installed("fixest")) return(NULL)
  p <- plain_frame(o)
  d <- p$d
  effects <- vapply(seq_along(o$model$effects), function(j) {
    e <- o$model$effects[[j]]
    for (k in seq_along(e$slopes)) {
      d[[sprintf("S%d%d", j, k)]] <<- as.double(o$d[[e$slopes[k]]][o$long])
    }
    e$factor <- paste0("F", j)
    e$slopes <- sprintf("S%d%d", rep(j, length(e$slopes)), seq_along(e$slopes))
    effect_text(e)
  }, "")
  if (length(effects) && !o$has_own) {
    d$F0 <- 1
    effects <- c("F0", effects)
  }
  fml <- fixest_formula(o, p, d, effects)
  if (is.null(fml)) return(NULL)
  d <- fml$d
  w <- if (o$weighted) ~w
  # a fit of which it says itself that it did not converge is no answer
  f <- tryCatch(withCallingHandlers(fixest::feols(fml$f, d, weights = w, vcov = "iid",
    notes = FALSE, fixef.rm = "none", fixef.tol = 1e-11, fixef.iter = 1e4, collin.tol = 1e-14,
    nthreads = 1), warning = function(w) {
      if (grepl("converge", conditionMessage(w))) stop("no convergence")
      invokeRestart("muffleWarning")
    }), error = identity)
  # regressors in small units are dropped there
  if (inherits(f, "error") || anyNA(stats::coef(f)[fml$at])) return(NULL)
  compare_fixest(m, o, p, f, fml)
}

fixest_formula <- function(o, p, d, effects) {
  endogenous <- match(o$endogenous, p$names)
  x <- if (length(endogenous)) p$x[-endogenous] else p$x
  if (!length(p$x)) return(NULL)
  rhs <- paste(c(if (!o$has_constant) "0" else "1", x), collapse = " + ")
  if (length(effects)) rhs <- paste(rhs, "|", paste(effects, collapse = " + "))
  at <- stats::setNames(p$x, p$names)
  if (length(endogenous)) {
    z <- o$first[, !colnames(o$first) %in% p$names, drop = FALSE]
    z <- z[, colnames(z) != "(Intercept)", drop = FALSE]
    for (j in seq_len(ncol(z))) d[[paste0("Z", j)]] <- z[, j]
    rhs <- paste(rhs, "|", paste(p$x[endogenous], collapse = " + "), "~",
                 paste0("Z", seq_len(ncol(z)), collapse = " + "))
    at[endogenous] <- paste0("fit_", at[endogenous])
  }
  list(f = stats::as.formula(paste("y ~", rhs)), d = d, at = at)
}

# Has the variance of all coefficients negative eigenvalues?
indefinite <- function(o) {
  V <- o$variance$V
  if (anyNA(V) || any(diag(V) <= 0)) return(TRUE)
  s <- sqrt(diag(V))
  min(eigen(V / outer(s, s), symmetric = TRUE)$values) < 1e-9
}

compare_fixest <- function(m, o, p, f, fml) {
  tol <- peer_tolerance(o, 1e-6)
  b <- p$size * m$coefficients[p$names]
  iid <- m$bread * o$rss / o$df
  se <- p$size * sqrt(diag(iid)[p$names])
  out <- list(pair("coef", b, stats::coef(f)[fml$at], tol * (abs(b) + se)))
  asked <- fixest_vcov(p, o)
  if (is.null(asked) || length(o$model$effects) && !o$has_own) return(out)
  if (length(p$asked$variables) > 1L && indefinite(o)) return(out) # repaired with the constant
  ssc <- fixest::ssc()
  theirs <- tryCatch(without_warnings(stats::vcov(f, vcov = asked, ssc = ssc)), error = identity)
  if (inherits(theirs, "error")) return(out)
  V <- without_warnings(stats::vcov(m, restate(o), ssc = "fixest"))
  # iid and HC1 of ours count the exact rank, fixest's levels
  K <- c(o$rank, length(o$slopes) + counted_effects(o, FALSE))
  if (is.character(asked) && K[1L] != K[2L]) return(out)
  theirs <- sqrt(diag(theirs)[fml$at])
  c(out, list(pair_se(paste("fixest", p$asked$type), V, theirs, o, 10 * tol * theirs +
                        se_error(o, p), p)))
}

# ---- estimatr, plm, AER --------------------------------------------------------------------------

peer_estimatr <- function(m, o, spec) {
  p <- plain_frame(o)
  type <- c(iid = "classical", HC0 = "HC0", HC1 = "HC1", CR0 = "CR0", CR1 = "stata",
            CR2 = "CR2")[p$asked$type]
  fits <- !is.na(type) && is.null(o$first) && !has_slopes_spec(o) && length(p$x) &&
    length(p$asked$variables) < 2L && length(o$model$effects) == 1L && o$has_constant &&
    !(o$weighted && type == "CR2")
  if (!fits || !installed("estimatr")) return(NULL)
  d <- p$d
  args <- list(stats::reformulate(p$x, "y"), data = d, se_type = unname(type))
  args$fixed_effects <- ~F1
  if (o$weighted) args$weights <- quote(w)
  if (length(p$asked$variables)) args$clusters <- quote(C1)
  e <- tryCatch(without_warnings(do.call(estimatr::lm_robust, args)), error = identity)
  if (inherits(e, "error") || anyNA(e$coefficients)) return(NULL)
  V <- without_warnings(stats::vcov(m, restate(o), ssc = "estimatr"))
  tol <- peer_tolerance(o, 1e-8)
  if (type == "CR2") tol <- 1e-6 * o$variance$amplify^0.5
  list(pair_se(paste("estimatr", type), V, e$std.error[p$x], o, 10 * tol * e$std.error[p$x] +
                 se_error(o, p), p))
}

peer_plm <- function(m, o, spec) {
  p <- plain_frame(o)
  factors <- vapply(o$model$effects, `[[`, "", "factor")
  fits <- !o$weighted && is.null(o$first) && !has_slopes_spec(o) && length(p$x) &&
    length(factors) == 1L && factors[1L] == "unit" && !is_frequency(spec)
  if (!fits || !installed("plm")) return(NULL)
  d <- p$d
  d$T <- stats::ave(seq_len(o$n), d$F1, FUN = seq_along)
  f <- tryCatch(without_warnings(plm::plm(stats::reformulate(p$x, "y"), d, index = c("F1", "T"),
                                          model = "within", effect = "individual")),
                error = identity)
  if (inherits(f, "error") || length(stats::coef(f)) < length(p$x)) return(NULL)
  tol <- peer_tolerance(o, 1e-9)
  b <- p$size * m$coefficients[p$names]
  theirs <- sqrt(diag(plm::vcovHC(f, "arellano", "HC0", "group")))
  V <- without_warnings(stats::vcov(m, CR0 ~ unit, ssc = "plm"))
  list(pair("coef", b, stats::coef(f)[p$x], tol * (abs(b) + theirs)),
       pair("plm vcovHC", p$size * sqrt(diag(V)[p$names]), theirs,
            10 * tol * theirs + 1e-6 * max(theirs) *
              (theirs < 1e-6 * max(theirs))))
}

peer_ivreg <- function(m, o, spec) {
  p <- plain_frame(o)
  if (is.null(o$first) || !installed("AER") || (length(o$D_at) && !o$has_own)) return(NULL)
  D <- o$basis[, seq_along(o$D_at), drop = FALSE]
  if (!ncol(D) && o$has_constant) D <- matrix(1, o$n, 1L)
  Z <- o$first[, colnames(o$first) != "(Intercept)", drop = FALSE]
  d <- list(y = p$d$y, X = cbind(D, as.matrix(p$d[p$x])), Z = cbind(D, Z), w = o$w)
  f <- AER::ivreg(y ~ 0 + X | 0 + Z, data = d, weights = w)
  at <- ncol(D) + seq_along(p$x)
  if (anyNA(stats::coef(f)[at])) return(NULL)
  tol <- peer_tolerance(o, 1e-9)
  b <- p$size * m$coefficients[p$names]
  V <- without_warnings(stats::vcov(m, "HC0"))
  theirs <- sqrt(diag(sandwich::vcovHC(f, "HC0"))[at])
  list(pair("coef", b, stats::coef(f)[at], tol * (abs(b) + theirs)),
       pair("HC0 of AER", p$size * sqrt(diag(V)[p$names]), theirs, 100 * tol * theirs))
}

peers <- list(fixest = peer_fixest, lm = peer_lm, clubSandwich = peer_clubSandwich,
              estimatr = peer_estimatr, plm = peer_plm, AER = peer_ivreg)

# -> labels of differences to one peer; attribute times: how many models it could be asked about.
# What a peer cannot estimate is no difference.
check_peer <- function(name, fits, truths, spec) {
  times <- 0L
  what <- unlist(Map(function(m, o) {
    if (o$tol_u > 1e-5 || o$kappa > 1e6) return(NULL)
    pairs <- tryCatch(without_warnings(peers[[name]](m, o, spec)), error = function(e) NULL)
    if (is.null(pairs)) return(NULL)
    times <<- times + 1L
    vapply(Filter(function(p) {
      !is.null(p) && any(!(abs(unname(p$ours) - unname(p$theirs)) <= p$tol))
    }, pairs), function(p) sprintf("%s: %s (%.2g)", name, p$what,
                                   max(abs(unname(p$ours) - unname(p$theirs)) / p$tol)), "")
  }, fits, truths))
  structure(as.character(unname(what)), times = times)
}
