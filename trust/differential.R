# Random models against an oracle of dense dummies, and against peers where they have the feature.
#   Rscript trust/differential.R [--quick] [--seed=N] [--times=N] [--first=N] [--peers=share]
# Model i of seed s is random_model(s, i), whatever else is run. A disagreement is shrunk and
# printed as R code. --quick: 500 models; without it 20,000.
source("trust/record.R")
suppressPackageStartupMessages(library(fepanel))
source("tests/testthat/helper-oracle.R")
for (part in c("generate", "oracle", "variance", "compare", "peers", "shrink")) {
  source(file.path("trust/differential", paste0(part, ".R")))
}
arguments <- trust_arguments(list(first = 1L, peers = 0.5))
times <- arguments$times
if (is.null(times)) times <- if (arguments$quick) 500L else 20000L
first <- arguments$first
seed <- arguments$seed

# What a spec shows: its first difference without the figures in parentheses; NULL: none.
first_difference <- function(spec) {
  r <- check_spec(spec)
  if (r$state == "different") trimws(sub("\\(.*", "", r$what[1L]))
}

peer_difference <- function(name) function(spec) {
  r <- check_spec(spec)
  if (r$state != "equal") return(NULL)
  what <- check_peer(name, r$fits, r$truths, spec)
  if (length(what)) trimws(sub("\\(.*", "", what[1L]))
}

report <- function(i, spec, what, kind) {
  cat(sprintf("\nmodel %d of seed %d: %s\n", i, seed, paste(unique(what), collapse = "; ")))
  cat(spec_code(shrink_spec(spec, kind)), sep = "\n")
}

state <- list(equal = 0L, refused = 0L, undecidable = 0L, different = 0L)
models <- 0L
peer <- list(times = integer(), failed = integer())
count_peer <- function(name, n, bad) {
  peer$times[name] <<- sum(peer$times[name], n, na.rm = TRUE)
  peer$failed[name] <<- sum(peer$failed[name], bad, na.rm = TRUE)
}

seconds <- system.time(for (i in first - 1L + seq_len(times)) {
  spec <- random_model(seed, i)
  r <- tryCatch(check_spec(spec), error = function(e) {
    list(state = "different", what = paste("the oracle failed:", conditionMessage(e)))
  })
  state[[r$state]] <- state[[r$state]] + 1L
  models <- models + length(r$fits)
  if (r$state == "different") report(i, spec, r$what, first_difference)
  asked <- i %% 100L < 100 * arguments$peers
  if (r$state == "equal" && asked) for (name in names(peers)) {
    what <- check_peer(name, r$fits, r$truths, spec)
    count_peer(name, attr(what, "times"), length(what) > 0L)
    if (length(what)) report(i, spec, what, peer_difference(name))
  }
  if (i %% 500L == 0L) cat(i - first + 1L, "calls:", paste(state, names(state)), "\n")
})[["elapsed"]]

record("differential", sprintf(paste("random calls of fe_lm() against dense dummies and QR,",
                                     "seed %d, %d to %d"), seed, first, first + times - 1L),
       times, state$different,
       sprintf(paste("%d equal to rounding (%d models), %d refused by both, %d left undecided by",
                     "rounding"), state$equal, models, state$refused, state$undecidable), seconds)
for (name in names(peers)) {
  if (!installed(sub("^lm$", "stats", name))) {
    record("differential", paste("the same models in", name), 0L, 0L,
           sprintf("not run: %s is not installed", name), 0)
  } else {
    record("differential", paste("the same models in", name), sum(peer$times[name], na.rm = TRUE),
           sum(peer$failed[name], na.rm = TRUE), "equal to the peer's precision", 0)
  }
}
quit(status = as.integer(state$different > 0L || sum(peer$failed) > 0L))
