# Linear functionals of the weights of the wild bootstrap and the sums of their products that make
# the variance of a replicate: see src/core/wild.h.

# What C_wild computes with: the projected scores themselves where they are few, else the terms of
# their squares.
wild_parts <- function(parts, q) {
  n_parts <- if (q == 1L) length(parts$S) else q
  p <- nrow(parts$S[[1L]])
  last <- p - q + seq_len(q)
  numerators <- if (q == 1L) do.call(rbind, lapply(parts$S, function(S) S[last, ])) else
    parts$S[[1L]][last, , drop = FALSE]
  if (is.null(parts$direct)) {
    G <- sum(vapply(parts$sets, `[[`, 0, "n"))
    vectors <- if (q == 1L) 2 * n_parts * p else p * (1 + q * (q + 1) / 2)
    if (G * n_parts > vectors) return(factored_parts(parts, numerators, q))
    parts$direct <- lapply(parts$sets, direct_set, S = parts$S, q = q)
  }
  tiles <- new_tiles(numerators)
  for (set in parts$direct) {
    first <- vapply(set$K, tiles$add, 0L)
    size <- tiles$size(set$K[[1L]])
    for (l in seq_len(n_parts)) for (i in seq_len(l)) {
      tiles$term(first[i], first[l], size, l * (l - 1L) / 2L + i - 1L, set$weight)
    }
  }
  scale <- Reduce(`+`, lapply(parts$direct, function(set) abs(set$weight) * set$size))
  c(tiles$done(), list(n_parts = n_parts, scale = scale))
}

direct_set <- function(set, S, q) {
  H <- ncol(S[[1L]])
  K <- lapply(seq_len(nrow(set$value)), function(i) {
    C <- matrix(0, set$n, H)
    C[cbind(set$g, set$h)] <- set$value[i, ]
    C - crossprod(set$alpha[[if (q == 1L) 1L else i]], S[[if (q == 1L) i else 1L]])
  })
  list(weight = set$weight, K = K, size = rowSums(set$value^2))
}

# Functionals in tiles of eight, and the products of them that are asked for.
new_tiles <- function(first) {
  fill <- function(M) rbind(M, matrix(0, -nrow(M) %% 8L, ncol(M)))
  held <- list(fill(first))
  terms <- list()
  scales <- numeric()
  list(
    size = function(M) nrow(fill(M)) %/% 8L,
    fill = fill,
    add = function(M) {
      at <- sum(vapply(held, nrow, 0L)) %/% 8L
      held[[length(held) + 1L]] <<- fill(M)
      at
    },
    term = function(left, right, tiles, pair, scale) {
      terms[[length(terms) + 1L]] <<- as.integer(c(left, right, tiles, pair))
      scales[length(scales) + 1L] <<- scale
    },
    done = function() list(func = do.call(rbind, held), term = unlist(terms), term_scale = scales))
}

# sum k_i k_l = sum (C_i v)(C_l v) - mu_i'kappa_l / 2 - mu_l'kappa_i / 2, with
# kappa_l = 2 sum (C_l v)_g alpha_g - Psi mu_l, Psi = sum alpha_g alpha_g'; for several hypotheses,
# mu is common and kappa has two indices.
factored_parts <- function(parts, numerators, q) {
  n_parts <- nrow(numerators)
  tiles <- new_tiles(numerators)
  mu <- vapply(parts$S, tiles$add, 0L)
  size <- tiles$size(parts$S[[1L]])
  for (l in seq_len(n_parts)) {
    if (q == 1L) {
      kappa <- tiles$add(cross_terms(parts, 1L, 1L, l, l, parts$S[[l]]))
      for (i in seq_len(n_parts)) {
        pair <- max(i, l) * (max(i, l) - 1L) / 2L + min(i, l) - 1L
        tiles$term(mu[i], kappa, size, pair, if (i == l) -1 else -0.5)
      }
    } else {
      for (i in seq_len(l)) {
        kappa <- tiles$add(cross_terms(parts, i, l, i, l, parts$S[[1L]]))
        tiles$term(mu, kappa, size, l * (l - 1L) / 2L + i - 1L, -1)
      }
    }
  }
  scale <- Reduce(`+`, lapply(parts$sets, function(set) abs(set$weight) * rowSums(set$value^2)))
  c(tiles$done(), list(n_parts = n_parts, scale = scale),
    square_parts(parts, n_parts, q, mu, size, tiles$fill))
}

# sum_g w_g (c_i alpha_j' + c_l alpha_k')_g by bootstrap cluster, less Psi_jk mu.
cross_terms <- function(parts, j, k, i, l, mu) {
  total <- 0
  for (set in parts$sets) {
    a <- t(set$alpha[[j]])
    b <- t(set$alpha[[k]])
    sums <- rowsum(set$value[i, ] * b[set$g, , drop = FALSE] +
                     set$value[l, ] * a[set$g, , drop = FALSE], set$h)
    total <- total + set$weight * (t(sums) - crossprod(a, b) %*% mu)
  }
  total
}

# The squares of the C_i v: clusters within one bootstrap cluster each by the square of its weight,
# others one by one.
square_parts <- function(parts, n_parts, q, mu, size, fill) {
  within <- vapply(parts$sets, function(set) length(set$g) == set$n, NA)
  pairs <- do.call(rbind, lapply(seq_len(n_parts), function(l) cbind(seq_len(l), l)))
  diag <- Reduce(`+`, lapply(parts$sets[within], function(set) {
    products <- set$value[pairs[, 1L], , drop = FALSE] * set$value[pairs[, 2L], , drop = FALSE]
    set$weight * t(rowsum(t(products), set$h))
  }))
  one <- length(parts$sets) == 1L
  listed <- if (one) parts$sets else parts$sets[!within]
  rows <- if (length(listed)) c(list_rows(listed), list(counted = !one || !within))
  if (one) {
    alpha <- lapply(parts$sets[[1L]]$alpha, fill)
    rows$alpha <- aperm(simplify2array(alpha), c(1L, 3L, 2L))
    rows$n_alpha <- length(alpha)
    rows$mu_tiles <- size
    rows$alpha_of <- if (q == 1L) rep(0L, n_parts) else seq_len(n_parts) - 1L
    rows$mu_at <- rep_len(mu, n_parts)
  }
  list(diag = diag, rows = rows)
}

# Entries of some sets, row by row.
list_rows <- function(sets) {
  shift <- cumsum(c(0, vapply(sets, `[[`, 0, "n")))
  g <- unlist(Map(function(set, by) set$g + by, sets, shift[seq_along(sets)]))
  order <- order(g)
  value <- do.call(cbind, lapply(sets, `[[`, "value"))
  list(start = c(0L, cumsum(tabulate(g, shift[length(shift)]))),
       boot = unlist(lapply(sets, `[[`, "h"))[order] - 1L, value = value[, order, drop = FALSE],
       weight = rep(vapply(sets, `[[`, 0, "weight"), diff(shift)))
}
