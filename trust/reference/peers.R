# Other packages beside fepanel: the same models, the same variances, and the digits in which both
# agree. A package that is not installed is named with the reason.

side <- function(quantity, theirs, ours, required = 9, note = "") {
  compare_worst("", quantity, theirs, ours, required, note)
}

# Coefficients and the matrix of variances of the slopes `at`.
both_sides <- function(model, what, b, V, m, V_ours, at, required = 9) {
  rbind(side(paste(model, "coefficients", sep = ": "), b[at], coef(m)[at], required),
        side(paste0(model, ": V, ", what), as.matrix(V)[at, at], V_ours[at, at], required))
}

peer_panel <- function() random_panel(1L, "weights", n_units = 30L, n_times = 12L)
slopes <- c("x1", "x2")
dummies <- y ~ x1 + x2 + factor(unit) + factor(time)

# ---- base R --------------------------------------------------------------------------------------

peer_lm <- function() {
  d <- peer_panel()
  fits <- list(
    `pooled` = list(stats::lm(y ~ x1 + x2, d), fe_lm(y ~ x1 + x2, d, vcov = "iid")),
    `two-way` = list(stats::lm(dummies, d), fe_lm(y ~ x1 + x2 | unit + time, d, vcov = "iid")),
    `two-way, weights` = list(stats::lm(dummies, d, weights = w),
                              fe_lm(y ~ x1 + x2 | unit + time, d, weights = w, vcov = "iid")))
  bind_rows(lapply(names(fits), function(name) {
    l <- fits[[name]][[1L]]
    m <- fits[[name]][[2L]]
    s <- summary(l)
    rbind(both_sides(name, "iid", stats::coef(l), stats::vcov(l), m, vcov(m), slopes, 11),
          side(paste0(name, ": fitted values"), stats::fitted(l), unname(fitted(m)), 10),
          side(paste0(name, ": R2, adjusted, sigma, log likelihood, BIC"),
               c(s$r.squared, s$adj.r.squared, s$sigma, stats::logLik(l), stats::BIC(l)),
               unlist(glance(m)[c("r.squared", "adj.r.squared", "sigma", "logLik", "BIC")]), 11),
          side(paste0(name, ": leverages"), stats::hatvalues(l), unname(hatvalues(m)), 10))
  }))
}

# ---- fixest --------------------------------------------------------------------------------------

fixest_variances <- list(iid = "iid", HC1 = "HC1", HC2 = "HC2", HC3 = "HC3", `by unit` = ~unit,
                         `by cluster` = ~cluster, `by cluster and time` = ~cluster + time,
                         `Newey-West, lag 2` = "NW", `Driscoll-Kraay, lag 2` = "DK")

peer_fixest <- function() {
  fixest::setFixest_nthreads(1L)
  d <- peer_panel()
  models <- list(pooled = y ~ x1 + x2, `one-way` = y ~ x1 + x2 | unit,
                 `two-way` = y ~ x1 + x2 | unit + time,
                 `three-way` = y ~ x1 + x2 | unit + time + group,
                 `varying slopes` = y ~ x1 + x2 | unit[x3] + time,
                 instruments = y ~ x1 | unit + time | x2 ~ x3 + other)
  bind_rows(lapply(names(models), function(name) fixest_rows(name, models[[name]], d)))
}

fixest_rows <- function(name, formula, d) {
  at <- c("x1", "x2")
  bind_rows(lapply(c(FALSE, TRUE), function(weighted) {
    arguments <- list(formula, d, panel.id = ~unit + time, notes = FALSE, fixef.tol = 1e-11,
                      fixef.iter = 1e5)
    f <- do.call(fixest::feols, c(arguments, if (weighted) list(weights = ~w)))
    m <- if (weighted) fe_lm(formula, d, weights = ~w, ssc = "fixest") else
      fe_lm(formula, d, ssc = "fixest")
    b <- stats::coef(f)
    names(b) <- sub("^fit_", "", names(b))
    title <- if (weighted) paste0(name, ", weights") else name
    types <- fixest_variances[fixest_has(name)]
    rbind(side(paste0(title, ": coefficients"), b[at], coef(m)[at]),
          bind_rows(lapply(names(types), function(v) {
            row <- fixest_variance(paste0(title, ": V, ", v), types[[v]], f, m, at)
            if (title == "pooled, weights" && v %in% c("HC2", "HC3")) not_required(row) else row
          })))
  }))
}

# Without fixed effects fixest 0.14.2 takes leverages that do not sum to the number of parameters
# where there are weights.
not_required <- function(row) {
  row$note <- "fixest's leverages do not sum to K; sandwich on lm() agrees with fepanel"
  row$required <- row$ok <- NA
  row
}

# Leverages of instruments and of varying slopes are not fixest's matter.
fixest_has <- function(name) {
  types <- names(fixest_variances)
  if (name %in% c("instruments", "varying slopes")) setdiff(types, c("HC2", "HC3")) else types
}

fixest_variance <- function(title, type, f, m, at) {
  theirs <- switch(if (is.character(type)) type else "clusters", NW = fixest::vcov_NW(f, lag = 2),
                   DK = fixest::vcov_DK(f, lag = 2), suppressWarnings(stats::vcov(f, type)))
  ours <- switch(if (is.character(type)) type else "clusters", NW = NW(2) ~ unit + time,
                 DK = DK(2) ~ time, type)
  colnames(theirs) <- rownames(theirs) <- sub("^fit_", "", colnames(theirs))
  side(title, theirs[at, at], with_repair(vcov(m, ours))[at, at], 8)
}

# ---- plm -----------------------------------------------------------------------------------------

peer_plm <- function() {
  d <- peer_panel()
  p <- plm::pdata.frame(d, c("unit", "time"))
  rbind(plm_models(d, p), plm_variances(d, p))
}

plm_models <- function(d, p) {
  fit <- function(...) plm::plm(y ~ x1 + x2, p, ...)
  pairs <- list(
    pooled = list(fit(model = "pooling"), fe_lm(y ~ x1 + x2, d, vcov = "iid")),
    `one-way` = list(fit(), fe_lm(y ~ x1 + x2 | unit, d, vcov = "iid")),
    `time effects` = list(fit(effect = "time"), fe_lm(y ~ x1 + x2 | time, d, vcov = "iid")),
    `two-way` = list(fit(effect = "twoways"), fe_lm(y ~ x1 + x2 | unit + time, d, vcov = "iid")))
  random <- fe_hausman(fe_lm(y ~ x1 + x2 | unit, d), method = "hausman")
  test <- plm::phtest(fit(), fit(model = "random"))
  rbind(
    bind_rows(lapply(names(pairs), function(name) {
      l <- pairs[[name]][[1L]]
      m <- pairs[[name]][[2L]]
      both_sides(name, "iid", stats::coef(l), stats::vcov(l), m, vcov(m), slopes)
    })),
    side("random effects: coefficients", stats::coef(fit(model = "random"))[slopes],
         random$estimates$random),
    side("Hausman: statistic, p-value", c(test$statistic, test$p.value),
         c(random$statistic, random$p.value), 7))
}

plm_variances <- function(d, p) {
  l <- plm::plm(y ~ x1 + x2, p, effect = "twoways")
  m <- fe_lm(y ~ x1 + x2 | unit + time, d)
  one <- function(what, theirs, ours) side(paste("two-way: V,", what), as.matrix(unclass(theirs)),
                                           ours)
  rbind(
    one("vcovHC HC0", plm::vcovHC(l), vcov(m, ~unit, ssc = "plm")),
    one("vcovHC HC1", plm::vcovHC(l, type = "HC1"), vcov(m, ~unit, ssc = "plm.HC1")),
    one("vcovHC sss", plm::vcovHC(l, type = "sss"), vcov(m, ~unit, ssc = "plm.sss")),
    one("vcovHC by time", plm::vcovHC(l, cluster = "time"), vcov(m, ~time, ssc = "plm")),
    one("vcovHC white1", plm::vcovHC(l, method = "white1"), vcov(m, "HC0")),
    one("vcovNW, lag 2", plm::vcovNW(l, maxlag = 2), vcov(m, NW(2) ~ unit + time, ssc = "plm")),
    one("vcovSCC, lag 2", plm::vcovSCC(l, maxlag = 2), vcov(m, DK(2) ~ time, ssc = "plm")),
    one("vcovDC", plm::vcovDC(l), with_repair(vcov(m, CR0 ~ unit + time))))
}

# ---- sandwich ------------------------------------------------------------------------------------

peer_sandwich <- function() {
  d <- peer_panel()
  rbind(sandwich_rows("pooled, weights", stats::lm(y ~ x1 + x2, d, weights = w),
                      fe_lm(y ~ x1 + x2, d, weights = w), d),
        sandwich_rows("two-way", stats::lm(dummies, d), fe_lm(y ~ x1 + x2 | unit + time, d), d),
        sandwich_rows("two-way, weights", stats::lm(dummies, d, weights = w),
                      fe_lm(y ~ x1 + x2 | unit + time, d, weights = w), d))
}

sandwich_rows <- function(title, l, m, d) {
  one <- function(what, theirs, ours) {
    side(paste0(title, ": V, ", what), theirs[slopes, slopes], with_repair(ours)[slopes, slopes])
  }
  rows <- lapply(c("HC0", "HC1", "HC2", "HC3"), function(type) {
    one(paste("vcovHC", type), sandwich::vcovHC(l, type), vcov(m, type))
  })
  for (by in list("cluster", "other", c("unit", "time"))) {
    name <- paste(by, collapse = " and ")
    rows <- c(rows, list(
      one(paste("vcovCL HC0 by", name), sandwich::vcovCL(l, d[by], type = "HC0"),
          vcov(m, cluster = by, ssc = "sandwich")),
      one(paste("vcovCL HC1 by", name), sandwich::vcovCL(l, d[by], type = "HC1"),
          vcov(m, cluster = by, ssc = "sandwich.HC1"))))
  }
  bind_rows(rows)
}

# ---- clubSandwich --------------------------------------------------------------------------------

peer_clubSandwich <- function() {
  d <- random_panel(13L, "weights")
  rbind(club_rows("two-way", stats::lm(dummies, d), fe_lm(y ~ x1 + x2 | unit + time, d), d),
        club_rows("two-way, weights", stats::lm(dummies, d, weights = w),
                  fe_lm(y ~ x1 + x2 | unit + time, d, weights = w), d))
}

club_rows <- function(title, l, m, d) {
  bind_rows(lapply(c("cluster", "unit", "other"), function(by) {
    rows <- lapply(c("CR0", "CR1", "CR1S", "CR2"), function(type) {
      theirs <- as.matrix(clubSandwich::vcovCR(l, d[[by]], type))[slopes, slopes]
      ours <- vcov(m, type, by, ssc = "clubSandwich")
      side(sprintf("%s: V, %s by %s", title, type, by), theirs, ours, 8)
    })
    V <- clubSandwich::vcovCR(l, d[[by]], "CR2")
    test <- clubSandwich::coef_test(l, V, coefs = slopes)
    joint <- clubSandwich::Wald_test(l, clubSandwich::constrain_zero(slopes), V, "HTZ")
    ours <- fe_wald(m, slopes, vcov = stats::reformulate(by, "CR2"), test = "HTZ")
    name <- function(what) sprintf("%s: CR2 by %s, %s", title, by, what)
    rbind(bind_rows(rows),
          side(name("Satterthwaite's df"), test$df_Satt,
               summary(m, stats::reformulate(by, "CR2"))$vcov_info$df, 7),
          side(name("HTZ: F, df, p-value"), c(joint$Fstat, joint$df_denom, joint$p_val),
               c(ours$statistic, ours$parameter[["df2"]], ours$p.value), 6))
  }))
}

# ---- estimatr ------------------------------------------------------------------------------------

peer_estimatr <- function() {
  d <- peer_panel()
  m <- fe_lm(y ~ x1 + x2 | unit + time, d)
  fit <- function(...) estimatr::lm_robust(y ~ x1 + x2, d, fixed_effects = ~unit + time, ...)
  types <- c(classical = "iid", HC0 = "HC0", HC1 = "HC1", HC2 = "HC2", HC3 = "HC3")
  rows <- lapply(names(types), function(type) {
    estimatr_row(type, fit(se_type = type), tidy(m, vcov = types[[type]]))
  })
  clustered <- list(CR0 = tidy(m, vcov = CR0 ~ cluster, ssc = "estimatr.CR0"),
                    stata = tidy(m, vcov = ~cluster, ssc = "estimatr"),
                    CR2 = tidy(m, vcov = CR2 ~ cluster))
  rbind(bind_rows(rows), bind_rows(lapply(names(clustered), function(type) {
    estimatr_row(paste(type, "by cluster"), fit(se_type = type, clusters = cluster),
                 clustered[[type]])
  })))
}

estimatr_row <- function(title, e, t) {
  rbind(side(paste0("two-way: estimates and standard errors, ", title),
             c(e$coefficients, e$std.error), c(t$estimate, t$std.error)),
        side(paste0("two-way: p-values, ", title), e$p.value, t$p.value, 7))
}

# ---- instruments: AER and ivreg ------------------------------------------------------------------

cigarettes <- function() {
  d <- data_of("CigarettesSW", "AER")
  transform(d[d$year == "1995", ], rprice = price / cpi, rtax = tax / cpi,
            rincome = income / population / cpi, tdiff = (taxs - tax) / cpi)
}

peer_AER <- function() iv_rows(AER::ivreg)
peer_ivreg <- function() iv_rows(ivreg::ivreg)

iv_rows <- function(ivreg) {
  d <- peer_panel()
  a <- ivreg(y ~ x2 + x1 + factor(unit) + factor(time) | x3 + other + x1 + factor(unit) +
               factor(time), data = d)
  m <- fe_lm(y ~ x1 | unit + time | x2 ~ x3 + other, d, vcov = "iid")
  at <- c("x1", "x2")
  d <- cigarettes()
  b <- ivreg(log(packs) ~ log(rprice) + log(rincome) | log(rincome) + tdiff + rtax, data = d)
  demand <- fe_lm(log(packs) ~ log(rincome) | log(rprice) ~ tdiff + rtax, d, vcov = "iid")
  theirs <- summary(b, diagnostics = TRUE)$diagnostics
  tests <- tidy(fe_iv_tests(demand))
  tests <- tests[match(c("First-stage F", "Wu-Hausman", "Sargan"), tests$test), ]
  rbind(both_sides("two-way panel", "iid", stats::coef(a), stats::vcov(a), m, vcov(m), at),
        side("cigarettes: coefficients", stats::coef(b), coef(demand)[names(stats::coef(b))]),
        side("cigarettes: weak instruments, Wu-Hausman, Sargan", theirs[, "statistic"],
             tests$statistic),
        side("cigarettes: their p-values", theirs[, "p-value"], tests$p.value, 8))
}

# ---- lfe -----------------------------------------------------------------------------------------

peer_lfe <- function() {
  d <- peer_panel()
  options(lfe.eps = 1e-13)
  f <- lfe::felm(y ~ x1 + x2 | unit + time | 0 | unit, d)
  m <- fe_lm(y ~ x1 + x2 | unit + time, d, vcov = ~unit, ssc = "lfe")
  s <- summary(f)
  rbind(side("two-way: coefficients", stats::coef(f), coef(m)),
        side("two-way: SE by unit", f$cse, se_of(m), 8),
        side("two-way: SE iid", f$se, se_of(m, "iid"), 8),
        side("two-way: SE robust", f$rse, se_of(m, "HC1"), 8),
        side("two-way: R2, adjusted", c(s$r2, s$r2adj),
             unlist(glance(m)[c("r.squared", "adj.r.squared")]), 8))
}

# ---- mediation and moderation --------------------------------------------------------------------

# Estimates are differences of predictions, free of the draws, as both models are linear.
peer_mediation <- function() {
  d <- transform(peer_panel(), m = x2 / 10)
  first <- stats::lm(m ~ x1 + x3, d)
  second <- stats::lm(y ~ x1 + m + x3, d)
  set.seed(1)
  theirs <- mediation::mediate(first, second, treat = "x1", mediator = "m", boot = TRUE, sims = 10)
  ours <- fe_mediate(y ~ x1 + x3, d, treat = "x1", mediators = "m", R = 0)
  side("indirect, direct and total effect, share",
       c(theirs$d0, theirs$z0, theirs$tau.coef, theirs$n0),
       c(coef(ours)[c("indirect:m", "direct:m", "total")],
         coef(ours)[["indirect:m"]] / coef(ours)[["total"]]))
}

# lavaan divides by n where we have n - k: the errors of each equation scale by that.
peer_lavaan <- function() {
  d <- transform(peer_panel(), m = x2 / 10)
  fit <- lavaan::sem("m ~ a*x1 + x3\ny ~ c*x1 + b*m + x3\nab := a*b\ntotal := c + a*b", d)
  p <- lavaan::parameterEstimates(fit)
  pick <- function(column) p[[column]][match(c("a", "b", "c"), p$label)]
  ours <- fe_mediate(y ~ x1 + x3, d, treat = "x1", mediators = "m", R = 0, vcov = "iid")
  t <- tidy(ours, "delta")
  at <- match(c("a", "b", "direct"), t$effect)
  ab <- c(p$est[p$label == "ab"], p$est[p$label == "total"])
  n <- nrow(d)
  rbind(side("a, b, c', ab, total", c(pick("est"), ab),
             c(t$estimate[at], t$estimate[match(c("indirect", "total"), t$effect)]), 7),
        side("SE of a, b, c' times sqrt(n/(n-k))", pick("se") * sqrt(n / (n - c(3, 4, 4))),
             t$std.error[at], 6))
}

peer_interactions <- function() {
  d <- transform(peer_panel(), z = x2 / 10)
  l <- stats::lm(y ~ x1 * z + x3, d)
  bounds <- interactions::johnson_neyman(l, pred = "x1", modx = "z", plot = FALSE)$bounds
  at <- stats::quantile(d$z, c(0.1, 0.5, 0.9), names = FALSE)
  simple <- interactions::sim_slopes(l, pred = "x1", modx = "z", modx.values = at,
                                     johnson_neyman = FALSE)$slopes
  ours <- fe_moderate(y ~ x1 + z + x3, d, "x1", "z", values = at, vcov = "iid")
  s <- ours$slopes[order(ours$slopes$value), ]
  rbind(side("Johnson-Neyman bounds", as.numeric(bounds), ours$jn$bounds, 8),
        side("simple slopes and their errors", c(simple$Est., simple$S.E.),
             c(s$estimate, s$std.error), 9))
}

# ---- tests: car and lmtest -----------------------------------------------------------------------

peer_car <- function() {
  d <- peer_panel()
  l <- stats::lm(y ~ x1 + x2 + x3, d)
  m <- fe_lm(y ~ x1 + x2 + x3, d)
  bind_rows(lapply(c("HC0", "HC1", "HC2", "HC3"), function(type) {
    theirs <- car::linearHypothesis(l, c("x1 = 1", "x2 = x3"), white.adjust = tolower(type))
    ours <- fe_wald(m, c("x1 = 1", "x2 = x3"), vcov = type)
    side(paste("linearHypothesis: F and p-value,", type), c(theirs$F[2L], theirs$`Pr(>F)`[2L]),
         c(ours$statistic, ours$p.value), 8)
  }))
}

peers <- list(`lm()` = peer_lm, fixest = peer_fixest, plm = peer_plm, sandwich = peer_sandwich,
              clubSandwich = peer_clubSandwich, estimatr = peer_estimatr, AER = peer_AER,
              ivreg = peer_ivreg, lfe = peer_lfe, mediation = peer_mediation, lavaan = peer_lavaan,
              interactions = peer_interactions, car = peer_car)

# A group for each package.
peer_groups <- function() {
  groups <- lapply(names(peers), function(package) {
    needs <- if (package != "lm()") package
    if (package == "ivreg") needs <- c("ivreg", "AER")
    list(title = "Side by side", needs = needs, run = function() {
      version <- if (is.null(needs)) paste0("R ", getRversion()) else
        format(utils::packageVersion(package))
      out <- peers[[package]]()
      out$source <- paste(package, version)
      out
    })
  })
  stats::setNames(groups, names(peers))
}
