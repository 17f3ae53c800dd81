# One child process for each rival: the children hold the data while they are asked in turn, so that
# each has a peak memory of its own and can be ended when it takes too long.

start_worker <- function(timer, threads, folder) {
  name <- sub("[.]R$", "", basename(timer))
  ended <- file.path(folder, paste0(name, "-ended"))
  log <- file.path(folder, paste0(name, ".log"))
  command <- sprintf("%s worker.R %s %d %s >%s 2>&1; echo >%s",
                     shQuote(file.path(R.home("bin"), "Rscript")), shQuote(timer), threads,
                     shQuote(folder), shQuote(log), shQuote(ended))
  worker <- new.env()
  worker$name <- name
  worker$folder <- folder
  worker$ended <- ended
  worker$log <- log
  worker$number <- 0L
  worker$input <- pipe(command, "w")
  worker
}

# The next answer, or list(error = ) if the child ended or `limit` seconds passed.
wait_answer <- function(worker, limit) {
  path <- file.path(worker$folder, sprintf("%s-%d.rds", worker$name, worker$number))
  start <- Sys.time()
  repeat {
    if (file.exists(path)) return(readRDS(path))
    if (file.exists(worker$ended)) return(list(error = last_words(worker)))
    if (difftime(Sys.time(), start, units = "secs") > limit) {
      return(list(error = sprintf("> %g s", limit), over = limit))
    }
    Sys.sleep(0.005)
  }
}

last_words <- function(worker) {
  words <- tail(grep("[^[:space:]]", readLines(worker$log, warn = FALSE), value = TRUE), 1L)
  paste(c("the process ended", words), collapse = ": ")
}

# Asks for `reps` calls in a row; a child that is over its limit or gone is ended.
ask <- function(worker, reps, limit) {
  if (!is.null(worker$failure)) return(list(error = worker$failure))
  worker$number <- worker$number + 1L
  writeLines(paste("run", reps), worker$input)
  flush(worker$input)
  reply <- wait_answer(worker, limit * reps)
  if (!is.null(reply$error)) stop_worker(worker, kill = TRUE)
  reply
}

stop_worker <- function(worker, kill = FALSE) {
  if (is.null(worker$input)) return(invisible())
  pid_file <- file.path(worker$folder, paste0(worker$name, ".pid"))
  if (kill && file.exists(pid_file) && !file.exists(worker$ended)) {
    tools::pskill(as.integer(readLines(pid_file)), tools::SIGKILL)
  }
  try(close(worker$input), silent = TRUE)
  worker$input <- NULL
}

# Starts a child for each timer and waits until all have their data; `failure` of a child that does
# not get there is the message.
ready_workers <- function(timers, threads, folder, patience = 900) {
  workers <- lapply(timers, start_worker, threads, folder)
  for (worker in workers) {
    worker$failure <- wait_answer(worker, patience)$error
    if (!is.null(worker$failure)) stop_worker(worker, kill = TRUE)
  }
  workers
}
