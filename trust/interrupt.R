# Interrupts (SIGINT) at random moments of long calls.
#
#   Rscript trust/interrupt.R [--quick] [--seed=N] [--times=N] [--only=regex]
#
# A child session runs the calls of trust/interrupt/calls.R, one for each kind of solver, variance
# and bootstrap, and another process sends it --times signals (default 50; with --quick 7) within
# each. Every signal must end the call as a condition of class "interrupt", within half a second;
# a fit afterwards must give the bits it gave before, and so must the whole call in the end;
# resident memory must not grow over the interrupts.
# Half a second of a machine with nothing else to do: a delay also passes if the session had less
# than half a second of processor time, since the kernel may give it none.
source("trust/record.R")
arguments <- trust_arguments(list(only = "", child = ""))
started <- proc.time()[["elapsed"]]
seconds <- function() proc.time()[["elapsed"]] - started

if (.Platform$OS.type == "windows" || !file.exists("/proc/self/stat")) {
  record("interrupt", "SIGINT at random moments", 0L, 0L,
         "not run: the checks read processor times in /proc", 0)
  quit(status = 0L)
}

out <- tempfile(fileext = ".csv")
args <- c("trust/interrupt/child.R", out, arguments$quick, arguments$seed,
          if (is.null(arguments$times)) if (arguments$quick) 7L else 50L else arguments$times,
          shQuote(arguments$only))
status <- system2(file.path(R.home("bin"), "Rscript"), args)
told <- if (file.exists(out)) utils::read.csv(out) else NULL
unlink(out)
if (status != 0 || is.null(told)) {
  record("interrupt", "SIGINT at random moments", NROW(told), 1L,
         sprintf("the session ended with status %d", status), seconds())
  quit(status = 1L)
}

for (name in unique(told$call)) {
  of <- told[told$call == name, ]
  inside <- of[of$outcome != "late", ]
  record("interrupt", sprintf("SIGINT at random moments of a call: %s", name), nrow(inside),
         sum(!inside$ok),
         sprintf(paste("an interrupt condition, session right; at most %.2f s after the signal,",
                       "%.2f s of processor time"), max(0, inside$delay), max(0, inside$cpu)),
         sum(of$seconds))
}
# R's heap takes a step now and then, a leak grows from each interrupt of a call to the next: the
# median of the steps tells them apart.
typical <- function(memory) length(memory) * stats::median(diff(memory))
growth <- max(vapply(split(told$memory, told$call), typical, 0))
record("interrupt", "resident memory over the interrupts of a call", nrow(told),
       as.integer(growth > 10),
       sprintf("grows by %.1f MB at most (limit 10)", max(growth, 0)), seconds())
quit(status = as.integer(any(!told$ok) || growth > 10))
