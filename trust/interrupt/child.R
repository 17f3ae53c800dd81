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

# The processor time of this process and the clock, as the sender of a signal notes them.
sent_file <- tempfile()
send_after <- function(delay) {
  unlink(sent_file)
  pid <- Sys.getpid()
  system(sprintf(paste("(sleep %.3f; cut -d' ' -f14,15 /proc/%d/stat > %s; date +%%s.%%N >> %s;",
                       "kill -INT %d) > /dev/null 2>&1 &"), delay, pid, sent_file, sent_file, pid))
}
clock <- function() as.numeric(Sys.time())
processor <- function() sum(proc.time()[1:2])

# -> c(delay, processor time) since the signal was sent
since_sent <- function(at_clock, at_processor) {
  sent <- scan(sent_file, quiet = TRUE)
  c(at_clock - sent[3L], at_processor - sum(sent[1:2]) / ticks)
}

# Waits for a signal that comes after the call has ended.
wait_for_signal <- function() {
  for (i in 1:600) {
    stopped <- tryCatch({
      Sys.sleep(0.1)
      FALSE
    }, interrupt = function(i) TRUE)
    if (stopped) return()
  }
  stop("a signal got lost")
}

# One call with one signal -> a row
interrupted <- function(name, delay) {
  start <- clock()
  ended <- tryCatch({
    send_after(delay)
    suppressWarnings(eval(interrupt_calls[[name]], globalenv()))
    "late"
  }, interrupt = function(i) c(clock(), processor()), error = conditionMessage)
  if (is.character(ended)) wait_for_signal()
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
    interrupted(name, stats::runif(1L, 0, 0.9 * if (quick) min(whole, 0.5) else whole))
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
