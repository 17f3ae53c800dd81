# What stops a computation from outside: memory that runs out, and the user. Each case is an R
# session of its own, which must go on afterwards.
run_child <- function(lines, limit = NULL) {
  script <- tempfile(fileext = ".R")
  on.exit(unlink(script))
  paths <- paste(encodeString(.libPaths(), quote = "\""), collapse = ", ")
  writeLines(c(sprintf(".libPaths(c(%s))", paths), "library(fepanel)", lines,
               "d <- data.frame(y = sin(1:50), x = cos(1:50), g = rep(1:5, 10))",
               "cat(\"then:\", is.finite(coef(fe_lm(y ~ x | g, d))), \"\\n\")"), script)
  command <- paste("exec", shQuote(file.path(R.home("bin"), "Rscript")), "--vanilla",
                   shQuote(script), "2>&1")
  if (!is.null(limit)) command <- sprintf("ulimit -v %.0f; %s", limit, command)
  said <- suppressWarnings(system2("sh", c("-c", shQuote(command)), stdout = TRUE))
  list(status = if (is.null(attr(said, "status"))) 0L else attr(said, "status"), said = said)
}

# What follows the label on a line of the child's.
child_says <- function(child, label) {
  sub(paste0("^", label, ": *"), "", grep(paste0("^", label, ":"), child$said, value = TRUE))
}

skip_unless_posix <- function() {
  skip_on_cran()
  skip_on_os("windows")
}

# ---- memory --------------------------------------------------------------------------------------

three_way <- c(
  "n <- 1e6L", "set.seed(1)",
  "d <- data.frame(x = rnorm(n), a = sample.int(n %/% 20L, n, TRUE),",
  "                b = sample.int(n %/% 40L, n, TRUE), c = sample.int(200L, n, TRUE))",
  "d$y <- d$x + rnorm(n)", "invisible(gc())",
  "cat(\"size:\", sub(\"[^0-9]*([0-9]+).*\", \"\\\\1\", grep(\"VmSize\", readLines(",
  "  \"/proc/self/status\"), value = TRUE)), \"\\n\")")
fit_or_say <- c(
  "first <- tryCatch(coef(fe_lm(y ~ x | a + b + c, d, threads = 2)), error = conditionMessage)",
  "cat(\"first:\", first, \"\\n\")")

test_that("lack of memory is no property of a model, and passes where such errors are caught", {
  expect_error(fepanel:::raise_memory(), "memory", class = "fe_memory")
  expect_error(fepanel:::raise_memory(), class = "fe_error")
  expect_error(fepanel:::leverage_or_null(fepanel:::raise_memory()), class = "fe_memory")
  expect_error(fepanel:::full_leverage(fepanel:::raise_memory(), list(n_levels = 2L)),
               class = "fe_memory")
})

test_that("too little memory is an R error that says so, and the session goes on", {
  skip_unless_posix()
  skip_if_not(file.exists("/proc/self/status"), "the size of the session cannot be told")
  size <- as.numeric(child_says(run_child(three_way), "size"))
  says <- vapply(c(4, 12, 20, 1000), function(room) {
    child <- run_child(c(three_way, fit_or_say), limit = size + 1024 * room)
    expect_identical(child$status, 0L)
    expect_identical(child_says(child, "then"), "TRUE ")
    child_says(child, "first")
  }, "")
  expect_match(says[1:3], "memory|cannot allocate", all = TRUE)
  expect_match(says[[4L]], "^[01]\\.[0-9]+ $")
})

# ---- interrupts ----------------------------------------------------------------------------------

# A ring of a million firms, which iterations do not get around.
long_ring <- c("n <- 1e6L", "worker <- rep(seq_len(n), each = 2L)", "firm <- c(worker[-1L], 1L)",
               "x <- matrix(sin(seq_len(4 * n)), 2L * n)")

# Three times the call is interrupted after a second; the shortest delay is told, since a machine
# at work may be late with the signal itself.
interrupted_lines <- function(call) {
  c("late <- vapply(1:3, function(try) {",
    "  system(sprintf(\"(sleep 1; kill -INT %d) >/dev/null 2>&1 &\", Sys.getpid()))",
    "  start <- proc.time()[[3L]]",
    sprintf("  stopped <- tryCatch({%s; FALSE}, interrupt = function(i) TRUE)", call),
    "  if (stopped) proc.time()[[3L]] - start - 1 else Inf",
    "}, 0)",
    "cat(\"late:\", min(late), \"\\n\")")
}

test_that("an interrupt stops the absorption within half a second, on one thread and on two", {
  skip_unless_posix()
  for (threads in 1:2) {
    call <- sprintf(paste("fe_demean(x, list(worker, firm), threads = %d,",
                          "control = fe_control(solver = \"cg\", max_iter = 1e6))"), threads)
    child <- run_child(c(long_ring, interrupted_lines(call)))
    expect_identical(child$status, 0L)
    expect_lt(as.numeric(child_says(child, "late")), 0.5)
    expect_identical(child_says(child, "then"), "TRUE ")
  }
})
