# Every public argument against every kind of value: a valid call of each function, into which one
# bad value after the other is put.

# What the calls below are about. Small, so that thousands of calls take seconds.
argument_world <- function() {
  env <- new.env(parent = globalenv())
  env$zz <- tempfile(fileext = ".txt")
  d <- expand.grid(time = 2001:2006, unit = 1:16)
  at <- seq_len(nrow(d))
  d$cl <- paste0("c", d$unit %% 8L)
  d$g <- factor(c("u", "v", "w")[d$unit %% 3L + 1L])
  d$two <- d$unit %% 2L == 0L
  d$x <- sin(at) + d$unit / 10
  d$z <- cos(3 * at)
  d$k <- sin(7 * at^2) + d$z / 2
  d$med <- 0.5 * d$x + cos(at^2)
  d$w <- 1 + at %% 3
  d$y <- d$x + 0.5 * d$z + 0.3 * d$med + d$unit / 5 + sin(at^3)
  env$d <- d
  suppressWarnings(evalq({
    m <- fe_lm(y ~ x + z | unit + time, d, vcov = ~unit)
    ms <- fe_lm(y ~ sw(x, z) + k | unit, d, vcov = ~unit)
    short <- fe_lm(y ~ x | unit, d)
    long <- fe_lm(y ~ x + z | unit, d)
    iv <- fe_lm(y ~ z | unit | x ~ k + med, d)
    mo <- fe_moderate(y ~ z | unit, d, "x", "k")
    me <- fe_mediate(y ~ x + z | unit, d, mediators = "med", R = 9)
    h <- fe_heterogeneity(y ~ x + z | unit, d, by = ~two)
    b <- fe_boot(m, R = 9)
    bt <- fe_boottest(m, "x", B = 99)
    ix <- fe_index(d, c("x", "z", "k"))
    rb <- fe_robust(y ~ x + z + k | unit, d, winsor = 0.05, leave_out = ~cl)
    tab <- fe_table(m)
    fx <- fixef(m, se = TRUE)
    cd <- fe_clusters(m)
    se <- fe_sensitivity(m, "x")
    pv <- fe_panel_view(d, "unit", "time")
    li <- fe_linearity(mo)
    eq <- fe_equal(ms, terms = "k")
    bal <- fe_balance(d, "two", "x")
    cor <- fe_correlate(d, c("x", "z"))
    des <- fe_describe(d, "x")
    de <- fe_decompose(y ~ x | unit, d, added = ~z)
    it <- fe_iv_tests(iv)
    wa <- fe_wald(m)
    ha <- fe_hausman(m)
  }, env), classes = "fe_warning")
  env
}

# The exported functions, by what a valid call of each is; a name before a colon is the method.
argument_calls <- alist(
  fe_lm = fe_lm(y ~ x + z | unit, d),
  `fe_lm:iv` = fe_lm(y ~ z | unit | x ~ k, d),
  fe_panel_view = fe_panel_view(d, "unit", "time"),
  fe_iv_tests = fe_iv_tests(iv),
  fe_first_stage = fe_first_stage(iv),
  fe_equal = fe_equal(ms, terms = "k"),
  fe_boot = fe_boot(m, R = 19),
  fe_control = fe_control(),
  fe_table = fe_table(m),
  fe_moderate = fe_moderate(y ~ z | unit, d, "x", "k"),
  fe_describe = fe_describe(d, "x"),
  fe_index = fe_index(d, c("x", "z", "k")),
  fe_bands = fe_bands(m),
  `fe_bands:wild` = fe_bands(m, from = "wild", R = 100),
  fe_threads = fe_threads(),
  fe_robust = fe_robust(y ~ x + z | unit, d),
  fe_boottest = fe_boottest(m, "x", B = 99),
  fe_adjust = fe_adjust(ms, terms = "k"),
  `fe_adjust:romano-wolf` = fe_adjust(ms, terms = "k", method = "romano-wolf", B = 19),
  fe_table_write = fe_table_write(tab, zz),
  fe_correlate = fe_correlate(d, c("x", "z")),
  fe_decompose.default = fe_decompose(y ~ x | unit, d, added = ~z),
  fe_decompose.fe_lm = fe_decompose(short, long),
  fe_hausman = fe_hausman(m),
  i = i(d$g),
  fe_heterogeneity = fe_heterogeneity(y ~ x + z | unit, d, by = ~two),
  `fe_heterogeneity:moderator` = fe_heterogeneity(y ~ x + z | unit, d, moderator = "k",
                                                  quantiles = 2),
  fe_linearity = fe_linearity(mo),
  fe_p_values = fe_p_values(bt),
  fe_ssc = fe_ssc(),
  fe_wald.fe_lm = fe_wald(m, "x"),
  fe_wald.fe_equal = fe_wald(eq, "k[1] = k[2]"),
  fe_mediate = fe_mediate(y ~ x + z | unit, d, mediators = "med", R = 9),
  `fe_mediate:moderated` = fe_mediate(y ~ x + z | unit, d, mediators = "med", moderator = "k",
                                      ci = "delta"),
  fe_balance = fe_balance(d, "two", "x"),
  fe_demean = fe_demean(d$x, d$unit),
  fe_lag = fe_lag(d$x, 1, d$unit, d$time),
  fe_boot_weights = fe_boot_weights(5, 1:3, seed = 1),
  fe_clusters = fe_clusters(m),
  fe_sensitivity.fe_lm = fe_sensitivity(m, "x"),
  fe_sensitivity.fe_mediate = fe_sensitivity(me))

# Their methods for functions of R and other packages.
argument_methods <- alist(
  vcov.fe_lm = vcov(m), summary.fe_lm = summary(m), confint.fe_lm = confint(m),
  tidy.fe_lm = tidy(m), predict.fe_lm = predict(m), `predict.fe_lm:new` = predict(m, d),
  augment.fe_lm = augment(m), residuals.fe_lm = residuals(m), model.matrix.fe_lm = model.matrix(m),
  fixef.fe_lm = fixef(m), print.fe_lm = print(m), update.fe_lm = update(m),
  `[.fe_lm_list` = ms[1], confint.fe_boot = confint(b), tidy.fe_boot = tidy(b),
  confint.fe_boottest = confint(bt), tidy.fe_boottest = tidy(bt),
  confint.fe_decompose = confint(de),
  tidy.fe_decompose = tidy(de), print.fe_decompose = print(de),
  confint.fe_heterogeneity = confint(h), print.fe_heterogeneity = print(h),
  confint.fe_mediate = confint(me), tidy.fe_mediate = tidy(me), print.fe_mediate = print(me),
  vcov.fe_mediate = vcov(me), confint.fe_moderate = confint(mo), tidy.fe_moderate = tidy(mo),
  predict.fe_moderate = predict(mo), print.fe_moderate = print(mo),
  as.data.frame.fe_clusters = as.data.frame(cd), print.fe_clusters = print(cd),
  as.data.frame.fe_table = as.data.frame(tab), format.fe_table = format(tab),
  print.fe_table = print(tab), tidy.fe_fixef = tidy(fx), print.fe_fixef = print(fx),
  predict.fe_index = predict(ix), print.fe_index = print(ix), tidy.fe_linearity = tidy(li),
  tidy.fe_panel_view = tidy(pv), print.fe_panel_view = print(pv), summary.fe_robust = summary(rb),
  tidy.fe_robust = tidy(rb), print.fe_robust = print(rb), tidy.fe_sensitivity = tidy(se),
  print.fe_sensitivity = print(se), print.fe_balance = print(bal), print.fe_correlate = print(cor),
  print.fe_describe = print(des), as.matrix.fe_correlate = as.matrix(cor),
  print.fe_wald = print(wa),
  print.fe_hausman = print(ha))

argument_figures <- alist(
  plot.fe_lm = plot(m), plot.fe_boot = plot(b), plot.fe_boottest = plot(bt),
  plot.fe_heterogeneity = plot(h), plot.fe_mediate = plot(me), plot.fe_moderate = plot(mo),
  plot.fe_clusters = plot(cd), plot.fe_fixef = plot(fx), plot.fe_index = plot(ix),
  plot.fe_iv_tests = plot(it), plot.fe_linearity = plot(li), plot.fe_panel_view = plot(pv),
  plot.fe_robust = plot(rb), plot.fe_sensitivity = plot(se), plot.fe_balance = plot(bal))

# The first refused one is that whose message a snapshot shows.
argument_values <- alist("nope", -1, 1e300, NA, character(0), sum, data.frame(a = 1), list(),
                         quote(q), new.env(), ~nope)
# What FEPANEL_SOAK adds to them.
more_values <- alist(NULL, NaN, NA_character_, Inf, 0, 1.5, numeric(0), "", c(1, 2, 3), c("a", "b"),
                     c(TRUE, FALSE), list(1), factor("a"), 1i, as.raw(1), as.Date("2020-01-01"),
                     y ~ nope, ~ x + x, matrix(1, 2, 2), structure(1, class = "odd"),
                     c(a = 1, a = 2), TRUE, 7L)

# One argument of a call: list(message (of the first refusal; NULL), accepted, wrong), the last what
# ended in another way than an answer or an fe_error that names an argument.
try_argument <- function(call, arg, values, env) {
  out <- list(message = NULL, accepted = character(), wrong = character())
  for (value in values) {
    call[arg] <- list(value)
    said <- NULL
    utils::capture.output(said <- answer_to(call, env))
    text <- deparse(value)[1L]
    e <- said$error
    named <- inherits(e, "fe_error") && grepl("`", conditionMessage(e), fixed = TRUE)
    if (is.null(e)) out$accepted <- c(out$accepted, text) else if (!named) {
      out$wrong <- c(out$wrong, sprintf("%s = %s: %s", arg, text, conditionMessage(e)))
    } else if (is.null(out$message)) out$message <- sprintf("%s = %s: %s", arg, text,
                                                          conditionMessage(e))
    strange <- startsWith(said$warnings, "not of")
    if (any(strange)) {
      out$wrong <- c(out$wrong, sprintf("%s = %s: warning %s", arg, text, said$warnings[strange]))
    }
  }
  out
}

# All arguments of one call. own: is the first that of a class, which R chose the method by?
expect_arguments <- function(call, name, env, own = FALSE) {
  fun <- utils::getFromNamespace(sub(":.*$", "", name), "fepanel")
  given <- match.call(fun, call)
  arguments <- setdiff(names(formals(fun)), "...")
  if (own) arguments <- arguments[-1L]
  values <- c(argument_values, if (nzchar(Sys.getenv("FEPANEL_SOAK"))) more_values)
  tried <- lapply(stats::setNames(nm = arguments), try_argument, call = given, values = values,
                  env = env)
  wrong <- as.character(unlist(lapply(unname(tried), `[[`, "wrong")))
  expect_identical(wrong, character(), label = name)
  lines <- lapply(names(tried), function(arg) {
    x <- tried[[arg]]
    if (is.null(x$message)) paste0(arg, ": any value, as it has no effect here") else x$message
  })
  c(paste0("# ", name), unlist(lines), "")
}

expect_all_arguments <- function(calls, env, own) {
  own <- rep_len(own, length(calls))
  lines <- Map(expect_arguments, calls, names(calls), own = own, MoreArgs = list(env = env))
  expect_snapshot_output(writeLines(unlist(lines)))
}
