# The session that is interrupted: writes a row for each signal, which trust/interrupt.R reads.
#   Rscript trust/interrupt/child.R OUT QUICK SEED TIMES ONLY
library(fepanel)
source("trust/interrupt/calls.R")
source("trust/processes/cases.R")
given <- commandArgs(TRUE)
out <- given[[1L]]
quick <- as.logical(given[[2L]])
set.seed(as.integer(given[[3L]]))
times <- as.integer(given[[4L]])
only <- if (length(given) > 4L) given[[5L]] else ""
options(fepanel.threads = 2L)
ticks <- 100 # of /proc/*/stat, a second

# The sender notes the clock and what /proc tells of this process, and signals at once: on a busy
# machine any program that it started in between would be part of the delay.
sent_file <- tempfile()
send_after <- function(delay) {
  unlink(sent_file)
  pid <- Sys.getpid()
  system(sprintf(paste("(sleep %.3f; read up rest < /proc/uptime; read stat < /proc/%d/stat;",
                       "kill -INT %d; echo $up $stat > %s) > /dev/null 2>&1 &"),
                 delay, pid, pid, sent_file))
}
clock <- function() scan("/proc/uptime", quiet = TRUE)[1L]
processor <- function() sum(proc.time()[1:2])

# -> c(delay, processor time) since the signal was sent
since_sent <- function(at_clock, at_processor) {
  sent <- character()
  while (length(sent) < 16L) { # the sender writes after it has signalled
    Sys.sleep(0.01)
    if (file.exists(sent_file)) sent <- scan(sent_file, "", quiet = TRUE)
  }
  sent <- as.numeric(sent[c(1L, 15L, 16L)])
  c(at_clock - sent[1L], at_processor - sum(sent[2:3]) / ticks)
}

# One call with one signal -> a row
interrupted <- function(name, delay) {
  start <- clock()
  late <- FALSE
  ended <- tryCatch({
    send_after(delay)
    suppressWarnings(eval(interrupt_calls[[name]], globalenv()))
    late <- TRUE
    Sys.sleep(60)
    "the signal got lost"
  }, interrupt = function(i) c(clock(), processor()), error = conditionMessage)
  if (late && is.numeric(ended)) ended <- "late"
  told <- if (is.numeric(ended)) since_sent(ended[1L], ended[2L]) else c(NA, NA)
  outcome <- if (is.numeric(ended)) "interrupt" else ended
  session <- identical(small(), small_right)
  ok <- session && outcome %in% c("interrupt", "late") && !isTRUE(min(told) > 0.5)
  if (!ok) cat(sprintf("  %s after %.2f s: %s, %.2f s, %.2f s of processor time, then %s\n", name,
                       delay, outcome, told[1L], told[2L], session))
  data.frame(call = name, after = delay, outcome, delay = told[1L], cpu = told[2L], ok,
             memory = resident_mb(), seconds = clock() - start)
}

k <- if (quick) 1 else 5
d <- interrupt_data(60000L * k)
m <- fe_lm(y ~ x + z | unit + time, d, vcov = ~place)
small <- function() coef(fe_lm(y ~ x + z | unit + time, d[1:2000, ], vcov = ~place))
small_right <- small()
names <- if (quick) quick_calls else names(interrupt_calls)
for (name in grep(only, names, value = TRUE)) {
  begun <- clock()
  cat(name, "")
  right <- suppressWarnings(eval(interrupt_calls[[name]]))
  whole <- clock() - begun
  rows <- do.call(rbind, lapply(seq_len(times), function(i) {
    upto <- 0.9 * if (quick) min(whole, 0.5) else whole
    for (try in 1:3) { # a signal that comes late is sent anew, sooner
      row <- interrupted(name, stats::runif(1L, 0, upto / try))
      if (row$outcome != "late") break
    }
    row
  }))
  again <- suppressWarnings(eval(interrupt_calls[[name]]))
  if (!identical(again, right)) {
    cat("  ", name, " gives something else after the interrupts\n", sep = "")
    rows$ok[times] <- FALSE
  }
  cat(sprintf("%.2f s\n", whole))
  utils::write.table(rows, out, sep = ",", row.names = FALSE, col.names = !file.exists(out),
                     append = file.exists(out))
}
