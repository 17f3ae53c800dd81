# fe_robust() against loops of fe_lm(), lm() with dummies and feols().

equation <- ln_upmf ~ ln_imdig + pgdp + fdi + rd | country + year

robust <- function(..., formula = equation) {
  fe_robust(formula, digitrade, ..., panel.id = ~country + year)
}

by_label <- function(r, name = "estimate") stats::setNames(r$specs[[name]], r$specs$label)

refit_slope <- function(formula, data = digitrade, ...) {
  m <- fe_lm(formula, data, ..., panel.id = ~country + year)
  c(coef(m)[[1L]], sqrt(vcov(m)[1L, 1L]))
}

both <- function(r, label) {
  at <- match(label, r$specs$label)
  unlist(r$specs[at, c("estimate", "std.error")], use.names = FALSE)
}

test_that("each choice is the model that fe_lm() gives of it", {
  r <- robust(outcomes = ~ ln_innov + exp(ln_upmf), lags = c(1, -1), controls = c("none", "drop"),
              periods = list(c(2008, 2013), late = c(2014, 2020), odd = c(2009, 2011, 2013)),
              samples = list(rich = ~developed, some = 1:600),
              effects = list(~country, none = ~0),
              vcov = list("HC1", ~country, small = CR2 ~ country))
  expect_equal(r$specs$group[1:3], c("baseline", "outcome", "outcome"))
  expect_equal(both(r, "baseline"), refit_slope(equation))
  expect_equal(both(r, "exp(ln_upmf)"),
               refit_slope(exp(ln_upmf) ~ ln_imdig + pgdp + fdi + rd | country + year))
  expect_equal(both(r, "l(ln_imdig, 1)"),
               refit_slope(ln_upmf ~ l(ln_imdig, 1) + pgdp + fdi + rd | country + year))
  expect_equal(both(r, "f(ln_imdig, 1)"),
               refit_slope(ln_upmf ~ f(ln_imdig, 1) + pgdp + fdi + rd | country + year))
  expect_equal(both(r, "without fdi"), refit_slope(ln_upmf ~ ln_imdig + pgdp + rd | country + year))
  expect_equal(both(r, "no controls"), refit_slope(ln_upmf ~ ln_imdig | country + year))
  expect_equal(both(r, "late"), refit_slope(equation, subset(digitrade, year >= 2014)))
  expect_equal(both(r, "odd"),
               refit_slope(equation, subset(digitrade, year %in% c(2009, 2011, 2013))))
  expect_equal(both(r, "rich"), refit_slope(equation, subset(digitrade, developed)))
  expect_equal(both(r, "some"), refit_slope(equation, digitrade[1:600, ]))
  expect_equal(both(r, "country"), refit_slope(ln_upmf ~ ln_imdig + pgdp + fdi + rd | country))
  flat <- fe_lm(ln_upmf ~ ln_imdig + pgdp + fdi + rd, digitrade)
  expect_equal(both(r, "none")[1L], coef(flat)[["ln_imdig"]])
  expect_equal(both(r, "~country"), refit_slope(equation, vcov = ~country))
  expect_equal(both(r, "small"), refit_slope(equation, vcov = CR2 ~ country))
  m <- fe_lm(equation, digitrade, vcov = CR2 ~ country)
  expect_equal(by_label(r, "conf.low")[["small"]], confint(m)["ln_imdig", 1L])
  expect_false(anyNA(r$specs$estimate))
  expect_equal(r$specs$comparable, !r$specs$group == "outcome")
})

test_that("offsets stay whatever the controls are", {
  r <- fe_robust(ln_upmf ~ ln_imdig + pgdp + offset(rd) | country, digitrade,
                 controls = "none", vcov = ~country)
  alone <- refit_slope(ln_upmf ~ ln_imdig + offset(rd) | country, vcov = ~country)
  expect_equal(unlist(r$specs[2L, c("estimate", "std.error")], use.names = FALSE), alone)
  listed <- fe_robust(ln_upmf ~ ln_imdig + pgdp + offset(rd) | country, digitrade,
                      controls = list(few = ~1), vcov = ~country)
  expect_equal(both(listed, "few"), alone)
})

test_that("combinations are those of expand.grid(), estimated as one by one", {
  r <- robust(controls = "subsets", effects = list(~country), vcov = list("HC1", ~country),
              combine = "all")
  expect_equal(nrow(r$specs), 8L * 2L * 2L)
  expect_equal(anyDuplicated(r$specs[c("controls", "effects", "vcov")]), 0L)
  slow <- vapply(seq_len(nrow(r$specs)), function(s) {
    row <- r$specs[s, ]
    terms <- r$controls[[match(row$controls, r$choices$controls)]]
    f <- reformulate(c("ln_imdig", terms, "factor(country)",
                       if (row$effects != "country") "factor(year)"), "ln_upmf")
    coef(lm(f, digitrade))[["ln_imdig"]]
  }, 0)
  expect_equal(r$specs$estimate, slow, tolerance = 1e-9)
  some <- robust(controls = "drop", effects = list(~country), winsor = 0.01,
                 combine = c("controls", "effects"))
  expect_equal(nrow(some$specs), 4L * 2L + 1L)
  expect_equal(sum(some$specs$group == "combined"), 3L)
})

test_that("clustered standard errors agree with a loop of feols()", {
  skip_if_not_installed("fixest")
  r <- robust(controls = "drop", vcov = ~country, ssc = fe_ssc("fixest"))
  slow <- vapply(r$controls, function(terms) {
    f <- as.formula(paste("ln_upmf ~", paste(c("ln_imdig", terms), collapse = " + "),
                          "| country + year"))
    fixest::se(fixest::feols(f, digitrade, vcov = ~country, notes = FALSE))[["ln_imdig"]]
  }, 0)
  expect_equal(r$specs$std.error, unname(slow), tolerance = 1e-8)
})

test_that("winsorised and trimmed data follow the quantiles of the baseline's sample", {
  d <- digitrade
  d$pgdp[1:30] <- NA
  p <- 0.05
  r <- fe_robust(equation, d, winsor = p, trim = p, samples = list(rich = ~developed),
                 combine = "all")
  used <- !is.na(d$pgdp)
  w <- d
  inside <- rep(TRUE, nrow(d))
  for (v in c("ln_upmf", "ln_imdig")) {
    ends <- quantile(d[[v]][used], c(p, 1 - p))
    w[[v]] <- pmin(pmax(d[[v]], ends[1L]), ends[2L])
    inside <- inside & d[[v]] >= ends[1L] & d[[v]] <= ends[2L]
  }
  expect_equal(both(r, "winsorised 5%"), refit_slope(equation, w))
  expect_equal(both(r, "trimmed 5%"), refit_slope(equation, d[inside, ]))
  expect_equal(both(r, "winsorised 5%; rich"), refit_slope(equation, w[w$developed, ]))
  expect_equal(both(r, "trimmed 5%; rich"), refit_slope(equation, d[inside & d$developed, ]))
  all <- fe_robust(equation, d, winsor = p, tails = c("outcome", "focal", "controls"))
  for (v in c("pgdp", "fdi", "rd")) {
    ends <- quantile(d[[v]][used], c(p, 1 - p))
    w[[v]] <- pmin(pmax(d[[v]], ends[1L]), ends[2L])
  }
  expect_equal(both(all, "winsorised 5%"), refit_slope(equation, w))
})

test_that("trimming goes by the variables of each specification, effects are never winsorised", {
  r <- robust(outcomes = "ln_innov", trim = 0.1, combine = "all")
  ends <- lapply(digitrade[c("ln_innov", "ln_imdig")], quantile, c(0.1, 0.9))
  inside <- with(digitrade, ln_innov >= ends[[1L]][1L] & ln_innov <= ends[[1L]][2L] &
                   ln_imdig >= ends[[2L]][1L] & ln_imdig <= ends[[2L]][2L])
  expect_equal(both(r, "ln_innov; trimmed 10%"),
               refit_slope(ln_innov ~ ln_imdig + pgdp + fdi + rd | country + year,
                           digitrade[inside, ]))
  trend <- fe_robust(ln_upmf ~ ln_imdig + year | country, digitrade, winsor = 0.2,
                     tails = "controls", effects = list(~ country + year))
  expect_equal(trend$specs$estimate[2L], trend$specs$estimate[1L])
})

test_that("leaving out each unit is refitting without its rows", {
  r <- robust(leave_out = ~ country + year, vcov = ~country)
  left <- tidy(r, "leave_out")
  expect_equal(nrow(left), 63L + 13L)
  for (value in c("c07", "2012")) {
    row <- left[left$value == value, ]
    kept <- digitrade[as.character(digitrade[[row$variable]]) != value, ]
    expect_equal(c(row$estimate, row$std.error), refit_slope(equation, kept, vcov = ~country))
    expect_equal(row$nobs, nrow(kept))
  }
  expect_equal(glance(r)$leave_out.min, min(left$estimate))
})

test_that("without each of many units the coefficients are exact", {
  set.seed(3)
  d <- data.frame(id = rep(1:5000, each = 2), x = rnorm(1e4))
  d$y <- d$x + rnorm(1e4)
  left <- tidy(fe_robust(y ~ x, d, leave_out = ~id), "leave_out")
  expect_true(all(is.na(left$std.error)))
  for (id in c(1, 77)) {
    expect_equal(left$estimate[left$value == id], coef(lm(y ~ x, d[d$id != id, ]))[["x"]])
  }
})

test_that("what cannot be estimated is kept with its reason, and the rest is estimated", {
  r <- robust(samples = list(empty = ~ pgdp > 1e6, one = ~ year == 2010),
              effects = list(~ country^year), outcomes = ~ I(0 * ln_upmf) + ln_innov,
              controls = list(same = ~ fdi + I(2 * ln_imdig)))
  expect_match(r$specs$problem[r$specs$label == "empty"], "leaves no row")
  expect_match(r$specs$problem[r$specs$label == "one"], "singleton|no row")
  expect_match(r$specs$problem[r$specs$label == "country^year"], "singletons")
  expect_match(r$specs$problem[r$specs$label == "I(0 * ln_upmf)"], "constant")
  expect_match(r$specs$note[r$specs$label == "same"], "collinear")
  expect_equal(both(r, "ln_innov"),
               refit_slope(ln_innov ~ ln_imdig + pgdp + fdi + rd | country + year))
  expect_equal(is.na(r$specs$estimate), !is.na(r$specs$problem))
  expect_output(print(r), "No estimate:.*leaves no row")
  taken <- fe_robust(ln_upmf ~ ln_imdig + pgdp | country, transform(digitrade, same = ln_imdig),
                     controls = list(~pgdp), effects = list(~ country[ln_imdig]))
  expect_match(taken$specs$problem[taken$specs$group == "effects"], "collinear")
  d <- transform(digitrade, region = ifelse(year == 2008, NA, year))
  v <- fe_robust(equation, d, vcov = list("HC1", ~region))
  expect_match(v$specs$problem[2L], "region.*NA")
})

test_that("summary counts what tidy() lists", {
  r <- robust(controls = "subsets", effects = list(~year), outcomes = "ln_innov", combine = "all",
              vcov = ~country)
  t <- tidy(r)
  same <- t[t$outcome == "ln_upmf", ]
  s <- summary(r)
  expect_equal(s$specs[1L], nrow(same))
  expect_equal(s$positive[1L], sum(same$estimate > 0))
  expect_equal(s$significant[1L], sum(same$p.value < 0.05 & same$estimate > 0))
  expect_equal(s$opposite[1L], sum(same$p.value < 0.05 & same$estimate < 0))
  expect_equal(unlist(s[1L, c("min", "median", "max")], use.names = FALSE),
               c(min(same$estimate), median(same$estimate), max(same$estimate)))
  year <- same$estimate[same$effects == "year"]
  expect_equal(s$max[s$choice == "year"], max(year))
  expect_equal(unname(coef(r)), t$estimate)
  expect_output(print(r, most = 5), "effects: year")
})

test_that("tables have a column for each model, figures a point", {
  r <- robust(controls = "drop", lags = 1, samples = list(empty = ~ pgdp > 1e6),
              leave_out = ~country)
  table <- fe_table(r)
  expect_equal(max(table$cells$column), sum(!is.na(r$specs$estimate)))
  skip_if_not_installed("ggplot2")
  p <- ggplot2::ggplot_build(plot(r))
  points <- p$data[[4L]]
  expect_equal(nrow(points), sum(!is.na(r$specs$estimate)))
  expect_false(is.unsorted(points$y))
  expect_equal(nrow(ggplot2::ggplot_build(plot(r, "leave_out"))$data[[4L]]), 63L)
})

test_that("weights, subset and threads are those of fe_lm()", {
  r <- robust(controls = "none", weights = ~urban, subset = year > 2009, threads = 1)
  expect_equal(both(r, "no controls"),
               refit_slope(ln_upmf ~ ln_imdig | country + year, weights = ~urban,
                           subset = year > 2009))
  expect_identical(robust(controls = "drop", threads = 2)$specs,
                   robust(controls = "drop", threads = 1)$specs)
})

test_that("bad requests say what is wrong", {
  expect_error(robust(outcomes = "nope"), "`outcomes` names \"nope\"", class = "fe_error")
  expect_error(robust(outcomes = ~ log(nope)), "`outcomes` .*nope", class = "fe_error")
  expect_error(robust(effects = list(~nope)), "`effects` .*nope", class = "fe_error")
  expect_error(robust(controls = list(~nope)), "`controls` .*nope", class = "fe_error")
  expect_error(robust(samples = list(a = ~nope)), "`samples` .*nope", class = "fe_error")
  expect_error(robust(leave_out = ~nope), "`leave_out` .*nope", class = "fe_error")
  for (arg in c("effects", "periods", "samples", "controls", "vcov")) {
    expect_error(do.call(robust, stats::setNames(list(list()), arg)), paste0("`", arg, "`"),
                 class = "fe_error")
  }
  expect_error(robust(winsor = 0.5), "`winsor` must be .* between 0 and 0.5", class = "fe_error")
  expect_error(robust(trim = c(0.01, 0)), "`trim`", class = "fe_error")
  expect_error(robust(winsor = "a"), "`winsor`", class = "fe_error")
  expect_error(robust(tails = "all"), "`tails`", class = "fe_error")
  expect_error(robust(focal = "nope"), "`focal` is \"nope\"", class = "fe_error")
  expect_error(robust(controls = "some"), "`controls` must be one of", class = "fe_error")
  expect_error(robust(controls = "drop", always = ~ln_innov), "`always` names \"ln_innov\"",
               class = "fe_error")
  expect_error(robust(controls = list(~ ln_imdig + fdi)), "focal regressor", class = "fe_error")
  expect_error(fe_robust(equation, digitrade, lags = 1), "`lags` .*panel.id", class = "fe_error")
  expect_error(fe_robust(equation, digitrade, periods = list(2008:2010)), "`time` is missing",
               class = "fe_error")
  expect_error(robust(periods = list(c(2013, 2008))), "`periods` goes from 2013 to 2008",
               class = "fe_error")
  expect_error(robust(controls = "subsets", combine = "all", most = 5), "`combine` makes 8",
               class = "fe_error")
  expect_error(robust(combine = "outcomes"), "`combine`", class = "fe_error")
  expect_error(robust(samples = list(a = c(TRUE, FALSE))), "`samples` must be logical with 819",
               class = "fe_error")
  expect_error(robust(instruments = "drop"), "the formula has no instruments", class = "fe_error")
  expect_error(tidy(robust(), "leave_out"), "`part`", class = "fe_error")
  d <- transform(digitrade, bloc = ifelse(country == "c01", NA, "b"))
  expect_error(fe_robust(equation, d, leave_out = ~bloc), "`leave_out` has `bloc`, which is NA",
               class = "fe_error")
})

# A panel with an endogenous regressor, whose coefficient depends on the group.
iv_groups <- function(seed = 1, units = 30, times = 8) {
  set.seed(seed)
  d <- expand.grid(id = seq_len(units), t = seq_len(times))
  n <- nrow(d)
  d$g <- ifelse(d$id %% 2 == 1, "odd", "even")
  u <- rnorm(n)
  for (name in c("z1", "z2", "w")) d[[name]] <- rnorm(n)
  d$x <- d$z1 + 0.5 * d$z2 + 0.3 * d$w + u + rnorm(n)
  d$s <- d$x + rnorm(n)
  d$y <- ifelse(d$g == "odd", 1, 2) * d$x + d$w + u + rnorm(n) + d$id / 9
  d$y2 <- d$y + rnorm(n)
  d
}

test_that("with instruments every specification is the two-stage fit that it names", {
  skip_if_not_installed("fixest")
  d <- iv_groups()
  r <- fe_robust(y ~ w | id + t | x ~ z1 + z2, d, outcomes = "y2", lags = 1, controls = "none",
                 samples = list(odd = ~g == "odd"), effects = list(~id), vcov = list("iid", ~id),
                 panel.id = ~id + t, instruments = c("drop", "ols"), leave_out = ~t)
  fit <- function(f, data = d) {
    m <- suppressMessages(fixest::feols(f, data, panel.id = ~id + t))
    unname(coef(m)[grep("^(fit_x|fit_l\\(x|x)", names(coef(m)))])
  }
  theirs <- c(fit(y ~ w | id + t | x ~ z1 + z2), fit(y2 ~ w | id + t | x ~ z1 + z2),
              fit(y ~ w | id + t | l(x, 1) ~ l(z1, 1) + l(z2, 1)),
              fit(y ~ 1 | id + t | x ~ z1 + z2),
              fit(y ~ w | id + t | x ~ z1 + z2, d[d$g == "odd", ]),
              fit(y ~ w | id | x ~ z1 + z2), fit(y ~ w | id + t | x ~ z1 + z2),
              fit(y ~ w | id + t | x ~ z2), fit(y ~ w | id + t | x ~ z1),
              fit(y ~ x + w | id + t))
  expect_equal(r$specs$estimate, theirs, tolerance = 1e-8)
  expect_identical(tail(r$specs$label, 3), c("without z1", "without z2", "least squares"))
  expect_equal(r$leave_out$estimate[2], fit(y ~ w | id + t | x ~ z1 + z2, d[d$t != 2, ]),
               tolerance = 1e-8)
})

test_that("estimates without a unit come from the baseline where fits would be too many", {
  d <- iv_groups(2)
  m <- fe_lm(y ~ w | id + t | x ~ z1 + z2, d)
  coded <- fepanel:::one_cluster(fepanel:::cluster_factors(~id, m, 1L))
  quick <- fepanel:::leave_out_estimates(m, coded, "x")
  expect_equal(quick[7], coef(fe_lm(y ~ w | id + t | x ~ z1 + z2, d[d$id != 7, ]))[["x"]],
               tolerance = 1e-8)
})

test_that("other endogenous regressors stay, and an exogenous one may be the focal one", {
  d <- iv_groups(3)
  r <- fe_robust(y ~ w + s | id | x ~ z1 + z2, d, focal = "w", controls = "none")
  expect_equal(r$specs$estimate, c(coef(fe_lm(y ~ w + s | id | x ~ z1 + z2, d))[["w"]],
                                   coef(fe_lm(y ~ w | id | x ~ z1 + z2, d))[["w"]]))
  expect_error(fe_robust(y ~ w | id | x ~ z1 + z2, d, instruments = "each"), "`instruments`",
               class = "fe_error")
  lost <- fe_robust(y ~ w | id | x ~ z1, d, instruments = list(none = ~w))
  expect_match(lost$specs$problem[2], "among the exogenous")
})

test_that("a warning of fixed effects that models share is noted at each of them", {
  set.seed(4)
  d <- expand.grid(id = 1:12, t = 1:9)
  d[c("x", "z", "z2", "y")] <- rnorm(4 * nrow(d))
  d$v <- ifelse(d$id == 1, 1e6 * (1 + (d$t %% 3L) * .Machine$double.eps), 1e6 + d$x)
  d$twice <- 2 * d$z
  r <- suppressWarnings(fe_robust(y ~ z + z2 | id[v], d, effects = list(~id),
                                  controls = c("drop", "none"), samples = list(late = ~t > 2)))
  expect_identical(grepl("no slope for 1 level", r$specs$note), r$specs$effects == "id[v]")
  own <- fe_robust(y ~ z + z2 | id, d, controls = list(double = ~ z2 + twice, none = ~1))
  expect_identical(is.na(own$specs$note), c(TRUE, FALSE, TRUE))
})
