# Cluster diagnostics against dummies and refits in base R.

# G*(rho) as Carter, Schnepel and Steigerwald state it, from the full covariance of each cluster: a
# common error of variance rho, and one of the row of variance (1 - rho) / w.
oracle_gstar <- function(o, term, cluster, rho) {
  x <- sqrt(o$w) * o$Z
  a <- o$inverse[, match(term, colnames(o$Z))]
  gamma <- vapply(split(seq_len(o$n), cluster), function(rows) {
    w <- sqrt(o$w[rows])
    z <- x[rows, , drop = FALSE] %*% a
    drop(t(z) %*% (rho * outer(w, w) + diag(1 - rho, length(rows))) %*% z)
  }, 0)
  length(gamma) / (1 + mean((gamma / mean(gamma) - 1)^2))
}

oracle_without <- function(o, fe, cluster, terms) {
  t(vapply(sort(unique(cluster)), function(g) {
    rest <- which(cluster != g)
    left <- oracle_fit(o$y[rest], as.matrix(o$data[rest, terms]),
                       lapply(fe, function(f) o$data[[f]][rest]), o$w[rest])
    unname(left$coef[match(terms, colnames(left$Z))])
  }, numeric(length(terms))))
}

test_that("sizes, leverages and partial leverages are those of the dummy regression", {
  fe <- list("unit", c("unit", "time"), c("unit", "time", "group"))
  for (seed in 1:6) {
    k <- seed %% 3 + 1
    d <- random_panel(seed, c("weights", "missing"))
    o <- oracle_panel(d, fe[[k]], w = "w")
    m <- fe_lm(fe_formulas[[k]], d, weights = ~w, vcov = ~cluster)
    got <- as.data.frame(fe_clusters(m), term = "x2")
    by <- function(x) as.vector(rowsum(x, o$data$cluster))
    expect_equal(got$cluster, sort(unique(o$data$cluster)))
    expect_equal(got$size, by(rep(1, o$n)))
    expect_equal(got$leverage_full, by(o$h), tolerance = 1e-9)
    effects <- qr.Q(qr(sqrt(o$w) * o$Z[, !colnames(o$Z) %in% o$slopes]))
    expect_equal(got$leverage, by(o$h - rowSums(effects^2)), tolerance = 1e-9)
    r <- lm.wfit(o$Z[, colnames(o$Z) != "x2"], o$Z[, "x2"], o$w)$residuals
    expect_equal(got$partial, by(o$w * r^2) / sum(o$w * r^2), tolerance = 1e-9)
  }
})

test_that("the effective number of clusters is that of Carter, Schnepel and Steigerwald", {
  for (seed in 1:4) {
    d <- random_panel(seed, "weights")
    o <- oracle_panel(d, "time", w = "w")
    m <- fe_lm(y ~ x1 + x2 + x3 | time, d, weights = ~w, vcov = ~cluster)
    got <- fe_clusters(m, rho = c(0, 0.3, 1))$effective
    for (rho in c(0, 0.3, 1)) {
      expect_equal(got["x1", as.character(rho)], oracle_gstar(o, "x1", o$data$cluster, rho),
                   tolerance = 1e-9)
    }
    expect_true(all(got >= 1 & got <= 6))
    d <- drop(o$Z %*% o$inverse[, match("x1", colnames(o$Z))])
    gamma <- tapply(o$w * abs(d), o$data$cluster, sum)^2
    expect_equal(got[["x1", "worst"]], sum(gamma)^2 / sum(gamma^2), tolerance = 1e-9)
  }
})

test_that("models without fixed effects count the constant among the coefficients", {
  d <- random_panel(3)
  m <- fe_lm(y ~ x1 + x2 + x3, d, vcov = ~cluster)
  o <- oracle_panel(d, character())
  got <- fe_clusters(m)
  expect_equal(unname(got$effective["(Intercept)", c("0", "1")]),
               c(oracle_gstar(o, "(Intercept)", d$cluster, 0),
                 oracle_gstar(o, "(Intercept)", d$cluster, 1)))
  expect_equal(got$leverage, got$leverage_full)
  expect_equal(sum(got$leverage), 4)
})

test_that("equal clusters are worth their number, and one cluster alone is worth one", {
  d <- data.frame(g = rep(1:8, each = 4), x = rep(c(-1, 1), 16), y = sin(1:32))
  m <- fe_lm(y ~ x | g, d, vcov = ~g)
  expect_equal(fe_clusters(m)$effective[, "0"], 8)
  d$x[d$g > 1] <- 0
  d$x[d$g > 1][1:2] <- c(1e-9, -1e-9)
  expect_warning(m <- fe_lm(y ~ x | g, d, vcov = ~g), "is zero", class = "fe_warning")
  expect_equal(fe_clusters(m)$effective[, "0"], 1)
})

test_that("where effects absorb the level of every cluster, rho = 1 is NA and others agree", {
  m <- fe_lm(y ~ x1 + x2 | unit + time, random_panel(5), vcov = ~cluster)
  got <- fe_clusters(m, rho = c(0, 0.9, 1))$effective
  expect_equal(got[, "0"], got[, "0.9"])
  expect_true(all(is.na(got[, "1"])))
  expect_output(print(fe_clusters(m)), "absorb the level of every cluster")
})

test_that("coefficients without a cluster are those of refits", {
  fe <- list("unit", c("unit", "time"), c("unit", "time", "group"))
  for (seed in 1:6) {
    k <- seed %% 3 + 1
    d <- random_panel(seed, "weights")
    o <- oracle_panel(d, fe[[k]], w = "w")
    m <- fe_lm(fe_formulas[[k]], d, weights = ~w, vcov = ~cluster)
    got <- fe_clusters(m)
    expect_lt(worst(unname(got$without),
                    oracle_without(o, fe[[k]], o$data$cluster, c("x1", "x2", "x3"))), 1e-8)
    change <- (got$without[, "x2"] - coef(m)[["x2"]]) / sqrt(vcov(m)["x2", "x2"])
    expect_equal(as.data.frame(got, term = "x2")$change, unname(change))
  }
})

test_that("a coefficient that one cluster alone identifies is NA without it", {
  d <- random_panel(2)
  d$only <- ifelse(d$cluster == "cl3", d$x2, 0)
  m <- fe_lm(y ~ only + x1 | unit + time, d, vcov = ~cluster)
  got <- fe_clusters(m)
  expect_true(is.na(got$without["cl3", "only"]))
  expect_false(anyNA(got$without[rownames(got$without) != "cl3", "only"]))
  expect_gt(got$partial["cl3", "only"], 0.5)
  expect_output(print(got), "not estimable")
})

test_that("frequency weights give what the rows written out give", {
  d <- random_panel(7)
  d$times <- rep_len(1:3, nrow(d))
  m <- fe_lm(y ~ x1 + x2 | unit + time, d, weights = ~times, weights_type = "frequency",
             vcov = ~cluster)
  long <- fe_lm(y ~ x1 + x2 | unit + time, d[rep(seq_len(nrow(d)), d$times), ], vcov = ~cluster)
  a <- fe_clusters(m)
  b <- fe_clusters(long)
  for (part in c("size", "leverage", "leverage_full", "partial", "without", "effective")) {
    expect_equal(a[[part]], b[[part]], tolerance = 1e-8)
  }
})

test_that("the clusters may be named apart from the variance", {
  d <- random_panel(8)
  m <- fe_lm(y ~ x1 | unit + time, d)
  expect_error(fe_clusters(m), "`cluster` is missing", class = "fe_error")
  expect_error(fe_clusters(m, ~cluster + time), "`cluster` names 2", class = "fe_error")
  expect_equal(fe_clusters(m, "cluster")$G, 6)
  expect_equal(fe_clusters(m, d$cluster)$without, fe_clusters(m, ~cluster)$without)
  expect_equal(fe_clusters(summary(m, vcov = CR0 ~ cluster))$partial,
               fe_clusters(m, ~cluster)$partial)
})

test_that("bad arguments are refused by name", {
  m <- fe_lm(y ~ x1 | unit + time, random_panel(8), vcov = ~cluster)
  expect_error(fe_clusters(m, rho = 2), "`rho`", class = "fe_error")
  expect_error(fe_clusters(m, rho = c(0, 0)), "`rho`", class = "fe_error")
  expect_error(fe_clusters(lm(dist ~ speed, cars)), "`m` must be a model", class = "fe_error")
  expect_error(fe_clusters(m, colour = 1), "`colour`", class = "fe_error")
  expect_error(as.data.frame(fe_clusters(m), term = "x9"), "`term`", class = "fe_error")
  lean <- fe_lm(y ~ x1 | unit + time, random_panel(8), vcov = ~cluster, lean = TRUE)
  expect_error(fe_clusters(lean), "lean", class = "fe_error")
})

test_that("tidy() has a row for each coefficient with the range without one cluster", {
  m <- fe_lm(y ~ x1 + x2 | unit + time, random_panel(8), vcov = ~cluster)
  d <- fe_clusters(m)
  got <- tidy(d)
  expect_equal(got$term, c("x1", "x2"))
  expect_equal(got$without.low, unname(apply(d$without, 2, min)))
  expect_equal(got$partial.max, unname(apply(d$partial, 2, max)))
  expect_equal(got$effective.0, unname(d$effective[, "0"]))
})

test_that("figures show every cluster once", {
  skip_if_not_installed("ggplot2")
  d <- fe_clusters(fe_lm(y ~ x1 + x2 | unit + time, random_panel(8), vcov = ~cluster))
  points <- function(p, layer) ggplot2::layer_data(p, layer)
  influence <- plot(d, term = "x2")
  expect_equal(points(influence, 4)$x, sort(unname(d$without[, "x2"])))
  leverage <- plot(d, what = "leverage")
  expect_equal(points(leverage, 3)$y, unname(d$partial[, "x1"]))
  expect_error(plot(d, what = "size"), "`what`", class = "fe_error")
})

# ---- the note under a model ----------------------------------------------------------------------

printed <- function(m) paste(utils::capture.output(print(m)), collapse = "\n")

test_that("unequal clusters are noted in print with better types", {
  d <- random_panel(2)
  d$x2[d$cluster != "cl1"] <- 100 + d$x2[d$cluster != "cl1"] / 100
  m <- fe_lm(y ~ x1 + x2 | unit + time, d, vcov = ~cluster)
  expect_match(printed(m), paste0("6 clusters of `cluster`, worth 1\\.[0-9] equal ones for `x2`\n",
                                  ".*CR1 reject too often.*CR2 ~ cluster"))
  expect_match(printed(summary(m, vcov = CR0 ~ cluster)), "tests with CR0")
  both <- suppressWarnings(summary(m, vcov = ~cluster + time), classes = "fe_warning") # repaired
  expect_match(printed(both), "better: fe_boottest")
})

test_that("the rule compares t(G - 1) with t(G* - 1)", {
  d <- random_panel(2)
  m <- fe_lm(y ~ x1 + x2 + x3 | unit + time, d, vcov = ~cluster)
  worth <- apply(fe_clusters(m)$effective, 1L, min, na.rm = TRUE)
  doubted <- names(worth)[2 * pt(-qt(0.975, 5), worth - 1) > 0.075]
  said <- printed(m)
  for (term in names(worth)) {
    expect_equal(grepl(sprintf("for `%s`", term), said, fixed = TRUE), term %in% doubted)
  }
})

test_that("equal clusters, and variances without clusters, have no note", {
  d <- data.frame(g = rep(1:6, each = 4), x = rep(c(-1, 1), 12), y = sin(1:24))
  expect_no_match(printed(fe_lm(y ~ x | g, d, vcov = ~g)), "Note")
  expect_match(printed(fe_lm(y ~ x | g, d, vcov = ~g, ssc = "plm")), "Note")
  d <- random_panel(2)
  d$x2[d$cluster != "cl1"] <- 100 + d$x2[d$cluster != "cl1"] / 100
  expect_no_match(printed(fe_lm(y ~ x2 | unit + time, d)), "Note")
  expect_no_match(printed(fe_lm(y ~ x2 | unit, d, vcov = ~cluster, lean = TRUE)), "Note")
  expect_no_match(printed(fe_lm(y ~ 1 | unit, d, vcov = ~cluster)), "Note")
})

test_that("degrees of freedom of each coefficient are those that it is judged by", {
  d <- random_panel(2)
  m <- fe_lm(y ~ x1 + x2 + x3 | unit + time, d, vcov = ~cluster,
             ssc = fe_ssc(t.df = "satterthwaite"))
  df <- m$vcov_info$df
  worth <- apply(fe_clusters(m)$effective, 1L, min, na.rm = TRUE)
  doubted <- names(worth)[2 * pt(-qt(0.975, df[names(worth)]), worth - 1) > 0.075]
  said <- printed(m)
  for (term in names(worth)) {
    expect_equal(grepl(sprintf("for `%s`", term), said, fixed = TRUE), term %in% doubted)
  }
})

test_that("few treated clusters among many are noted for the treatment alone", {
  d <- random_panel(1, n_units = 60L)
  d$treated <- as.numeric(d$unit <= 3 & d$time > 2003)
  m <- fe_lm(y ~ x1 + treated | unit + time, d, vcov = ~unit)
  expect_lt(fe_clusters(m)$effective["treated", "0"], 6)
  said <- printed(m)
  expect_match(said, "60 clusters of `unit`, worth [0-9.]+ equal ones for `treated`\n")
})

test_that("one dominant cluster is noted", {
  d <- random_panel(1, n_units = 80L)
  d$state <- ifelse(d$unit <= 40L, 1L, d$unit)
  m <- fe_lm(y ~ x1 | unit + time, d, vcov = ~state)
  expect_match(printed(m), "41 clusters of `state`, worth 1.[0-9] equal ones for `x1`")
})

test_that("the note is all there is, and can be turned off", {
  d <- random_panel(1, n_units = 80L)
  d$state <- ifelse(d$unit <= 40L, 1L, d$unit)
  m <- fe_lm(y ~ x1 | unit + time, d, vcov = ~state)
  expect_no_warning(expect_output(print(m), "better: CR3 ~ state, CR2 ~ state, fe_boottest"))
  expect_no_error(c(vcov(m, CR3 ~ state), vcov(m, CR2 ~ state)))
  withr::local_options(fepanel.cluster_note = FALSE)
  expect_no_match(printed(m), "Note")
  withr::local_options(fepanel.cluster_note = "no")
  expect_error(printed(m), "fepanel.cluster_note", class = "fe_error")
})

test_that("a slope that rests on one cluster is named, and no type without a variance for it", {
  d <- random_panel(2)
  d$only <- d$x1 * (d$cluster == "cl2")
  m <- fe_lm(y ~ x2 + only | unit + time, d, vcov = ~cluster)
  expect_error(vcov(m, CR3 ~ cluster), "cannot be estimated without", class = "fe_error")
  said <- printed(m)
  expect_match(said, "\"only\" cannot be estimated without one cluster")
  expect_no_match(said, "CR3|\"33\"")
  expect_match(said, "finer `bootcluster`\n *for the others: CR2 ~ cluster, fe_boottest\\(\\)")
  expect_no_error(c(vcov(m, CR2 ~ cluster), fe_boottest(m, "x2", B = 9)$p.value,
                    fe_boottest(m, "only", bootcluster = ~unit, B = 99)$p.value))
})

test_that("what is for one model says so of a list", {
  d <- random_panel(2)
  models <- fe_lm(c(y, x1) ~ x2 | unit, d, vcov = ~cluster)
  expect_error(fe_clusters(models), "list of 2 models.*m\\[\\[1\\]\\]", class = "fe_error")
  expect_error(fe_boottest(models, "x2"), "list of 2 models.*object\\[\\[1\\]\\]",
               class = "fe_error")
})

test_that("a large design is judged by the sizes of its clusters", {
  d <- random_panel(1, n_units = 80L)
  d$state <- ifelse(d$unit <= 40L, 1L, d$unit)
  m <- fe_lm(y ~ x1 | unit + time, d, vcov = ~state)
  got <- fepanel:::worth_of_clusters(m, m$factors$unit, limit = 1)
  expect_equal(got$number, sum(table(d$unit)^2)^2 / sum(table(d$unit)^4))
  expect_equal(got$of, "by their sizes")
})
