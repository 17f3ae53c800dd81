# What is put to the properties: functions of a data frame and of a setting (regressors, effects,
# weights, threads) that give readings. A reading holds numbers with the powers of the units of y
# and of x1 that they are measured in, so that a property can say what must come out.

setting <- list(x = c("x1", "x2", "f"), fe = c("unit", "time"), weights = NULL,
                type = "analytic", threads = 1L)

formula_of <- function(m, x = m$x, fe = m$fe, y = "y") {
  stats::as.formula(paste(y, "~", paste(x, collapse = " + "),
                          if (length(fe)) paste("|", paste(fe, collapse = " + "))))
}

# Calls of the package with the weights and threads of the setting.
call_with <- function(f, m, ..., weighted = TRUE) {
  args <- list(..., threads = m$threads)
  if (weighted && !is.null(m$weights)) {
    args$weights <- stats::as.formula(paste0("~", m$weights))
    args$weights_type <- m$type
  }
  suppressMessages(suppressWarnings(do.call(f, args)))
}

fit_lm <- function(d, m, vcov = "HC1", ...) {
  args <- list(...)
  if (is.null(args$formula)) args$formula <- formula_of(m)
  do.call(call_with, c(list(fe_lm, m, data = d, vcov = vcov), args))
}

# values: named numbers; y, x: powers of the units of y and of x1.
reading <- function(values, y = 0, x = 0) {
  list(values = values, y = rep_len(y, length(values)), x = rep_len(x, length(values)))
}

join_readings <- function(...) {
  parts <- Filter(Negate(is.null), list(...))
  list(values = unlist(lapply(parts, `[[`, "values")), y = unlist(lapply(parts, `[[`, "y")),
       x = unlist(lapply(parts, `[[`, "x")))
}

unit_columns <- c("estimate", "std.error", "conf.low", "conf.high", "band.low", "band.high",
                  "estimate1", "estimate2", "difference")
pure_columns <- c("statistic", "df", "df1", "df2", "p.value", "p.adjusted", "share", "nobs",
                  "p.joint")

# Rows of a table of estimates. x: the power of x1 of each row, y: that of y.
read_table <- function(table, x, y = 1, sort = TRUE) {
  rownames(table) <- NULL
  key <- do.call(paste, c(table[vapply(table, function(v) is.character(v) || is.factor(v), NA)],
                          sep = "/"))
  order <- if (sort) order(key, method = "radix") else seq_along(key)
  x <- rep_len(x, nrow(table))[order]
  y <- rep_len(y, nrow(table))[order]
  take <- function(columns, y, x) {
    do.call(join_readings, lapply(intersect(columns, names(table)), function(column) {
      v <- table[[column]][order]
      names(v) <- paste(key[order], column)
      reading(v, y, x)
    }))
  }
  join_readings(take(unit_columns, y, x), take(pure_columns, 0, 0))
}

power_of <- function(term) ifelse(grepl("(^|:)x1($|:)", term), -1, 0)

read_model <- function(m) {
  g <- glance(m)
  fit <- unlist(g[c("r.squared", "within.r.squared", "statistic", "p.value", "df.residual",
                    "nobs")])
  df <- m$vcov_info$df
  table <- tidy(m, conf.int = TRUE)
  join_readings(read_table(table, power_of(table$term)), reading(fit),
                reading(c(sigma = sigma(m)), 1),
                reading(c(df = sum(df))), reading(c(dropped = sum(fe_rows(m)$used))))
}

lm_with <- function(vcov, ssc = "fepanel", ...) {
  force(vcov)
  function(d, m) read_model(fit_lm(d, m, vcov, ssc = ssc, ...))
}

cartesian <- stats::as.formula("conley(30, \"cartesian\", \"bartlett\") ~ east + north")

estimators <- list(
  `iid` = lm_with("iid"), HC0 = lm_with("HC0"), HC1 = lm_with("HC1"), HC2 = lm_with("HC2"),
  HC3 = lm_with("HC3"), `HC2, Satterthwaite` = lm_with("HC2", fe_ssc(t.df = "satterthwaite")),
  CR0 = lm_with(CR0 ~ cl), CR1 = lm_with(~cl), CR1S = lm_with(CR1S ~ cl), CR2 = lm_with(CR2 ~ cl),
  CR3 = lm_with(CR3 ~ cl), CR3J = lm_with(CR3J ~ cl), multiway = lm_with(~ cl + group),
  NW = lm_with(NW(1) ~ unit + time), DK = lm_with(DK(2) ~ time), Conley = lm_with(cartesian),
  pooled = function(d, m) read_model(fit_lm(d, m, ~cl, formula = formula_of(m, fe = NULL))),
  slopes = function(d, m) {
    fe <- sub("^unit$", "unit[z]", m$fe)
    read_model(fit_lm(d, m, ~cl, formula = formula_of(m, fe = fe)))
  },
  IV = function(d, m) {
    f <- paste(deparse(formula_of(m), 500L), "| e ~ q1 + q2")
    read_model(fit_lm(d, m, ~cl, formula = stats::as.formula(f)))
  },
  `constant` = function(d, m) {
    fit <- fit_lm(d, m, "HC1", intercept = "mean")
    at <- tidy(fit)$term == "(Intercept)"
    table <- tidy(fit, conf.int = TRUE)
    read_table(table[at, ], 0)
  },
  `fixef()` = function(d, m) {
    f <- tidy(fixef(fit_lm(d, m), "unit", se = TRUE, base = "mean"))
    f <- f[order(f$estimate), ]
    join_readings(reading(c(e = f$estimate - mean(f$estimate)), 1), reading(c(se = f$std.error), 1))
  },
  `predict()` = function(d, m) {
    fit <- fit_lm(d, m)
    at <- fe_rows(fit)$used
    p <- predict(fit, se.fit = TRUE)
    order <- order(d$id[at])
    join_readings(reading(c(fit = p$fit[order] - mean(p$fit)), 1),
                  reading(c(se = p$se.fit[order]), 1), reading(c(e = residuals(fit)[order]), 1))
  },
  `predict(newdata)` = function(d, m) {
    fit <- fit_lm(d, m, ~cl)
    new <- d[match(c(3, 11, 30), d$id), ]
    p <- predict(fit, new, se.fit = TRUE)
    join_readings(reading(c(fit = p$fit - p$fit[1L]), 1), reading(c(se = p$se.fit), 1))
  },
  `fe_wald()` = function(d, m) {
    w <- fe_wald(fit_lm(d, m, ~cl), c("x1", "x2"))
    read_table(tidy(w), ifelse(grepl("x1", tidy(w)$term), -1, 0))
  },
  `fe_boottest()` = function(d, m) {
    b <- quiet(fe_boottest(fit_lm(d, m, ~cl), "x1", B = NULL, threads = m$threads,
                           ssc = m$boot_ssc))
    stopifnot(b$enumerated)
    read_table(tidy(b), -1)
  },
  `fe_boottest(31)` = function(d, m) {
    b <- quiet(fe_boottest(fit_lm(d, m, ~cl), "x2", bootstrap_type = "31", threads = m$threads,
                           conf_int = FALSE, ssc = m$boot_ssc))
    read_table(tidy(b), 0)
  },
  `fe_boot()` = function(d, m) {
    fit <- fit_lm(d, m, ~cl)
    G <- length(unique(d$cl[fe_rows(fit)$used]))
    w <- outer(seq_len(G), 1:6, function(g, r) 1 + (g * r) %% 3)
    b <- quiet(fe_boot(fit, R = 6, cluster = ~cl, weights = w, threads = m$threads))
    t <- b$t[, order(colnames(b$t)), drop = FALSE]
    join_readings(reading(c(t = as.vector(t)), 1, rep(power_of(colnames(t)), each = 6L)))
  },
  `fe_mediate()` = function(d, m) {
    x <- call_with(fe_mediate, m, formula_of(m), data = d, treat = "x1", mediators = "med",
                   ci = "delta", vcov = ~cl)
    t <- tidy(x, "delta")
    t <- t[t$effect != "share", ]
    read_table(t, ifelse(t$effect == "b", 0, -1), ifelse(t$effect == "a", 0, 1))
  },
  `fe_moderate()` = function(d, m) {
    x <- call_with(fe_moderate, m, formula_of(m), data = d, treat = "x1", moderator = "z",
                   vcov = ~cl)
    read_table(tidy(x, "slopes"), -1)
  },
  `fe_decompose()` = function(d, m) {
    x <- call_with(fe_decompose, m, formula_of(m, "x1", rev(m$fe)[1L]), data = d,
                   added = list(one = ~x2, more = ~ f + med), vcov = ~cl)
    read_table(tidy(x), -1)
  },
  `fe_sensitivity()` = function(d, m) {
    s <- quiet(fe_sensitivity(fit_lm(d, m, ~cl), "x1", benchmark = "x2"))
    g <- tidy(s)
    join_readings(read_table(g, -1), reading(unlist(g[c("r2.treat.outcome", "rv", "rv.alpha")])))
  },
  `fe_heterogeneity()` = function(d, m) {
    x <- call_with(fe_heterogeneity, m, formula_of(m), data = d, treat = "x1", by = ~half,
                   vcov = ~cl)
    read_table(tidy(x), -1)
  },
  `fe_equal()` = function(d, m) {
    parts <- fit_lm(d, m, ~cl, split = ~half, formula = formula_of(m, setdiff(m$x, "f")))
    e <- quiet(fe_equal(parts))
    read_table(tidy(e), power_of(tidy(e)$term))
  },
  `fe_index()` = function(d, m) {
    x <- quiet(fe_index(d, c("x2", "z", "q1"), anchor = "x2"))
    score <- as.numeric(x)[order(d$id)]
    join_readings(reading(c(w = tidy(x)$estimate)), reading(c(s = score)))
  },
  `fe_describe()` = function(d, m) {
    t <- tidy(fe_describe(d, c("x2", "z"), id = "unit", time = "time"))
    v <- as.matrix(t[vapply(t, is.numeric, NA)])
    names <- paste(rep(t$term, ncol(v)), rep(colnames(v), each = nrow(v)))
    reading(stats::setNames(as.vector(v), names))
  })

quiet <- function(x) suppressMessages(suppressWarnings(x))

# ---- data ----------------------------------------------------------------------------------------

# A panel with units in 7 clusters, two halves of which both know every cluster; whole numbers among
# its columns, so that types of storage can change.
random_data <- function(seed) {
  set.seed(seed, "Mersenne-Twister", "Inversion", "Rejection")
  d <- expand.grid(unit = 1:21, time = 2001:2006)
  d <- d[sort(sample(nrow(d), 105L)), ]
  n <- nrow(d)
  d$id <- seq_len(n)
  d$cl <- d$unit %% 7L + 1L
  d$half <- (d$unit %% 2L) + 1L
  d$group <- sample(5L, n, replace = TRUE)
  d$east <- stats::runif(21, 0, 100)[d$unit]
  d$north <- stats::runif(21, 0, 100)[d$unit]
  a <- stats::rnorm(21)[d$unit] + 0.1 * (d$time - 2003)
  d$x1 <- round(10 * (a + stats::rnorm(n)))
  d$x2 <- stats::rnorm(n) + 0.02 * d$x1
  d$f <- factor(sample(c("a", "b", "c"), n, replace = TRUE))
  d$z <- stats::rnorm(n)
  d$q1 <- stats::rnorm(n)
  d$q2 <- stats::rnorm(n)
  u <- stats::rnorm(n)
  d$e <- d$q1 + 0.7 * d$q2 + u + stats::rnorm(n)
  d$med <- 0.05 * d$x1 + 0.3 * d$x2 + stats::rnorm(n)
  d$y <- 0.08 * d$x1 - 0.5 * d$x2 + 0.4 * d$med + a + 0.3 * u + stats::rnorm(n)
  d$w <- stats::runif(n, 0.2, 3)
  d$k <- sample(3L, n, replace = TRUE)
  row.names(d) <- NULL
  d
}
