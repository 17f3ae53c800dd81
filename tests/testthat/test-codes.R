# Identifiers of any kind make the same groups.
d <- random_panel(6)
slope <- function(id, data = d) {
  data$id <- id
  unname(coef(fe_lm(y ~ x1 | id, data)))
}
truth <- slope(d$unit)

test_that("integers, doubles, characters and factors make the same groups", {
  expect_equal(slope(as.double(d$unit)), truth)
  expect_equal(slope(d$unit * 0.1), truth)
  expect_equal(slope(-d$unit), truth)
  expect_equal(slope(paste("unit", d$unit)), truth)
  expect_equal(slope(factor(d$unit, levels = 40:1)), truth)
  expect_equal(slope(factor(letters[d$unit], levels = c(letters, LETTERS))), truth)
})

test_that("dates and times make the same groups", {
  expect_equal(slope(as.Date("2020-02-27") + d$unit), truth)
  expect_equal(slope(as.POSIXct("2020-02-27", tz = "UTC") + 0.25 * d$unit), truth)
  expect_equal(slope(as.POSIXlt(as.Date("2020-02-27") + d$unit)), truth)
  expect_equal(slope(as.difftime(d$unit, units = "days")), truth)
})

test_that("logical identifiers make two groups", {
  expect_equal(slope(d$unit > 5), slope(as.integer(d$unit > 5)))
})

test_that("integer64 identifiers beyond 2^53 stay distinct", {
  skip_if_not_installed("bit64")
  base <- bit64::as.integer64("9007199254740992")
  expect_equal(slope(base + bit64::as.integer64(d$unit)), truth)
})

test_that("labelled identifiers of haven make the same groups", {
  skip_if_not_installed("haven")
  expect_equal(slope(haven::labelled(d$unit, c(first = 1L))), truth)
  expect_equal(slope(haven::labelled(as.double(d$unit), c(first = 1))), truth)
  expect_equal(slope(haven::labelled(letters[d$unit], c(first = "a"))), truth)
})

test_that("large gaps, negative numbers and extremes of integer do no harm", {
  ids <- c(-.Machine$integer.max, -5L, 0L, 7L, .Machine$integer.max, sample.int(1e9L, 9L))
  expect_equal(slope(ids[d$unit]), truth)
  expect_equal(slope(as.double(ids[d$unit]) * 2^20), truth)
  expect_equal(slope(2^53 - d$unit), truth)
})

test_that("doubles that differ in the last bit are different, zero and minus zero are not", {
  expect_equal(slope(1 + d$unit * .Machine$double.eps), truth)
  half <- ifelse(d$unit > 5, 1, ifelse(seq_len(nrow(d)) %% 2 == 0, 0, -0))
  expect_equal(slope(half), slope(d$unit > 5))
})

test_that("empty strings and strings in other encodings are levels", {
  latin <- "caf\xe9"
  Encoding(latin) <- "latin1"
  name <- c("", latin, enc2utf8(latin), letters)[d$unit]
  merged <- ifelse(d$unit == 3, 2, d$unit)
  expect_equal(slope(name), slope(merged))
})

test_that("identifiers that cannot be grouped are refused", {
  expect_error(slope(complex(real = d$unit)), "`id`", class = "fe_error")
  expect_error(slope(I(as.list(d$unit))), "`id`", class = "fe_error")
  expect_error(slope(d$unit + 2^53), "2\\^53.*integer64", class = "fe_error")
  expect_error(slope(2^53 - d$unit %/% 2), "2\\^53.*integer64", class = "fe_error") # read from + 1
})

test_that("levels come in increasing order, so that the base of the lsdv constant is the first", {
  base <- function(id) {
    d$id <- id
    unname(coef(fe_lm(y ~ x1 | id, d, intercept = "lsdv"))[1])
  }
  by_level <- function(f) unname(coef(lm(y ~ x1 + f, d))[1])
  expect_equal(base(d$unit), by_level(factor(d$unit)), tolerance = 1e-10)
  expect_equal(base(-d$unit), by_level(factor(-d$unit)), tolerance = 1e-10)
  expect_equal(base(d$unit + 0.5), by_level(factor(d$unit)), tolerance = 1e-10)
  reversed <- factor(d$unit, levels = rev(unique(d$unit)))
  expect_equal(base(reversed), by_level(reversed), tolerance = 1e-10)
  as_text <- as.character(d$unit)
  expect_equal(base(as_text), by_level(factor(as_text,
                                              levels = sort(unique(as_text), method = "radix"))),
               tolerance = 1e-10)
})

test_that("singletons go as a slow loop makes them go", {
  for (seed in 1:30) {
    set.seed(seed)
    n <- 120L
    e <- data.frame(y = rnorm(n), x = rnorm(n), a = sample(60L, n, TRUE), b = sample(50L, n, TRUE),
                    c = sample(40L, n, TRUE))
    stay <- oracle_singletons(e[c("a", "b", "c")])
    m <- tryCatch(fe_lm(y ~ x | a + b + c, e), fe_error = function(err) NULL)
    if (is.null(m)) next
    expect_identical(fe_rows(m)$used, stay)
  }
  expect_gt(sum(!stay), 10L)
})

test_that("a long chain of singletons is followed to its end", {
  n <- 5000L
  chain <- data.frame(a = rep(seq_len(n), each = 2L)[-1L],
                      b = rep(seq_len(n), each = 2L)[-(2L * n)])
  block <- data.frame(a = n + rep(1:3, each = 3L), b = n + rep(1:3, 3L))
  set.seed(1)
  e <- rbind(chain, block)
  e$y <- rnorm(nrow(e))
  e$x <- rnorm(nrow(e))
  m <- fe_lm(y ~ x | a + b, e)
  expect_equal(nobs(m), 9)
  expect_equal(sum(fe_rows(m)$cause %in% "singleton"), nrow(chain))
})

test_that("NA rows go before singletons are counted", {
  e <- data.frame(y = c(1, NA, 3, 4, 6, 9), x = c(2, 5, 1, 7, 3, 1), g = c(1, 1, 2, 2, 2, 2))
  r <- fe_rows(fe_lm(y ~ x | g, e))
  expect_identical(r$cause[1:2], c("singleton", "NA"))
})

test_that("a model without fixed effects drops no singleton", {
  expect_equal(nobs(fe_lm(y ~ x1, d)), nrow(d))
})

test_that("a factor whose NA is a level keeps it", {
  f <- addNA(factor(ifelse(d$unit == 3, NA, d$unit)))
  expect_equal(slope(f), truth)
})

test_that("predictions find the level by its value, not by a rounded or ambiguous label", {
  e <- d
  e$id <- 1 + e$unit * .Machine$double.eps
  m <- fe_lm(y ~ x1 | id, e)
  expect_equal(predict(m, e), fitted(fe_lm(y ~ x1 | unit, e)), tolerance = 1e-10)
  e$left <- ifelse(e$unit <= 7, "a^b", "a")
  e$right <- ifelse(e$unit <= 7, "c", "b^c")
  pair <- fe_lm(y ~ x1 | left^right, e)
  expect_equal(predict(pair, e), fitted(pair), tolerance = 1e-10)
})

# Codes, levels and counts against base R. `value` holds what `id` stands for, as something that
# factor() can take, in the order of its levels.
expect_coded <- function(id, value = id, levels = sort(unique(value), method = "radix")) {
  for (threads in c(1L, 2L, 4L)) {
    coded <- fepanel:::code_ids(id, "id", threads = threads)
    expect_identical(coded$code, match(value, levels))
    expect_identical(coded$n_levels, length(levels))
    expect_identical(coded$rows, tabulate(match(value, levels), length(levels)))
  }
  invisible(coded)
}

test_that("codes of every kind of identifier are those of match(), on any number of threads", {
  set.seed(1)
  n <- 150000L
  narrow <- sample(c(-3L, 7L, 8L, 200L), n, TRUE)
  wide <- sample(c(-.Machine$integer.max, .Machine$integer.max, sample.int(1e9L, 5000L)), n, TRUE)
  middle <- sample.int(2e6L, n, TRUE)
  for (id in list(narrow, wide, middle, narrow > 0L, -middle, sort(wide))) {
    expect_identical(expect_coded(id)$level, sort(unique(as.integer(id))))
    expect_coded(as.double(id))
    expect_coded(id + 0.5)
  }
  expect_coded(as.character(wide))
  expect_coded(as.character(narrow))
  expect_coded(2^40 + middle)
  expect_coded(wide * 2^22)
})

test_that("factors keep the order of their levels, unused ones left out", {
  letter <- rep(c("b", "a", "d"), c(2L, 1L, 3L))
  f <- factor(letter, levels = c("d", "c", "b", "a"))
  coded <- expect_coded(f, letter, c("d", "b", "a"))
  expect_identical(fepanel:::level_labels(coded), c("d", "b", "a"))
  coded <- expect_coded(ordered(letter))
  expect_identical(fepanel:::level_labels(coded), c("a", "b", "d"))
  expect_identical(fepanel:::level_labels(fepanel:::code_ids(f[0], "f")), character())
})

test_that("identifiers that are codes already are not copied, and come without attributes", {
  id <- rep(1:1000, 100L)
  skip_if_not(capabilities("profmem"))
  coded <- expect_coded(id)
  address <- c(tracemem(id), tracemem(coded$code))
  untracemem(id)
  untracemem(coded$code)
  expect_identical(address[1], address[2])
  expect_identical(coded$level, 1:1000)
  f <- structure(id, levels = as.character(1:1000), class = "factor")
  expect_null(attributes(expect_coded(f, id)$code))
  expect_null(attributes(expect_coded(c(a = 1L, b = 2L), 1:2)$code))
  expect_identical(fepanel:::code_ids(c(TRUE, TRUE), "id")$code, c(1L, 1L))
})

test_that("no rows have no levels", {
  for (id in list(integer(), double(), character(), logical(), factor(character()))) {
    coded <- fepanel:::code_ids(id, "id")
    expect_identical(coded$code, integer())
    expect_identical(coded$n_levels, 0L)
  }
  none <- fepanel:::code_ids(integer(), "id")
  expect_identical(fepanel:::cross_codes(none, none)$n_levels, 0L)
})

test_that("missing identifiers are an error rather than a level", {
  for (id in list(c(1L, NA), c(1, NA), c(1.5, NaN), c("a", NA), c(TRUE, NA), factor(c("a", NA)),
                  as.Date(c("2020-01-01", NA)))) {
    expect_error(fepanel:::code_ids(id, "id"), "NA")
  }
})

test_that("strings are ordered by their bytes in UTF-8, whatever their encoding", {
  latin <- "caf\xe9"
  Encoding(latin) <- "latin1"
  id <- c("cafz", latin, "caf", "", enc2utf8(latin), "Z", "a", latin)
  coded <- fepanel:::code_ids(id, "id")
  expect_identical(coded$code, c(5L, 6L, 4L, 1L, 6L, 2L, 3L, 6L))
  expect_identical(coded$rows, c(1L, 1L, 1L, 1L, 1L, 3L))
  expect_equal(coded$level, c("", "Z", "a", "caf", "cafz", enc2utf8(latin)))
})

test_that("integer64 identifiers need no bit64 and are ordered as numbers", {
  skip_if_not_installed("bit64")
  text <- c("4611686018427387904", "-5", "4611686018427387905", "9", "10", "-5",
            "9223372036854775807", "-9223372036854775807")
  coded <- fepanel:::code_ids(bit64::as.integer64(text), "id")
  expect_identical(coded$code, c(5L, 2L, 6L, 3L, 4L, 2L, 7L, 1L))
  expect_identical(fepanel:::level_labels(coded)[coded$code], text)
  expect_error(fepanel:::code_ids(bit64::as.integer64(c("1", NA)), "id"), "NA")
})

test_that("rows of integer64 identifiers stay integer64 where bit64 is not loaded", {
  script <- paste(
    "id <- structure(rep(1:4, 5) * 2^-1074, class = \"integer64\")", # the bits of the integers
    "d <- data.frame(y = sin(1:20), x = cos(1:20)^2)", "d$id <- id", "d$x[3] <- NA",
    "cat(isNamespaceLoaded(\"bit64\"), names(fepanel::fixef(fepanel::fe_lm(y ~ x | id, d))$id))",
    sep = "; ")
  paths <- paste0(".libPaths(c(", toString(encodeString(.libPaths(), quote = "\"")), "))")
  said <- system2(file.path(R.home("bin"), "Rscript"),
                  c("--vanilla", "-e", shQuote(paste(paths, script, sep = "; "))), stdout = TRUE)
  expect_identical(said, "FALSE 1 2 3 4")
})

test_that("labels are what people read", {
  label <- function(id) fepanel:::level_labels(fepanel:::code_ids(id, "id"))
  expect_identical(label(c(10L, 9L)), c("9", "10"))
  expect_identical(label(c(0.1, 1e5)), c("0.1", "100000"))
  expect_identical(label(c(TRUE, FALSE)), c("FALSE", "TRUE"))
  expect_identical(label(as.Date("2020-02-28") + 1:0), c("2020-02-28", "2020-02-29"))
  at <- as.POSIXct("2020-02-28 12:30:00", tz = "UTC")
  expect_identical(label(at + c(60, 0)), format(at + c(0, 60)))
  pair <- fepanel:::code_factor(list(c("a^b", "a"), c(2L, 1L)), c("u", "v"))
  expect_identical(fepanel:::level_labels(pair), c("a^1", "a\\^b^2"))
})

test_that("combinations are ordered by the first part, then the second", {
  set.seed(2)
  n <- 100000L
  shapes <- list(c(5L, 7L), c(3000L, 40L), c(50000L, 900L), c(90000L, 90000L))
  for (shape in shapes) {
    a <- sample.int(shape[1L], n, TRUE)
    b <- sample.int(shape[2L], n, TRUE)
    key <- a * 1e6 + b
    levels <- sort(unique(key))
    for (threads in c(1L, 3L)) {
      pair <- fepanel:::code_factor(list(a, b), c("a", "b"), threads = threads)
      expect_identical(pair$code, match(key, levels))
      expect_identical(pair$rows, tabulate(pair$code, length(levels)))
    }
    first <- match(seq_along(levels), pair$code)
    expect_identical(fepanel:::level_labels(pair), paste(a[first], b[first], sep = "^"))
  }
})

test_that("a combination of three parts is one of a combination", {
  parts <- list(c(1L, 1L, 2L, 1L), c("x", "y", "x", "x"), c(0.5, 0.5, 0.5, 0.5))
  coded <- fepanel:::code_factor(parts, c("a", "b", "c"))
  expect_identical(coded$code, c(1L, 2L, 3L, 1L))
  expect_identical(fepanel:::level_labels(coded), c("1^x^0.5", "1^y^0.5", "2^x^0.5"))
})

test_that("codes anew are those of the rows that stay", {
  set.seed(3)
  a <- sample.int(50L, 200L, TRUE)
  b <- sample(letters, 200L, TRUE)
  keep <- sample(c(TRUE, FALSE), 200L, TRUE)
  for (values in list(list(a), list(b), list(a, b))) {
    names <- letters[seq_along(values)]
    again <- fepanel:::recode(fepanel:::code_factor(values, names), keep)
    fresh <- fepanel:::code_factor(lapply(values, `[`, keep), names)
    expect_identical(again[c("code", "n_levels", "rows")], fresh[c("code", "n_levels", "rows")])
    expect_identical(fepanel:::level_labels(again), fepanel:::level_labels(fresh))
  }
})

test_that("levels are found again by value, by label between kinds, and not if they are new", {
  code <- function(...) fepanel:::code_factor(list(...), letters[seq_len(...length())])
  find <- function(new, old) fepanel:::match_factors(new, old)
  expect_identical(find(code(c(1, 3)), code(c(1, 1.5))), c(1L, NA))
  expect_identical(find(code(c(2L, 1L)), code(factor(c("2", "0")))), c(NA, 2L))
  old <- code(c(1L, 1L, 2L), c("x", "y", "y"))
  expect_identical(find(code(c(2L, 1L, 3L), c("y", "z", "x")), old), c(NA, 3L, NA))
  time <- as.POSIXct("2020-02-28", tz = "UTC")
  expect_identical(find(code(time + 0.25), code(time + c(0, 0.25, 0.5))), 2L)
})

test_that("codes that were tampered with are refused, not followed out of bounds", {
  m <- fe_lm(y ~ x1 | unit + time, d)
  for (bad in c(0L, -1L, 41L, NA, .Machine$integer.max)) {
    broken <- m
    broken$factors[[1L]]$code[5] <- bad
    expect_error(predict(broken), "out of range")
  }
})

test_that("labels tell levels apart, however near they are", {
  label <- function(id) fepanel:::level_labels(fepanel:::code_ids(id, "id"))
  day <- as.Date("2020-02-28")
  expect_identical(label(day + c(0, 0.25, 0.5)), paste("2020-02-28", c("00:00:00", "06:00:00",
                                                                       "12:00:00")))
  at <- as.POSIXct("2020-02-28 12:30:00", tz = "UTC")
  expect_identical(label(at + c(0.001, 0.002, 1.001)),
                   paste0("2020-02-28 12:30:0", c("0.001", "0.002", "1.001")))
  expect_identical(label(at + 1e-6 * 1:2), paste0("2020-02-28 12:30:00.00000", 1:2))
  for (id in list(at + 2^-22 * 1:9, day + 2^-36 * 1:9, 1 + 1:9 * .Machine$double.eps)) {
    expect_identical(anyDuplicated(label(id)), 0L)
  }
})

test_that("levels of a logical identifier are FALSE and TRUE, and are found by either name", {
  e <- transform(d, big = unit > 5)
  m <- fe_lm(y ~ x1 | big, e)
  effect <- with(e, tapply(y - x1 * coef(m), big, mean))
  expect_equal(unclass(fixef(m))$big, c(effect), tolerance = 1e-10, ignore_attr = "dim")
  expect_named(fixef(m)$big, c("FALSE", "TRUE"))
  expect_equal(fixef(m, levels = "TRUE")$big, fixef(m)$big["TRUE"])
  expect_equal(fixef(m, levels = TRUE)$big, fixef(m)$big["TRUE"])
  expect_equal(predict(m, transform(e, big = as.integer(big))), predict(m, e))
})

test_that("numbers of any class are identifiers, and read as their class writes them", {
  skip_if_not_installed("zoo")
  month <- zoo::as.yearmon(2000 + (d$unit - 1) / 12)
  expect_equal(slope(month), truth)
  e <- transform(d, id = month)
  m <- fe_lm(y ~ x1 | id, e)
  expect_identical(names(fixef(m)$id), as.character(sort(unique(month))))
  expect_equal(predict(m, e), fitted(m), tolerance = 1e-10)
  second <- as.character(sort(unique(month)))[2] # "Feb 2000", in the language of the locale
  expect_equal(fixef(m, levels = second)$id, fixef(m)$id[second])
})
