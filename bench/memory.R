# How a call ends that is given too little memory: a session with its data in place runs
# `fe_lm()` with three factors under a limit (`ulimit -v`) of its own size and so much more, in
# rising steps. Below what it needs the call must end in an R error that speaks of memory, and the
# session go on; the first step that is enough must give the estimate.
#
#   Rscript bench/memory.R [--rows=1e7]
#
# POSIX with /proc. The exit status is 1 if some step ends otherwise.

args <- commandArgs(trailingOnly = TRUE)
rows <- sub("^--rows=", "", grep("^--rows=", args, value = TRUE))
n <- if (length(rows)) as.numeric(rows) else 1e7
steps <- round(n / 1e7 * c(16, 64, 128, 256, 384, 512, 768, 1024, 1536)) # MB

data_lines <- c(
  "suppressMessages(library(fepanel))", sprintf("n <- %.0f", n), "set.seed(1)",
  "d <- data.frame(x = rnorm(n), a = sample.int(n %/% 20, n, TRUE),",
  "                b = sample.int(ceiling(sqrt(n)), n, TRUE), c = sample.int(200L, n, TRUE))",
  "d$y <- d$x + rnorm(n)", "invisible(gc())",
  "size <- grep(\"VmSize\", readLines(\"/proc/self/status\"), value = TRUE)",
  "cat(\"size:\", sub(\"[^0-9]*([0-9]+).*\", \"\\\\1\", size), \"\\n\")")
call_lines <- c(
  "said <- tryCatch(format(coef(fe_lm(y ~ x | a + b + c, d))[[1L]], digits = 10),",
  "                 error = conditionMessage)",
  "cat(\"call:\", said, \"\\n\")",
  "s <- data.frame(y = sin(1:50), x = cos(1:50), g = rep(1:5, 10))",
  "cat(\"then:\", is.finite(coef(fe_lm(y ~ x | g, s))[[1L]]), \"\\n\")")

run_session <- function(lines, limit = NULL) {
  script <- tempfile(fileext = ".R")
  on.exit(unlink(script))
  writeLines(c(sprintf(".libPaths(%s)", paste(deparse(.libPaths()), collapse = "")), lines), script)
  command <- paste("exec", shQuote(file.path(R.home("bin"), "Rscript")), "--vanilla",
                   shQuote(script), "2>&1")
  if (!is.null(limit)) command <- sprintf("ulimit -v %.0f; %s", limit, command)
  suppressWarnings(system2("sh", c("-c", shQuote(command)), stdout = TRUE))
}

line_of <- function(said, label) {
  found <- sub(paste0("^", label, ": *(.*?) *$"), "\\1",
               grep(paste0("^", label, ":"), said, value = TRUE))
  if (length(found)) found[1L] else paste("the session ended:", tail(said, 1L))
}

size <- as.numeric(line_of(run_session(data_lines), "size"))
cat(sprintf("%.0f rows, three factors; the session with its data takes %.0f MB\n", n, size / 1024))
ok <- enough <- FALSE
for (step in steps) {
  said <- run_session(c(data_lines, call_lines), size + 1024 * step)
  call <- line_of(said, "call")
  enough <- grepl("^-?[0-9.]+$", call)
  clean <- identical(line_of(said, "then"), "TRUE") &&
    (if (enough) abs(as.numeric(call) - 1) < 0.01 else grepl("memory|cannot allocate", call))
  cat(sprintf("%5.0f MB more: %s%s\n", step, call, if (clean) "" else "   <- NOT CLEAN"))
  ok <- clean && (ok || step == steps[1L])
  if (enough) break
}
if (!ok || !enough) quit(status = 1L)
