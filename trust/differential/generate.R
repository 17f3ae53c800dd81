# Random models: model i of seed s is the same wherever and whenever it is made.
#
# A spec is a list from which both the call and the oracle's answer follow:
#   data      the frame                     outcome   names of one or two outcomes
#   terms     regressors, as text           step      NULL or list(kind = "csw0", items)
#   effects   list(factor, slopes, only)    step_fe   NULL or a kind: the effects are its items
#   iv        NULL or list(e, z), as text   options   named list of arguments, as text

random_model <- function(seed, i) {
  set.seed(seed * 1000003 + i, "Mersenne-Twister", "Inversion", "Rejection")
  d <- random_frame()
  spec <- list(data = d, outcome = if (chance(0.1)) c("y", "y2") else "y", terms = random_terms(),
               step = NULL, effects = random_effects(), step_fe = NULL, iv = NULL,
               options = list())
  if (chance(0.12)) spec$iv <- random_instruments()
  if (chance(0.15)) {
    spec$step <- list(kind = pick(c("sw", "sw0", "csw", "csw0")),
                      items = sample(c("x2", "f", "tiny"), 2L))
    spec$terms <- setdiff(spec$terms, spec$step$items)
  }
  if (length(spec$effects) > 1L && chance(0.1)) spec$step_fe <- pick(c("sw", "csw", "csw0"))
  if (!length(spec$terms) && is.null(spec$step)) spec$terms <- "x1"
  add_options(spec)
}

chance <- function(p) stats::runif(1L) < p
pick <- function(x) if (length(x) == 1L) x else sample(x, 1L)

# ---- data ----------------------------------------------------------------------------------------

random_frame <- function() {
  n_units <- sample(5:16, 1L)
  n_times <- sample(4:8, 1L)
  d <- expand.grid(unit = seq_len(n_units), time = 2000L + seq_len(n_times))
  d <- d[sort(sample(nrow(d), max(12, round(pick(c(0.45, 0.8, 1)) * nrow(d))))), ]
  d$time <- d$time + pick(c(0L, 2L)) * (d$time > 2003L)
  d <- add_identifiers(d, n_units)
  d <- add_regressors(d, n_units)
  d <- spoil(d)
  if (chance(0.3)) d <- d[sample(nrow(d)), ]
  row.names(d) <- NULL
  d
}

add_identifiers <- function(d, n_units) {
  n <- nrow(d)
  d$region <- paste0("r", d$unit %% 4L)
  d$copy <- 10 * d$unit
  d$group <- factor(sample(letters[1:4], n, replace = TRUE), levels = c("z", letters[1:5]))
  d$cl <- sample(sample(4:9, 1L), n, replace = TRUE)
  half <- d$unit > n_units / 2
  d$island <- ifelse(half, 100 + d$time, d$time) # levels of two groups of units never meet
  d$half <- c("west", "east")[1L + half]
  d$fine <- as.character(pmax(1, round(stats::rexp(n, 0.1)))) # many levels with one row
  if (chance(0.3)) d$unit <- factor(sprintf("u%02d", d$unit))
  d$lat <- stats::runif(n_units, -60, 60)[as.integer(d$unit)]
  d$lon <- stats::runif(n_units, -180, 180)[as.integer(d$unit)]
  d
}

add_regressors <- function(d, n_units) {
  n <- nrow(d)
  a <- stats::rnorm(n_units)[as.integer(d$unit)] + 0.2 * (d$time - 2003)
  d$x1 <- a + stats::rnorm(n)
  d$x2 <- 100 + 10 * (0.5 * d$x1 + stats::rexp(n))
  d$x3 <- stats::rnorm(n)
  d$tiny <- 1e-9 * stats::rnorm(n)
  d$big <- 1e7 * (3 + stats::runif(n))
  d$dup <- 2 * d$x1 - d$x2
  d$within <- d$x3 - stats::ave(d$x3, d$unit)
  d$fixed <- 3 * as.integer(d$unit) - 7
  d$pos <- stats::rexp(n) - 0.02
  d$p <- stats::runif(n, 1, 3)
  d$count <- sample(0:4, n, replace = TRUE)
  d$f <- factor(sample(c("lo", "mid", "hi"), n, replace = TRUE), c("lo", "mid", "hi", "never"))
  d$ch <- sample(c("A", "b", "C d"), n, replace = TRUE)
  d$lg <- stats::runif(n) < 0.4
  d$dt <- as.Date("2020-02-27") + sample(90L, n, replace = TRUE)
  d$z1 <- stats::rnorm(n) + 0.3 * a
  d$z2 <- stats::rnorm(n)
  shock <- stats::rnorm(n)
  d$e1 <- 0.8 * d$z1 + 0.3 * d$z2 + shock
  d$e2 <- 0.5 * d$z1 - 0.9 * d$z2 + stats::rnorm(n)
  d$off <- stats::runif(n)
  d$y <- 5 + 0.7 * d$x1 - 0.03 * d$x2 + a + 0.5 * shock + (1 + abs(d$x1)) * stats::rnorm(n)
  d$y <- (d$y + pick(c(0, 0, 0, 1e4))) * pick(c(1, 1, 1, 1e-6, 1e5))
  d$y2 <- d$x3 + a + stats::rnorm(n)
  d$w <- switch(sample(3L, 1L), stats::runif(n, 0.1, 4), 10^stats::runif(n, -3, 3),
                rep(2.5, n))
  d$k <- sample(1:3, n, replace = TRUE)
  d$keep <- stats::runif(n) < 0.9
  d$part <- sample(c("p", "q"), n, replace = TRUE)
  d
}

# Missing and infinite values, zero weights.
spoil <- function(d) {
  n <- nrow(d)
  hit <- function() sample(n, sample(2L, 1L))
  if (chance(0.35)) {
    for (v in sample(c("y", "x1", "x2", "x3", "f", "ch", "lg", "dt", "unit", "time", "group", "cl",
                       "region", "w", "off", "keep", "part", "e1", "z1", "lat", "count"), 4L)) {
      d[hit(), v] <- NA
    }
    if (chance(0.5)) d$x1[hit()] <- NaN
    if (chance(0.5)) d$x2[hit()] <- -Inf
    if (chance(0.3)) d$y[hit()] <- Inf
    if (chance(0.3)) d$w[hit()] <- Inf
  }
  if (chance(0.3)) d$w[hit()] <- 0
  if (chance(0.3)) d$k[hit()] <- 0L
  d
}

# ---- formula -------------------------------------------------------------------------------------

random_terms <- function() {
  pool <- c("x1", "x2", "x3", "x1", "x2", "f", "ch", "lg", "dt", "poly(p, 2)", "I(x1^2)",
            "log(pos)", "i(f)", "i(f, x3)", "i(group, ref = \"b\")", "factor(count)", "dup", "tiny",
            "big", "within", "fixed", "x1:lg", "x1:f", "f:lg", "count", "scale(x2)", "x3:x1",
            "offset(off)", "f * lg")
  terms <- unique(sample(pool, sample(c(1, 1:4), 1L)))
  if (identical(terms, "offset(off)") || !length(terms)) terms <- c("x1", terms)
  terms
}

fe <- function(factor, slopes = character(), only = FALSE) {
  list(factor = factor, slopes = slopes, only = only)
}

random_effects <- function() {
  switch(sample(18L, 1L, prob = c(5, 3, 4, 3, 1, 2, 2, 1, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1)),
    list(), list(fe("unit")), list(fe("unit"), fe("time")),
    list(fe("unit"), fe("time"), fe("group")),
    list(fe("group")), list(fe("region^time"), fe("unit")), list(fe("unit"), fe("island")),
    list(fe("unit"), fe("copy")), list(fe("unit"), fe("region"), fe("time")),
    list(fe("fine"), fe("time")), list(fe("unit", "x3"), fe("time")),
    list(fe("region", c("x3", "p")), fe("time")), list(fe("region", "x3", TRUE)),
    list(fe("region", "time"), fe("unit")), list(fe("group^lg"), fe("cl")),
    list(fe("group", "x3", TRUE), fe("unit")), list(fe("half"), fe("island"), fe("unit")),
    list(fe("fine"), fe("group"), fe("cl")))
}

random_instruments <- function() {
  if (chance(0.3)) return(list(e = c("e1", "e2"), z = c("z1", "z2", if (chance(0.5)) "x3:z1")))
  list(e = "e1", z = if (chance(0.5)) c("z1", "z2") else "z1")
}

# ---- arguments -----------------------------------------------------------------------------------

random_vcov <- function(effects) {
  cluster <- pick(c("unit", "region", "cl", "time", "group", "region^lg"))
  second <- pick(setdiff(c("time", "cl", "group"), cluster))
  lag <- pick(c("", "(0)", "(1)", "(2)"))
  kind <- sample(14L, 1L, prob = c(1, 1, 2, 1, 1, 4, 1, 1, 2.5, 1.5, 3, 1.3, 1.3, 1.5))
  one <- function(type) sprintf("%s ~ %s", type, cluster)
  switch(kind, "\"iid\"", "\"HC0\"", "\"HC1\"", "\"HC2\"", "\"HC3\"", paste0("~", cluster),
         one("CR0"), one("CR1S"), one("CR2"), one(pick(c("CR3", "CR3J"))),
         sprintf("~%s + %s", cluster, second),
         sprintf("NW%s ~ unit + time", lag), sprintf("DK%s ~ time", lag),
         pick(c("conley(3000) ~ lat + lon", "conley(3000, kernel = \"bartlett\") ~ lat + lon",
                "conley(40, \"cartesian\", \"bartlett\") ~ lat + lon",
                "conley(25, \"cartesian\") ~ lat + lon")))
}

random_ssc <- function() {
  if (chance(0.6)) return(NULL)
  if (chance(0.5)) {
    return(sprintf("\"%s\"", pick(c("fixest", "areg", "plm", "plm.HC1", "plm.sss", "lfe",
      "sandwich",
      "sandwich.HC1", "estimatr", "estimatr.CR0", "clubSandwich", "clubSandwich.CR1S",
      "clubSandwich.CR1p"))))
  }
  sprintf(paste0("fe_ssc(K.adj = %s, K.fixef = \"%s\", K.exact = %s, K.form = \"%s\", G.adj = %s, ",
                 "G.df = \"%s\", t.df = \"%s\", jackknife.adj = %s)"),
          chance(0.7), pick(c("nonnested", "full", "none", "one")), chance(0.6),
          pick(c("n-1", "n-1", "n")), chance(0.7), pick(c("min", "conventional")),
          pick(c("min", "clusters", "residual", "satterthwaite")), chance(0.5))
}

add_options <- function(spec) {
  o <- list(vcov = random_vcov(spec$effects))
  o$ssc <- random_ssc()
  weights <- sample(3L, 1L, prob = c(6, 3, 1.5))
  if (weights == 2L) o$weights <- "~w"
  if (weights == 3L) o[c("weights", "weights_type")] <- c("~k", "\"frequency\"")
  if (chance(0.12)) o$subset <- pick(c("keep", "~keep", "x1 < 2", "-(1:3)"))
  if (chance(0.1)) o[[pick(c("split", "fsplit"))]] <- pick(c("~part", "~lg", "~part + lg"))
  if (chance(0.08)) o$offset <- "~off"
  if (chance(0.12)) o$singletons <- "\"keep\""
  if (chance(0.3)) o$common_sample <- "TRUE"
  plain <- length(spec$effects) && !any(lengths(lapply(spec$effects, `[[`, "slopes")))
  if (plain && chance(0.3) && !grepl("CR3", o$vcov) && !identical(spec$step_fe, "csw0")) {
    o$intercept <- sprintf("\"%s\"", pick(c("lsdv", "mean", "within")))
  }
  if (chance(0.3)) o$threads <- pick(c("1", "2"))
  spec$options <- o
  spec
}

# ---- what the spec says, as text -----------------------------------------------------------------

effect_text <- function(e) {
  if (!length(e$slopes)) return(e$factor)
  slopes <- paste(e$slopes, collapse = ", ")
  sprintf(if (e$only) "%s[[%s]]" else "%s[%s]", e$factor, slopes)
}

formula_text <- function(spec) {
  regressors <- spec$terms
  if (!is.null(spec$step)) {
    regressors <- c(regressors, sprintf("%s(%s)", spec$step$kind,
                                        paste(spec$step$items, collapse = ", ")))
  }
  if (!length(regressors)) regressors <- "1"
  outcome <- if (length(spec$outcome) > 1L) {
    sprintf("c(%s)", paste(spec$outcome, collapse = ", "))
  } else spec$outcome
  effects <- vapply(spec$effects, effect_text, "")
  parts <- c(paste(regressors, collapse = " + "),
             if (length(effects)) {
               if (is.null(spec$step_fe)) paste(effects, collapse = " + ") else
                 sprintf("%s(%s)", spec$step_fe, paste(effects, collapse = ", "))
             },
             if (!is.null(spec$iv)) paste(paste(spec$iv$e, collapse = " + "), "~",
                                          paste(spec$iv$z, collapse = " + ")))
  paste(outcome, "~", paste(parts, collapse = " | "))
}

call_text <- function(spec) {
  args <- spec$options
  sprintf("fe_lm(%s, d%s)", formula_text(spec),
          paste0(", ", names(args), " = ", unlist(args), collapse = "", recycle0 = TRUE))
}

fit_spec <- function(spec) {
  eval(str2lang(call_text(spec)), list(d = spec$data), globalenv())
}
