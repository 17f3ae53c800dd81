# The variance of linear functionals of an oracle's fit, type by type, from the formulas of
# ?vcov.fe_lm: dense matrices, loops over clusters.

# "CR2 ~ unit + time" -> list(type, variables, args)
read_vcov <- function(text) {
  if (!grepl("~", text)) return(list(type = gsub("\"", "", text), variables = character()))
  sides <- trimws(strsplit(text, "~", fixed = TRUE)[[1L]])
  type <- if (nzchar(sides[1L])) str2lang(sides[1L]) else quote(CR1)
  list(type = if (is.call(type)) as.character(type[[1L]]) else as.character(type),
       args = if (is.call(type)) lapply(as.list(type)[-1L], eval),
       variables = strsplit(sides[2L], " + ", fixed = TRUE)[[1L]])
}

preset_fields <- function(text) {
  base <- list(K.adj = TRUE, K.fixef = "nonnested", K.exact = TRUE, K.form = "n-1", G.adj = TRUE,
               G.df = "min", t.df = "min", jackknife.adj = TRUE)
  if (is.null(text)) return(base)
  if (grepl("^fe_ssc", text)) {
    return(eval(str2lang(text), list(fe_ssc = function(...) utils::modifyList(base, list(...)))))
  }
  utils::modifyList(base, switch(gsub("\"", "", text),
    fixest = list(K.exact = FALSE), areg = , estimatr = list(K.fixef = "full"),
    plm = list(K.adj = FALSE, G.adj = FALSE, G.df = "conventional", t.df = "residual"),
    plm.HC1 = list(K.fixef = "none", K.form = "n", G.adj = FALSE, t.df = "residual"),
    plm.sss = list(K.fixef = "none", G.df = "conventional", t.df = "residual"),
    lfe = list(K.fixef = "one", G.df = "conventional"),
    sandwich = list(K.adj = FALSE, G.df = "conventional", t.df = "residual",
                    jackknife.adj = FALSE),
    sandwich.HC1 = list(K.fixef = "full", G.df = "conventional", t.df = "residual"),
    estimatr.CR0 = list(K.adj = FALSE, G.adj = FALSE),
    clubSandwich = list(K.adj = FALSE, jackknife.adj = FALSE),
    clubSandwich.CR1S = list(K.fixef = "full", jackknife.adj = FALSE),
    clubSandwich.CR1p = list(K.fixef = "full", K.form = "G", jackknife.adj = FALSE)))
}

# ---- K -------------------------------------------------------------------------------------------

# bare: effects of which the slopes count alone, those whose levels lie within clusters.
counted_effects <- function(o, exact, bare = logical(length(o$model$effects))) {
  effects <- Map(function(e, bare) {
    e$only <- e$only || bare
    e
  }, o$model$effects, bare)
  own <- sum(!vapply(effects, `[[`, NA, "only"))
  columns <- unlist(lapply(effects, effect_columns, o$d, o$long), recursive = FALSE)
  if (!length(columns)) return(0)
  if (exact) return(length(independent(do.call(cbind, columns))))
  sum(vapply(columns, ncol, 0L)) - max(0, own - 1)
}

counted_parameters <- function(o, ssc, clusters) {
  k <- length(o$slopes)
  all <- seq_along(o$model$effects)
  if (!length(all)) return(k)
  bare <- vapply(all, function(j) any(vapply(clusters, o$nested_in, NA, j = j)), NA)
  own <- !vapply(o$model$effects, `[[`, NA, "only")
  switch(ssc$K.fixef, none = k, one = k + 1, full = k + counted_effects(o, ssc$K.exact),
         nonnested = k + counted_effects(o, ssc$K.exact, bare) + (any(own) && !any(own & !bare)))
}

n_factor <- function(o, ssc, clusters) {
  if (!ssc$K.adj || ssc$K.form == "G") return(1)
  (if (ssc$K.form == "n") o$n else o$n - 1) / (o$n - counted_parameters(o, ssc, clusters))
}

G_factor <- function(o, ssc, G, clusters) {
  if (!ssc$G.adj) return(1)
  if (ssc$K.form == "G" && ssc$K.adj) {
    K <- counted_parameters(o, ssc, clusters)
    if (G <= K) refuse("G - K")
    return(G / (G - K))
  }
  G / (G - 1)
}

all_counted <- function(ssc) {
  if (ssc$K.fixef == "nonnested") ssc$K.fixef <- "full"
  ssc
}

# ---- meats ---------------------------------------------------------------------------------------

cluster_values_of <- function(o, text) {
  do.call(paste, c(lapply(parts_of(text), function(v) as.character(o$d[[v]][o$long])),
                   sep = "\r"))
}

count_of <- function(g) length(unique(g))

# What every variance is made of: the request, its convention and clusters, the influence of each row
# on the functionals F (L), the weighted residuals (u).
variance_parts <- function(o, F, spec) {
  asked <- read_vcov(spec$options$vcov)
  list(asked = asked, ssc = preset_fields(spec$options$ssc),
       clusters = stats::setNames(lapply(asked$variables, cluster_values_of, o = o),
                                  asked$variables),
       L = F %*% o$influence, u = o$w * o$e)
}

# Functionals in rows of F (over the basis) -> list(V, df (one, or one a row), size: a bound of
# what the variances are sums of, so that rounding errors are tol * size)
oracle_variance <- function(o, F, spec) {
  p <- variance_parts(o, F, spec)
  asked <- p$asked
  ssc <- p$ssc
  clusters <- p$clusters
  L <- p$L
  u <- p$u
  out <- switch(asked$type,
    iid = list(V = o$rss / o$df * F %*% o$inverse %*% t(F), df = o$df),
    HC0 = , HC1 = , HC2 = , HC3 = row_variance(o, L, u, asked$type, ssc),
    CR0 = , CR1 = , CR1S = cluster_variance(o, L, u, asked$type, ssc, clusters),
    CR2 = cr2_variance(o, L, ssc, clusters),
    CR3 = , CR3J = jackknife_variance(o, F, asked$type, ssc, clusters),
    NW = , DK = serial_variance(o, L, u, asked, ssc),
    conley = conley_variance(o, L, u, asked, ssc))
  out <- c(out, variance_error(o, L, u, out, asked$type, length(clusters)))
  if (length(clusters) > 1L && startsWith(asked$type, "CR") || asked$type == "conley") {
    out <- repaired_variance(out, o, F, spec)
  }
  out
}

# A variance is a sum of products of sums of L_i u_i: these are wrong by no more than
# tol sum |L_i u_i| + |L| |du|. -> list(size (squared sums of absolute terms), error (of variances))
variance_error <- function(o, L, u, out, type, n_clusters) {
  sums <- as.vector(abs(L) %*% abs(u))
  wrong <- 4 * (o$tol * sums + sqrt(rowSums(sweep(L, 2L, sqrt(o$w), `*`)^2)) * o$tol_e)
  factor <- max(1, diag(out$V) / (sums^2 + 1e-300))
  error <- factor * 2^n_clusters * (2 * sums * wrong + wrong^2)
  if (type == "iid") error <- 4 * o$tol_u * diag(out$V)
  list(size = sums^2, error = error * if (is.null(out$amplify)) 1 else out$amplify)
}

hat_values <- function(o) o$w * rowSums((o$fitted_basis %*% o$inverse) * o$fitted_basis)

row_variance <- function(o, L, u, type, ssc) {
  power <- c(HC0 = 0, HC1 = 0, HC2 = 0.5, HC3 = 1)[[type]]
  h <- hat_values(o)
  if (power > 0) {
    if (any(h > 1 - 1e-11)) refuse("leverage")
    if (any(h > 1 - 1e-8)) undecidable("leverage near one")
  }
  v <- if (power > 0) u / (1 - h)^power else u
  V <- (if (type == "HC1") o$n / o$df else 1) * tcrossprod(sweep(L, 2L, v, `*`))
  amplify <- if (power > 0) (1 / (1 - max(h)))^(1 + 2 * power) else 1
  df <- if (type == "HC2" && ssc$t.df == "satterthwaite") row_df(o, L, h) else o$df
  list(V = V, df = df, amplify = amplify)
}

# Rows as clusters in the transformed model, whose errors have one variance.
row_df <- function(o, L, h) {
  root <- sqrt(o$w)
  H <- (root * o$fitted_basis) %*% o$inverse %*% t(root * o$fitted_basis)
  IH <- diag(o$n) - H
  apply(L, 1L, function(l) satterthwaite_of(IH * (root * l / sqrt(1 - h))))
}

# p: a row for each cluster
satterthwaite_of <- function(p) {
  P <- tcrossprod(p)
  sum(diag(P))^2 / sum(P^2)
}

cluster_variance <- function(o, L, u, type, ssc, clusters) {
  if (any(vapply(clusters, count_of, 0L) < 2L)) refuse("one cluster")
  if (type == "CR0") ssc[c("K.adj", "G.adj")] <- FALSE
  own <- ssc
  if (type == "CR1S") {
    ssc <- utils::modifyList(ssc, list(K.adj = TRUE, K.fixef = "full", K.exact = TRUE,
                                       K.form = "n-1", G.adj = TRUE))
  }
  G <- min(vapply(clusters, count_of, 0L))
  scores <- t(sweep(L, 2L, u, `*`))
  V <- 0
  for (size in seq_along(clusters)) for (set in utils::combn(seq_along(clusters), size, NULL,
                                                             FALSE)) {
    g <- do.call(paste, c(unname(clusters[set]), sep = "\n"))
    factor <- if (ssc$G.df == "conventional" && type != "CR0") {
      G_factor(o, ssc, count_of(g), clusters)
    } else 1
    V <- V - (-1)^size * factor * crossprod(rowsum(scores, g))
  }
  scale <- if (type == "CR0") 1 else n_factor(o, ssc, clusters) *
    if (ssc$G.df == "min") G_factor(o, ssc, G, clusters) else 1
  df <- if (own$t.df == "residual") o$df else if (own$t.df == "satterthwaite" &&
    length(clusters) == 1L) cluster_df_of(o, L, clusters[[1L]], 0)$df else G - 1
  list(V = scale * V, df = df)
}

# Adjusted influences of the clusters, and Satterthwaite's df.
cluster_df_of <- function(o, L, g, power) {
  X <- o$fitted_basis
  IH <- diag(o$n) - X %*% o$inverse %*% t(o$w * X)
  least <- 1
  adjusted <- lapply(split(seq_len(o$n), g), function(at) {
    LW <- L[, at, drop = FALSE] %*% diag(o$w[at], length(at))
    if (power == 0) return(LW)
    B <- tcrossprod(IH[at, , drop = FALSE])
    s <- eigen((B + t(B)) / 2, symmetric = TRUE)
    if (any(s$values > 1e-13 & s$values < 1e-8)) undecidable("eigenvalue near zero")
    least <<- min(least, s$values[s$values > 1e-11])
    A <- s$vectors %*% (ifelse(s$values > 1e-11, abs(s$values)^power, 0) * t(s$vectors))
    LW %*% A
  })
  rows <- split(seq_len(o$n), g)
  df <- vapply(seq_len(nrow(L)), function(j) {
    satterthwaite_of(t(vapply(seq_along(rows), function(k) {
      as.vector(adjusted[[k]][j, ] %*% IH[rows[[k]], , drop = FALSE])
    }, numeric(o$n))))
  }, 0)
  scores <- vapply(seq_along(rows), function(k) as.vector(adjusted[[k]] %*% o$e[rows[[k]]]),
                   numeric(nrow(L)))
  list(df = df, V = tcrossprod(matrix(scores, nrow(L))), least = least)
}

cr2_variance <- function(o, L, ssc, clusters) {
  if (length(clusters) > 1L) refuse("several clusters")
  if (count_of(clusters[[1L]]) < 2L) refuse("one cluster")
  got <- cluster_df_of(o, L, clusters[[1L]], -0.5)
  df <- switch(ssc$t.df, residual = o$df, clusters = count_of(clusters[[1L]]) - 1, got$df)
  # with weights B has eigenvalues of the size of their ratios, and its error theirs
  list(V = got$V, df = df, amplify = sqrt(max(o$w) / min(o$w)) / got$least^2)
}

# Regression of the residuals on the rows of the other clusters: the changes of coefficients.
jackknife_variance <- function(o, F, type, ssc, clusters) {
  if (length(clusters) > 1L) refuse("several clusters")
  if (type == "CR3J" && !is.null(o$first)) refuse("instruments")
  g <- clusters[[1L]]
  if (count_of(g) < 2L) refuse("one cluster")
  k <- length(o$D_at)
  worst <- o$kappa
  d <- vapply(unique(g), function(one) {
    stay <- g != one
    D <- o$full[stay, , drop = FALSE]
    D <- D[, independent(D), drop = FALSE]
    X <- o$fitted_basis[stay, k + seq_along(o$slopes), drop = FALSE]
    if (length(kept_regressors(X, D, ncol(D) > 0L)) < ncol(X)) refuse("not without a cluster")
    fit <- careful_fit(cbind(D, X), o$e[stay], o$w[stay])
    worst <<- max(worst, fit$kappa)
    as.vector(F[, k + seq_along(o$slopes), drop = FALSE] %*% fit$b[ncol(D) + seq_along(o$slopes)])
  }, numeric(nrow(F)))
  d <- matrix(d, nrow(F))
  if (type == "CR3J") d <- d - rowMeans(d)
  G <- count_of(g)
  list(V = (if (ssc$jackknife.adj) (G - 1) / G else 1) * tcrossprod(d),
       df = if (ssc$t.df == "residual") o$df else G - 1,
       amplify = (worst / o$kappa)^3)
}

# ---- time and space ------------------------------------------------------------------------------

greatest_divisor <- function(a, b) if (b == 0) a else greatest_divisor(b, a %% b)

period_axis <- function(values) {
  steps <- diff(values)
  step <- min(steps)
  if (any(steps %% step != 0)) step <- Reduce(greatest_divisor, steps)
  (values - values[1L]) / step
}

serial_variance <- function(o, L, u, asked, ssc) {
  time <- o$d[[asked$variables[length(asked$variables)]]][o$long]
  unit <- if (length(asked$variables) > 1L) cluster_values_of(o, asked$variables[1L])
  if (asked$type == "NW") {
    where <- paste(o$d[[asked$variables[1L]]], o$d[[asked$variables[2L]]])[o$rows]
    if (anyDuplicated(where)) refuse("duplicates")
  }
  values <- sort(unique(time))
  if (length(values) < 2L) refuse("one period")
  axis <- period_axis(values)[match(time, values)]
  lag <- if (length(asked$args)) asked$args[[1L]] else floor(length(values)^(1 / 4))
  if (lag > max(axis)) refuse("lag")
  scores <- t(sweep(L, 2L, u, `*`))
  weight <- pmax(1 - abs(outer(axis, axis, `-`)) / (lag + 1), 0)
  if (!is.null(unit)) weight <- weight * outer(unit, unit, `==`)
  if (asked$type == "NW" && is.null(unit)) stop("unit")
  T <- length(values)
  ssc <- all_counted(ssc)
  factor <- n_factor(o, ssc, list()) * G_factor(o, ssc, T, list())
  list(V = factor * t(scores) %*% weight %*% scores,
       df = if (ssc$t.df == "residual") o$df else T - 1)
}

arc <- function(lat, lon) {
  rad <- pi / 180
  p <- cbind(cos(lat * rad) * cos(lon * rad), cos(lat * rad) * sin(lon * rad), sin(lat * rad))
  6376 * 2 * asin(pmin(as.matrix(stats::dist(p)) / 2, 1))
}

conley_variance <- function(o, L, u, asked, ssc) {
  lat <- o$d$lat[o$long]
  lon <- o$d$lon[o$long]
  plane <- "cartesian" %in% unlist(asked$args)
  km <- if (plane) as.matrix(stats::dist(cbind(lat, lon))) else arc(lat, lon)
  cutoff <- asked$args[[1L]]
  bartlett <- "bartlett" %in% unlist(asked$args)
  if (any(abs(km - cutoff) < 1e-9 * cutoff)) undecidable("distance at the cut-off")
  if (!bartlett && all(km < cutoff)) refuse("cut-off")
  weight <- if (bartlett) pmax(1 - km / cutoff, 0) else (km <= cutoff) + 0
  scores <- t(sweep(L, 2L, u, `*`))
  factor <- if (!ssc$K.adj) 1 else
    o$n / (o$n - counted_parameters(o, all_counted(ssc), list()))
  list(V = factor * t(scores) %*% weight %*% scores, df = o$df)
}

# ---- repair --------------------------------------------------------------------------------------

# Negative eigenvalues of the slopes' variance become zero; a functional e + v'b follows.
repaired_variance <- function(out, o, F, spec) {
  k <- length(o$slopes)
  if (!k) return(out)
  at <- length(o$D_at) + seq_len(k)
  constant <- match("(Intercept)", o$slopes)
  if (!is.na(constant)) at <- at[-constant]
  if (!length(at)) return(flag_negative(out, diag(out$V)))
  S <- diag(o$rank)[at, , drop = FALSE]
  base <- unrepaired(o, S, spec)
  e <- eigen((base$V + t(base$V)) / 2, symmetric = TRUE)
  # units of the slopes so unlike that eigenvalues of the small ones are rounding errors
  s <- sqrt(base$size)
  if (!all(s > 0 & is.finite(base$V))) undecidable("no variance")
  own <- min(eigen(base$V / outer(s, s), symmetric = TRUE)$values)
  if (max(s) > 1e5 * min(s) && own < 1e-9) undecidable("eigenvalues of unlike units")
  if (min(e$values) >= -1e-12 * max(abs(e$values))) return(flag_negative(out, diag(out$V)))
  plus <- e$vectors %*% (pmax(e$values, 0) * t(e$vectors))
  unit <- sqrt(diag(o$inverse)[at])
  by <- F %*% sweep(o$inverse[, at, drop = FALSE], 2L, unit, `/`) %*%
    solve(o$inverse[at, at, drop = FALSE] / outer(unit, unit))
  by <- sweep(by, 2L, unit, `/`)
  before <- diag(out$V)
  out$V <- out$V + by %*% (plus - base$V) %*% t(by)
  out$size <- out$size + as.vector(by^2 %*% base$size) * length(at)
  out$error <- out$error + as.vector(by^2 %*% base$error) * length(at)
  out$repaired <- TRUE
  out <- flag_negative(out, before)
  lost <- diag(plus) <= 1e-12 * abs(diag(base$V))
  if (any(lost)) { # what rests on a coefficient without a variance has none
    beside <- rowSums(F[, at, drop = FALSE] != 0) != 1 | rowSums(F != 0) != 1
    out$V[beside, ] <- out$V[, beside] <- NA
  }
  out
}

flag_negative <- function(out, before) {
  near <- abs(diag(out$V)) < 1e-6 * out$size
  none <- diag(out$V) <= 1e-12 * abs(before)
  out$near_zero <- near
  out$V[none, ] <- out$V[, none] <- NA
  out
}

unrepaired <- function(o, F, spec) {
  p <- variance_parts(o, F, spec)
  out <- if (p$asked$type == "conley") conley_variance(o, p$L, p$u, p$asked, p$ssc) else
    cluster_variance(o, p$L, p$u, p$asked$type, p$ssc, p$clusters)
  c(out, variance_error(o, p$L, p$u, out, p$asked$type, length(p$clusters)))
}
