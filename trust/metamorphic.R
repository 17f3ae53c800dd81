# What must stay the same, or scale, when the data are written down differently: for all estimators.
#   Rscript trust/metamorphic.R [--quick] [--seed=N] [--times=N]
# --quick: one random panel; without it 40 (times = panels).
source("trust/record.R")
suppressPackageStartupMessages(library(fepanel))
source("trust/metamorphic/estimators.R")
arguments <- trust_arguments()
times <- arguments$times
if (is.null(times)) times <- if (arguments$quick) 1L else 40L

# ---- properties ----------------------------------------------------------------------------------

# A property changes list(d, m) and says by what the units of y and of x1 grow. skip: estimators
# that it does not hold for; only: those it is about; ignore: readings that it does change; base:
# the setting it starts from.
property <- function(what, change, y = 1, x = 1, tol = 1e-9, skip = character(), only = NULL,
                     base = "plain", ignore = character()) {
  list(what = what, change = change, y = y, x = x, tol = tol, skip = skip, only = only, base = base,
       ignore = ignore)
}

on_data <- function(f) function(s) {
  s$d <- f(s$d)
  s
}
on_setting <- function(...) function(s) {
  s$m <- utils::modifyList(s$m, list(...))
  s
}
column <- function(name, f) on_data(function(d) {
  d[[name]] <- f(d[[name]])
  d
})

bases <- list(plain = identity, weighted = on_setting(weights = "w"),
              counted = on_setting(weights = "k", type = "frequency"),
              unadjusted = on_setting(weights = "w", boot_ssc = fe_ssc("clubSandwich")))

shuffled <- function(d) {
  set.seed(1)
  d[sample(nrow(d)), ]
}

# New names of units and clusters in another order. Readings are sorted where they have an element
# a level; time keeps its values, which lags go by.
relabelled <- function(d) {
  d$unit <- factor(paste("U", d$unit * 37 %% 101), levels = paste("U", sample(0:3000)))
  d$group <- paste0("g", (d$group * 3) %% 7)
  d
}
renamed_clusters <- column("cl", function(v) c("q", "b", "z", "a", "m", "y", "c")[v])

rows_without_meaning <- function(d) {
  extra <- d[c(5, 9, 20), ]
  extra$y <- c(NA, Inf, NaN)
  alone <- d[1:2, ]
  alone$unit <- max(d$unit) + 1:2
  alone$cl <- 1L
  extra$id <- 1000 + 1:3
  alone$id <- 2000 + 1:2
  out <- rbind(extra[1, ], d, extra[-1, ], alone)
  out
}

zero_weighted <- function(s) {
  extra <- s$d[c(4, 8), ]
  extra$w <- extra$k <- 0
  extra$id <- 3000 + 1:2
  extra$y <- 1e6
  s$d <- rbind(s$d, extra)
  s
}

copied <- function(s) {
  s$d <- s$d[rep(seq_len(nrow(s$d)), s$d$k), ]
  s$m["weights"] <- list(NULL)
  s$m$type <- "analytic"
  s
}

halved_rows <- function(s) {
  at <- s$d$cl == 3L
  half <- s$d[at, ]
  s$d$w[at] <- half$w <- half$w / 4
  s$d$w[at] <- 3 * half$w
  half$id <- half$id + 5000
  s$d <- rbind(s$d, half)
  s
}

by_row <- c("predict()", "fe_index()") # a reading an observation, of which there are more
no_weights <- c("fe_index()", "fe_describe()")
panel_types <- c("NW", "fe_index()", "fe_describe()") # which take a unit and period once

properties <- list(
  property("rows in another order", on_data(shuffled)),
  property("units and groups relabelled", on_data(relabelled), skip = "predict(newdata)"),
  property("clusters relabelled", renamed_clusters, skip = "fe_boot()"),
  property("x1 times 2^12", column("x1", function(v) v * 2^12), x = 2^12, tol = 1e-11,
           skip = "multiway"),
  property("x1 times 1e6", column("x1", function(v) v * 1e6), x = 1e6, skip = "multiway"),
  property("x1 times 1e-6", column("x1", function(v) v * 1e-6), x = 1e-6, skip = "multiway"),
  property("y times 2^-20", column("y", function(v) v * 2^-20), y = 2^-20, tol = 1e-11),
  property("y times 1e5", column("y", function(v) v * 1e5), y = 1e5),
  property("a constant added to y", column("y", function(v) v + 1000), tol = 1e-8,
           skip = c("constant", "pooled")),
  property("a constant added to x1", column("x1", function(v) v + 1000), tol = 1e-7,
           skip = c("constant", "pooled", "fixef()")), # whose effects carry the level
  property("regressors in another order", on_setting(x = c("f", "x2", "x1"))),
  property("fixed effects in another order", on_setting(fe = c("time", "unit")),
           skip = c("fixef()", "fe_decompose()")), # where the order is part of the question
  property("a regressor that the effects explain added", function(s) {
    s$d$trait <- 3 * s$d$unit - 1
    s$m$x <- c("trait", s$m$x)
    s
  }, skip = c("pooled", "fe_decompose()", "fe_mediate()", "fe_moderate()")),
  property("rows added that must be dropped", on_data(rows_without_meaning),
           skip = c("pooled", "fe_index()", "fe_describe()", "slopes", "fe_decompose()")),
  property("rows of weight zero added", zero_weighted, base = "weighted",
           skip = c(no_weights, "fe_sensitivity()")),
  property("weights times 2^7", column("w", function(v) v * 2^7), base = "weighted",
           ignore = "sigma",
           skip = no_weights),
  property("frequency weights as rows written out", copied,
           base = "counted", ignore = "dropped", skip = c(by_row, panel_types)),
  property("rows of a cluster split, weights shared", halved_rows, base = "unadjusted",
           ignore = c("sigma", "df.residual", "nobs", "dropped"),
           only = c("CR0", "CR3", "CR3J", "fe_boottest()", "fe_boottest(31)", "fe_boot()")),
  property("two threads", on_setting(threads = 2L), tol = 0),
  property("whole numbers stored as integers", on_data(function(d) {
    for (v in c("x1", "k")) d[[v]] <- as.integer(d[[v]])
    d
  }), tol = 0),
  property("identifiers as doubles", on_data(function(d) {
    for (v in c("unit", "time", "cl", "group", "half")) d[[v]] <- as.double(d[[v]])
    d
  }), tol = 0),
  property("identifiers as factors", on_data(function(d) {
    for (v in c("unit", "cl", "group", "half")) d[[v]] <- factor(d[[v]])
    d
  }), tol = 0),
  property("identifiers as text", on_data(function(d) {
    for (v in c("unit", "cl", "group")) d[[v]] <- sprintf("%03d", d[[v]])
    d
  }), tol = 0, skip = "predict(newdata)"),
  property("a factor of regressors as text", column("f", as.character), tol = 0),
  property("a tibble", on_data(function(d) {
    if (requireNamespace("tibble", quietly = TRUE)) tibble::as_tibble(d) else d
  }), tol = 0),
  property("a data.table", on_data(function(d) {
    if (requireNamespace("data.table", quietly = TRUE)) data.table::as.data.table(d) else d
  }), tol = 0),
  property("columns in another order, others added", on_data(function(d) {
    d$unused <- NA
    d[rev(names(d))]
  }), tol = 0))

# ---- the check -----------------------------------------------------------------------------------

# Largest difference relative to what is expected, or to the thousandth part of the largest number
# of the same units; Inf if readings do not match.
distance <- function(before, after, p) {
  stays <- !names(before$values) %in% p$ignore
  names <- names(before$values)[stays]
  if (!setequal(names(before$values), names(after$values))) return(Inf)
  wanted <- (before$values * p$y^before$y * p$x^before$x)[stays]
  got <- after$values[match(names, names(after$values))]
  if (any(is.na(wanted) != is.na(got))) return(Inf)
  units <- paste(before$y, before$x)[stays]
  known <- !is.na(wanted) & wanted != got
  size <- stats::ave(abs(wanted), units, FUN = function(v) max(v[is.finite(v)], 0))
  max(0, abs(got - wanted)[known] / pmax(abs(wanted), 1e-3 * size)[known])
}

# Readings of the data as they are, which many properties start from.
known_readings <- new.env()
readings_before <- function(name, base, seed) {
  key <- paste(name, base, seed)
  if (is.null(known_readings[[key]])) {
    s <- bases[[base]](list(d = random_data(seed), m = setting))
    known_readings[[key]] <- estimators[[name]](s$d, s$m)
  }
  known_readings[[key]]
}

check_property <- function(p, name, seed) {
  before <- readings_before(name, p$base, seed)
  s <- bases[[p$base]](list(d = random_data(seed), m = setting))
  set.seed(seed)
  s <- p$change(s)
  distance(before, estimators[[name]](s$d, s$m), p)
}

failed_all <- 0L
for (p in properties) {
  names <- setdiff(if (is.null(p$only)) names(estimators) else p$only, p$skip)
  worst <- 0
  bad <- character()
  seconds <- system.time(for (seed in arguments$seed - 1L + seq_len(times)) for (name in names) {
    gap <- tryCatch(check_property(p, name, seed), error = function(e) {
      cat("  ", name, ": ", conditionMessage(e), "\n", sep = "")
      Inf
    })
    worst <- max(worst, gap)
    if (!(gap <= p$tol)) bad <- c(bad, sprintf("%s (seed %d, %.2g)", name, seed, gap))
  })[["elapsed"]]
  if (length(bad)) cat("  differs: ", paste(bad, collapse = ", "), "\n", sep = "")
  failed_all <- failed_all + length(bad)
  record("metamorphic", sprintf("%s, in %d estimators", p$what, length(names)),
         times * length(names), length(bad),
         if (p$tol == 0) "the same bits" else sprintf("equal to %.1g", p$tol), seconds)
}
quit(status = as.integer(failed_all > 0L))
