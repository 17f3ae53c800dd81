# Random calls of fe_lm(): a frame, a formula in pieces, arguments as text. A case is a function of
# its number alone, and stays a list of pieces so that it can be shrunk.

odd_names <- c("my var", "1x", "a+b", "if", "TRUE", "\u00e9t\u00e9", "\u4f60\u597d", "x|y", "we`ird",
               "I", "c", "l", "f", "d", "i", "sw", "T", "(Intercept)", "y~x", "..1", "x\\y", "a:b",
               "x^2", "log", "NULL", "data", "%in%", "\u0130", "x\ty", "(weights)", "e\u0301")

pick <- function(x, ...) x[sample.int(length(x), ...)]
chance <- function(p) stats::runif(1L) < p

# ---- frames --------------------------------------------------------------------------------------

column_makers <- list(
  normal = function(n) stats::rnorm(n),
  normal = function(n) stats::rnorm(n, 5),
  ties = function(n) sample(0:3, n, TRUE) + 0,
  integer = function(n) sample.int(9L, n, TRUE),
  id = function(n) sample.int(max(1L, n %/% 4L), n, TRUE),
  id = function(n) rep_len(seq_len(max(1L, n %/% 3L)), n),
  time = function(n) 2000L + seq_len(n) %/% max(1L, n %/% 5L),
  logical = function(n) sample(c(TRUE, FALSE), n, TRUE),
  text = function(n) sample(c("a", "b", "c d", "", "\u00e9", "NA"), n, TRUE),
  factor = function(n) factor(sample(c("u", "v", "w"), n, TRUE), c("w", "v", "u", "unused")),
  ordered = function(n) ordered(sample(c("lo", "mid", "hi"), n, TRUE), c("lo", "mid", "hi")),
  date = function(n) as.Date("2020-01-31") + sample.int(60L, n, TRUE),
  month = function(n) seq(as.Date("2020-01-01"), by = "month", length.out = n),
  stamp = function(n) as.POSIXct("2020-03-29 01:30:00", tz = "UTC") + 3600 * sample.int(9L, n, TRUE),
  span = function(n) as.difftime(sample.int(5L, n, TRUE), units = "days"),
  huge = function(n) stats::rnorm(n) * 10^sample(c(12, 100, 155, 300), 1L),
  tiny = function(n) stats::rnorm(n) * 10^-sample(c(12, 100, 170, 310), 1L),
  far = function(n) 1e9 + stats::rnorm(n),
  constant = function(n) rep(3, n),
  missing = function(n) rep(NA_real_, n),
  matrix = function(n) I(matrix(stats::rnorm(2L * n), n)),
  list = function(n) I(as.list(seq_len(n))),
  complex = function(n) complex(real = stats::rnorm(n), imaginary = 1),
  raw = function(n) as.raw(sample.int(9L, n, TRUE)),
  wide = function(n) structure(sample(2^(1:9) * 1e300, n, TRUE)),
  positive = function(n) stats::rexp(n),
  latin = function(n) {
    x <- sample(c("f\xe4r", "b"), n, TRUE)
    Encoding(x) <- "latin1"
    x
  },
  lt = function(n) as.POSIXlt(as.Date("2021-05-05") + seq_len(n)))

plain_makers <- column_makers[names(column_makers) %in%
                                c("normal", "ties", "integer", "id", "time", "factor", "positive")]

spoil <- function(x) {
  if (!is.atomic(x) || !is.null(dim(x)) || is.raw(x) || chance(0.75)) return(x)
  x[sample.int(length(x), max(1L, length(x) %/% 10L))] <- NA
  if (is.double(x) && !is.object(x) && chance(0.4)) {
    x[sample.int(length(x), 1L)] <- pick(c(NaN, Inf, -Inf), 1L)
  }
  x
}

random_frame <- function(wild) {
  n <- if (wild && chance(0.2)) pick(1:6, 1L) else pick(c(20L, 40L, 90L), 1L)
  names <- c("y", "x1", "x2", "g", "t", "w")
  if (wild) names <- c(names, pick(odd_names, 2L), "v")
  data <- list(y = stats::rnorm(n), x1 = stats::rnorm(n), x2 = stats::rnorm(n),
               g = sample.int(max(1L, n %/% 5L), n, TRUE), t = rep_len(1:5, n),
               w = sample(1:3, n, TRUE) + 0)
  for (v in setdiff(names, names(data))) data[[v]] <- pick(column_makers, 1L)[[1L]](n)
  if (wild && chance(0.5)) data[[pick(names, 1L)]] <- pick(column_makers, 1L)[[1L]](n)
  if (chance(0.3) && is.numeric(data$g)) data$t <- stats::ave(seq_len(n), data$g, FUN = seq_along)
  data <- lapply(data, spoil)
  out <- as.data.frame(data[!vapply(data, inherits, NA, "POSIXlt")], optional = TRUE)
  names(out) <- setdiff(names, names(data)[vapply(data, inherits, NA, "POSIXlt")])
  for (v in setdiff(names, names(out))) out[[v]] <- data[[v]]
  out
}

# ---- formulas ------------------------------------------------------------------------------------

quoted <- function(names) {
  vapply(names, function(v) paste(deparse(as.name(v), backtick = TRUE), collapse = ""), "")
}

wrap_term <- function(v, wild) {
  z <- v[2L]
  x <- v[1L]
  plain <- c(x, x, x, sprintf("I(%s^2)", x), sprintf("%s:%s", x, z), sprintf("%s * %s", x, z),
             sprintf("factor(%s)", x), sprintf("i(%s)", x), sprintf("i(%s, %s)", x, z),
             sprintf("poly(%s, 2)", x), sprintf("exp(%s)", x), sprintf("log(%s)", x), "1", "0", "-1",
             sprintf("(%s + %s)^2", x, z), sprintf("scale(%s)", x), sprintf("%s > 0", x))
  odd <- c(sprintf("l(%s)", x), sprintf("l(%s, 1:2)", x), sprintf("d(%s)", x),
           sprintf("f(%s, 1)", x), sprintf("%s %%in%% %s", x, z), sprintf("offset(%s)", x),
           sprintf("sw(%s, %s)", x, z), sprintf("csw0(%s, %s)", x, z), sprintf("sw0(%s)", x),
           sprintf("csw(%s, log(%s))", x, z), sprintf("splines::ns(%s, 3)", x),
           sprintf("cut(%s, 3)", x), sprintf("i(%s, ref = %s[1])", x, x), "nowhere", "mean(y)",
           sprintf("sw(%s, sw(%s))", x, z), sprintf("-%s", x), sprintf("(%s)", x), "NULL", "NA",
           sprintf("%s$a", x), sprintf("%s[1]", x), "Inf", "\"y\"", sprintf("%s + NULL", x), "sw()",
           sprintf("l(%s, %s)", x, z), sprintf("l(%s, 0.5)", x), sprintf("l(%s, -1:1)", x), ".",
           sprintf("stats::lag(%s)", x), sprintf("%s / %s", x, z), "1:3", "letters", "stop('no')",
           sprintf("ifelse(%s > 0, %s, NA)", x, z), sprintf("l(l(%s), 2)", x), "pi", "x1 | x2")
  pick(if (wild && chance(0.4)) odd else plain, 1L)
}

wrap_effect <- function(v, wild) {
  plain <- c(v[1L], v[1L], v[1L], sprintf("%s^%s", v[1L], v[2L]))
  odd <- c(sprintf("%s[%s]", v[1L], v[2L]), sprintf("%s[[%s]]", v[1L], v[2L]),
           sprintf("%s[%s, %s]", v[1L], v[2L], v[3L]), sprintf("sw(%s, %s)", v[1L], v[2L]), "0", "1",
           sprintf("csw0(%s, %s)", v[1L], v[2L]), sprintf("%s:%s", v[1L], v[2L]),
           sprintf("factor(%s)", v[1L]), sprintf("l(%s)", v[1L]), sprintf("%s[]", v[1L]),
           sprintf("(%s)", v[1L]), sprintf("%s^%s[%s]", v[1L], v[2L], v[3L]), "nowhere",
           sprintf("%s * %s", v[1L], v[2L]), sprintf("interaction(%s, %s)", v[1L], v[2L]), "NULL",
           sprintf("%s[1]", v[1L]), sprintf("%s[x1][x2]", v[1L]), sprintf("%s > 0", v[1L]))
  pick(if (wild && chance(0.4)) odd else plain, 1L)
}

random_arguments <- function(q, wild) {
  out <- list()
  vcov <- c("\"iid\"", "\"HC0\"", "\"HC1\"", "\"HC2\"", "\"HC3\"", "~g", "~g + t", "\"cluster\"",
            "\"twoway\"", "CR2 ~ g", "CR3 ~ g", "CR3J ~ g", "NW(1) ~ g + t", "DK(1) ~ t", "\"CR2\"",
            "conley(100) ~ x1 + x2", "HC9 ~ g", paste0("~", q[1L]), "NULL", "3", "pairs(R = 19) ~ g",
            "wild(R = 19) ~ g", "function(m) 1", "diag(2)", "~g^t", "NA", "~nowhere", "~1")
  if (chance(0.6)) out$vcov <- pick(vcov, 1L)
  if (chance(0.3)) {
    out$weights <- pick(c("~w", "w", "~w - 1", "~x1", "rep(1, 3)", "~nowhere", paste0("~", q[2L]),
                          "~w * 1e-30", "~ifelse(g == 1, 0, w)", "~w * 10^(20 * x1)"), 1L)
  }
  if (chance(0.15)) out$weights_type <- pick(c("\"frequency\"", "\"analytic\"", "\"odd\""), 1L)
  if (wild && chance(0.15)) out$split <- pick(c("~t", "~g", "\"t\"", "~g^t", "~(x1 > 0)", "t", "1",
                                                paste0("~", q[1L])), 1L)
  if (is.null(out$split) && wild && chance(0.08)) out$fsplit <- pick(c("~t", "~t + g"), 1L)
  if (wild && chance(0.2)) out$subset <- pick(c("x1 > 0", "1:10", "-1", "t == 9", "NA", "~t > 1",
                                                "x1 > 5", paste0(q[1L], " == 1")), 1L)
  if (chance(0.2)) out$intercept <- pick(c("\"lsdv\"", "\"mean\"", "\"within\""), 1L)
  if (chance(0.15)) out$singletons <- "\"keep\""
  if (chance(0.1)) out$common_sample <- "TRUE"
  if (chance(0.5)) out$panel.id <- pick(c("~g + t", "c(\"g\", \"t\")", paste0("~g + ", q[1L])), 1L)
  if (wild && chance(0.1)) out$offset <- pick(c("~x2", "x2", "~log(w)", "1"), 1L)
  if (chance(0.1)) out$lean <- "TRUE"
  if (chance(0.2)) out$control <- pick(c("fe_control(solver = \"cg\")", "fe_control(solver = \"sparse\")",
                                         "fe_control(solver = \"schur\")", "list()"), 1L)
  out
}

random_case <- function(number) {
  set.seed(number)
  wild <- chance(0.7)
  data <- random_frame(wild)
  q <- quoted(names(data))
  lhs <- if (chance(0.85)) q[1L] else
    pick(c(sprintf("c(%s, %s)", q[1L], q[2L]), sprintf("log(%s)", q[1L]), sprintf("l(%s)", q[1L]),
           sprintf("f(%s, 0:1)", q[1L]), q[4L], pick(q, 1L), "1", ""), 1L)
  usual <- c(q[2L], q[3L], q[6L])
  x <- replicate(pick(1:3, 1L), wrap_term(pick(if (wild) q else usual, 2L), wild))
  fe <- if (chance(0.65)) {
    replicate(pick(1:2, 1L), wrap_effect(if (wild && chance(0.3)) pick(q, 3L) else
      c(pick(q[4:5], 2L), q[3L]), wild))
  }
  iv <- if (chance(0.2)) list(endogenous = pick(q[-1L], 1L), instruments = pick(q[-1L], pick(1:2, 1L)))
  list(number = number, data = data, lhs = lhs, x = unname(x), fe = unname(fe), iv = iv,
       arguments = random_arguments(q, wild))
}

case_formula <- function(case) {
  rhs <- paste(case$x, collapse = " + ")
  if (length(case$fe)) rhs <- paste(rhs, "|", paste(case$fe, collapse = " + "))
  if (length(case$iv)) {
    rhs <- paste(rhs, "|", paste(case$iv$endogenous, collapse = " + "), "~",
                 paste(case$iv$instruments, collapse = " + "))
  }
  paste(case$lhs, "~", rhs)
}

# The call as text, or NULL if the formula is no R.
case_call <- function(case) {
  formula <- case_formula(case)
  if (inherits(try(str2lang(formula), silent = TRUE), "try-error")) return(NULL)
  paste0("fe_lm(", paste(c(formula, "data", sprintf("%s = %s", names(case$arguments),
                                                    unlist(case$arguments))), collapse = ", "), ")")
}
