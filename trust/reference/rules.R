# Rules of standard errors that the suites of other packages hold theirs to, as properties of ours
# on random panels. What a rule expects comes from dense dummies (helper-oracle.R, helper-cr2.R) or
# from another of our own numbers.

# One rule on one panel: the pair of numbers that agrees least, and how many pairs there were.
rule <- function(source, quantity, expected, ours, required = 9) {
  cbind(compare_worst(source, quantity, expected, ours, required), pairs = length(ours))
}

bind_rows <- function(rows) do.call(rbind, unname(rows))
with_repair <- function(expr) suppressWarnings(expr, classes = "fe_warning")

# Designs: effects, clusters and weights, nested or not.
rule_designs <- list(
  list(fe = character(), by = "cluster"), list(fe = character(), by = c("unit", "time")),
  list(fe = "unit", by = "cluster"), list(fe = "unit", by = "unit"), list(fe = "unit", by = "time"),
  list(fe = "time", by = "unit"), list(fe = c("unit", "time"), by = "unit"),
  list(fe = c("unit", "time"), by = "other"), list(fe = c("unit", "time"), by = c("unit", "time")),
  list(fe = c("unit", "time", "group"), by = "cluster"),
  list(fe = c("unit", "time"), by = c("cluster", "other"), weights = "w"),
  list(fe = "unit", by = "cluster", weights = "w"))

design_fit <- function(design, d) {
  effects <- if (length(design$fe)) paste("|", paste(design$fe, collapse = "+"))
  formula <- stats::as.formula(paste("y ~ x1 + x2", effects))
  weighted <- !is.null(design$weights)
  list(m = if (weighted) fe_lm(formula, d, weights = ~w) else fe_lm(formula, d),
       o = oracle_panel(d, design$fe, c("x1", "x2"), design$weights))
}

# ---- the grid of small-sample conventions --------------------------------------------------------

# Inclusion and exclusion with the factor of each combination of clusters written out.
expected_cluster <- function(o, by, K.adj, K.fixef, G.adj, G.df) {
  clusters <- o$data[by]
  G <- vapply(clusters, function(g) length(unique(g)), 0L)
  factor_of <- function(g) {
    if (!G.adj) return(1)
    n <- if (G.df == "min") min(G) else length(unique(g))
    n / (n - 1)
  }
  meat <- 0
  for (size in seq_along(by)) {
    for (set in utils::combn(length(by), size, simplify = FALSE)) {
      g <- do.call(paste, clusters[set])
      meat <- meat - (-1)^size * factor_of(g) * oracle_meat(o, g)
    }
  }
  K <- if (length(o$factors)) oracle_K(o, clusters, K.fixef) else o$rank
  V <- (if (K.adj) (o$n - 1) / (o$n - K) else 1) * o$inverse %*% meat %*% o$inverse
  at <- match(o$slopes, colnames(o$Z))
  V[at, at]
}

conventions_grid <- function(d) {
  grid <- expand.grid(K.adj = c(TRUE, FALSE), K.fixef = c("nonnested", "full", "none"),
                      G.adj = c(TRUE, FALSE), G.df = c("min", "conventional"),
                      t.df = c("min", "residual"), stringsAsFactors = FALSE)
  rows <- lapply(rule_designs, function(design) {
    f <- design_fit(design, d)
    bind_rows(lapply(seq_len(nrow(grid)), function(i) grid_rows(f, design$by, grid[i, ])))
  })
  bind_rows(rows)
}

grid_rows <- function(f, by, g) {
  expected <- expected_cluster(f$o, by, g$K.adj, g$K.fixef, g$G.adj, g$G.df)
  # a matrix that is not positive semi-definite is repaired: another rule
  if (min(eigen(expected, symmetric = TRUE)$values) <= 0) return(NULL)
  s <- with_repair(summary(f$m, stats::reformulate(by),
                           ssc = do.call(fe_ssc, c(list("fixest"), as.list(g)))))
  t <- tidy(s)
  at <- match(f$o$slopes, t$term)
  G <- vapply(f$o$data[by], function(v) length(unique(v)), 0L)
  df <- if (g$t.df == "min") min(G) - 1 else f$o$n - f$o$rank
  se <- sqrt(diag(expected))
  p <- 2 * stats::pt(-abs(f$o$coef[f$o$slopes] / se), df)
  name <- sprintf("K.fixef = \"%s\", %s", g$K.fixef,
                  if (length(by) == 1L) "one cluster variable" else "two cluster variables")
  rbind(rule("fixest: K.adj, K.fixef, G.adj, G.df", paste("SE,", name), se, t$std.error[at]),
        rule("fixest: t.df", "p-value: t(G - 1), t(n - K)", p, t$p.value[at], 8))
}

# Two components: counted by levels, K is one too large.
exact_count <- function(d) {
  d$far <- d$time + 100 * (d$unit > 10)
  m <- fe_lm(y ~ x1 + x2 | unit + far, d)
  o <- oracle_panel(transform(d, time = far), c("unit", "time"), c("x1", "x2"))
  rest <- o$n - o$rank
  rbind(rule("fixest: K.exact", "K of a disconnected graph is the rank of the dummies", o$rank,
             m$rank, 15),
        rule("fixest: K.exact", "counted by levels there is one more",
             rest / (rest - 1) * vcov(m, ~other), vcov(m, ~other, ssc = "fixest"), 12))
}

# ---- heteroskedasticity: the suites of sandwich and estimatr -------------------------------------

row_rules <- function(d) {
  bind_rows(lapply(rule_designs[c(1, 3, 7, 11)], function(design) {
    f <- design_fit(design, transform(d, row = seq_len(nrow(d))))
    m <- f$m
    rbind(
      bind_rows(lapply(c("iid", "HC0", "HC1", "HC2", "HC3"), function(type) {
        at <- f$o$slopes
        rule("sandwich, estimatr: HC0 to HC3", paste("leverages of the dummies,", type),
             oracle_vcov(f$o, type), vcov(m, type)[at, at])
      })),
      rule("sandwich: HC1", "is n/(n-K) of HC0", f$o$n / (f$o$n - f$o$rank) * vcov(m, "HC0"),
           vcov(m, "HC1"), 12),
      rule("clubSandwich: clusters of one row", "CR0 is HC0", vcov(m, "HC0"),
           vcov(m, CR0 ~ row), 11),
      rule("clubSandwich: clusters of one row", "CR1S is HC1", vcov(m, "HC1"),
           vcov(m, CR1S ~ row), 11))
  }))
}

one_row_clusters <- function(d) {
  d$row <- seq_len(nrow(d))
  m <- fe_lm(y ~ x1 + x2 | time, d)
  satterthwaite <- fe_ssc(t.df = "satterthwaite")
  rbind(
    rule("clubSandwich: clusters of one row", "CR2 is HC2", vcov(m, "HC2"), vcov(m, CR2 ~ row)),
    rule("clubSandwich: clusters of one row", "CR3 without (G-1)/G is HC3", vcov(m, "HC3"),
         vcov(m, CR3 ~ row, ssc = fe_ssc(jackknife.adj = FALSE))),
    rule("estimatr, dfadjust: HC2", "Satterthwaite's df are those of CR2 by row",
         summary(m, CR2 ~ row)$vcov_info$df,
         summary(m, "HC2", ssc = satterthwaite)$vcov_info$df))
}

# ---- clusters: the suites of sandwich, multiwayvcov and plm --------------------------------------

cluster_rules <- function(d) {
  m <- fe_lm(y ~ x1 + x2 | unit + time, d)
  one <- function(by) vcov(m, stats::reformulate(by, "CR0"))
  sums <- one("cluster") + one("other") - one("cluster^other")
  arellano <- one("unit") + one("time") - vcov(m, "HC0")
  multi <- function(sum, request, what) {
    if (min(eigen(sum, symmetric = TRUE)$values) <= 0) return(NULL)
    rule("sandwich, plm: several clusters", what, sum, with_repair(vcov(m, request)))
  }
  plain <- fe_ssc(K.adj = FALSE, G.adj = FALSE)
  rbind(
    multi(sums, CR0 ~ cluster + other, "V(a) + V(b) - V(a^b)"),
    multi(arellano, CR0 ~ unit + time, "by unit and time: V(unit) + V(time) - HC0"),
    rule("sandwich, plm: kernels", "Newey-West at lag 0 is HC0", vcov(m, "HC0"),
         vcov(m, NW(0) ~ unit + time, ssc = plain)),
    rule("sandwich, plm: kernels", "Driscoll-Kraay at lag 0 is clusters by time", one("time"),
         vcov(m, DK(0) ~ time, ssc = plain)),
    rule("plm: vcovHC", "Arellano's HC0 is CR0 by unit", one("unit"), vcov(m, ~unit, ssc = "plm"),
         13))
}

scale_rules <- function(d) {
  types <- list("iid", "HC1", "HC3", ~cluster, CR2 ~ cluster)
  d <- transform(d, y1000 = 1000 * y, w10 = 10 * w)
  m <- fe_lm(y ~ x1 + x2 | unit + time, d, weights = w)
  larger <- fe_lm(y1000 ~ x1 + x2 | unit + time, d, weights = w)
  heavier <- fe_lm(y ~ x1 + x2 | unit + time, d, weights = w10)
  shuffled <- fe_lm(y ~ x1 + x2 | unit + time, d[sample(nrow(d)), ], weights = w)
  bind_rows(lapply(types, function(type) {
    V <- vcov(m, type)
    rbind(rule("sandwich: units", "outcome times 1000: V times 1e6", 1e6 * V, vcov(larger, type)),
          rule("clubSandwich: weights", "all weights times 10: V stays", V, vcov(heavier, type)),
          rule("clubSandwich: order", "rows in another order: V stays", V, vcov(shuffled, type)))
  }))
}

frequency_rules <- function(d) {
  d$times <- 1 + seq_len(nrow(d)) %% 3
  m <- fe_lm(y ~ x1 + x2 | unit + time, d, weights = times, weights_type = "frequency")
  rows <- fe_lm(y ~ x1 + x2 | unit + time, d[rep(seq_len(nrow(d)), d$times), ])
  bind_rows(lapply(list("iid", "HC0", "HC1", "HC2", "HC3", ~cluster, CR2 ~ cluster), function(v) {
    rule("Stata: fweights", "frequency weights are rows written out", vcov(rows, v), vcov(m, v))
  }))
}

# ---- transformations: the suite of plm -----------------------------------------------------------

within_rules <- function(d) {
  two <- d[d$time %in% range(d$time), ]
  two <- two[two$unit %in% names(which(table(two$unit) == 2L)), ]
  two <- two[order(two$unit, two$time), ]
  difference <- function(v) v[c(FALSE, TRUE)] - v[c(TRUE, FALSE)]
  fd <- stats::lm(y ~ 0 + x1 + x2, data.frame(lapply(two[c("y", "x1", "x2")], difference)))
  m <- fe_lm(y ~ x1 + x2 | unit, two, vcov = "iid")
  grand <- fe_lm(y ~ 1, d)
  e <- d$y - mean(d$y)
  rbind(
    rule("plm: first differences", "two periods: within estimates are those of differences",
         stats::coef(fd), coef(m)),
    rule("plm: first differences", "and their standard errors",
         sqrt(diag(stats::vcov(fd))), se_of(m)),
    rule("sandwich: a mean", "HC0 of a mean is the sum of squares over n^2",
         sum(e^2) / length(e)^2, vcov(grand, "HC0")),
    rule("sandwich: a mean", "clustered, the sums of squared sums",
         sum(rowsum(e, d$cluster)^2) / length(e)^2, vcov(grand, CR0 ~ cluster)))
}

intercept_rules <- function(d) {
  fits <- lapply(c("lsdv", "mean", "within"), function(constant) {
    fe_lm(y ~ x1 + x2 | unit + time, d, intercept = constant)
  })
  none <- fe_lm(y ~ x1 + x2 | unit + time, d)
  lsdv <- oracle_panel(d, c("unit", "time"), c("x1", "x2"))
  rbind(
    bind_rows(lapply(fits, function(m) {
      rule("Stata: _cons", "the choice of the constant leaves the slopes' V", vcov(none, "HC1"),
           vcov(m, "HC1")[c("x1", "x2"), c("x1", "x2")], 12)
    })),
    rule("Stata: _cons", "regress with dummies: V of the constant too",
         oracle_vcov(lsdv, "HC1", constant = TRUE), vcov(fits[[1L]], "HC1")))
}

# ---- bias reduction: the suite of clubSandwich ---------------------------------------------------

# V is a quadratic form of the outcome: its sum over unit vectors is its expectation under
# independent errors of variance one.
unbiased_rules <- function(d) {
  n <- nrow(d)
  expectation <- function(type) {
    Reduce(`+`, lapply(seq_len(n), function(i) {
      d$unit_vector <- as.numeric(seq_len(n) == i)
      vcov(with_repair(fe_lm(unit_vector ~ x1 + x2 | time, d, vcov = type)))
    }))
  }
  bread <- fe_lm(y ~ x1 + x2 | time, d)$bread
  rbind(
    rule("clubSandwich: CR2", "unbiased under independent errors", bread,
         expectation(CR2 ~ cluster)),
    rule("sandwich: HC2", "unbiased under independent errors", bread, expectation("HC2")))
}

reduction_rules <- function(d) {
  m <- fe_lm(y ~ x1 + x2 | unit + time, d)
  dummies <- fe_lm(y ~ x1 + x2 + factor(unit) + factor(time), d)
  o <- oracle_panel(d, c("unit", "time"), c("x1", "x2"))
  at <- c("x1", "x2")
  textbook <- oracle_cr2(o, o$data$cluster)
  absorbed <- summary(m, CR2 ~ cluster)
  written <- with_repair(summary(dummies, CR2 ~ cluster))
  htz <- fe_wald(m, "x1 = 0", vcov = CR2 ~ cluster, test = "HTZ")
  rbind(
    rule("clubSandwich: CR2", "of the textbook, with all dummies", textbook$V, vcov(absorbed), 8),
    rule("clubSandwich: CR2", "Satterthwaite's df of the textbook", oracle_df(textbook, 2L),
         absorbed$vcov_info$df, 7),
    rule("clubSandwich: CR2", "absorbing changes nothing", vcov(written)[at, at], vcov(absorbed),
         8),
    rule("clubSandwich: HTZ", "one restriction: t squared", tidy(absorbed)$statistic[1L]^2,
         htz$statistic),
    rule("clubSandwich: HTZ", "one restriction: Satterthwaite's df", absorbed$vcov_info$df[1L],
         htz$parameter[["df2"]]),
    rule("summclust: CR3", "the estimates without each cluster, one after the other",
         slow_jackknife(d), vcov(m, CR3 ~ cluster)))
}

slow_jackknife <- function(d) {
  at <- c("x1", "x2")
  formula <- y ~ x1 + x2 + factor(unit) + factor(time)
  b <- function(rows) stats::coef(stats::lm(formula, d[rows, ]))[at]
  all <- b(rep(TRUE, nrow(d)))
  groups <- unique(d$cluster)
  apart <- vapply(groups, function(g) b(d$cluster != g) - all, numeric(2L))
  (length(groups) - 1) / length(groups) * tcrossprod(apart)
}

balanced_mean <- function(seed) {
  set.seed(seed)
  d <- data.frame(g = rep(1:9, each = 4), y = stats::rnorm(36))
  s <- summary(fe_lm(y ~ 1, d), CR2 ~ g)
  rule("clubSandwich: CR2", "mean of balanced clusters: df are G - 1", 8, s$vcov_info$df)
}

# ---- all of them ---------------------------------------------------------------------------------

rules_once <- function(seed) {
  d <- random_panel(seed, "weights")
  small <- random_panel(seed, "weights", n_units = 7L, n_times = 5L)
  large <- random_panel(seed, n_units = 30L, n_times = 12L)
  rbind(conventions_grid(d), exact_count(d), row_rules(d), one_row_clusters(small),
        cluster_rules(large), scale_rules(d), frequency_rules(d), within_rules(d),
        intercept_rules(d), unbiased_rules(small), reduction_rules(d), balanced_mean(seed))
}

# A row for each rule: the worst pair over all panels.
run_rules <- function(seeds) {
  all <- bind_rows(lapply(seeds, rules_once))
  parts <- split(all, factor(paste(all$source, all$quantity),
                             unique(paste(all$source, all$quantity))))
  bind_rows(lapply(parts, function(p) {
    worst <- p[which.min(p$digits - p$required), ]
    worst$note <- sprintf("%d numbers of %d panels", sum(p$pairs), length(seeds))
    worst$times <- sum(p$pairs)
    worst[names(worst) != "pairs"]
  }))
}
