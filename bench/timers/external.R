# Rivals outside of R: the columns are written as binary files, a script reads them, runs the model
# once on a few rows and once on all, and prints
#   version <text>, seconds <number>, peak_mb <number>, increment_mb <number>, coef <numbers>,
#   se <numbers>
# one to a line. The seconds are the script's own, without starting, reading and compiling.

new_external <- function(interpreter, script, probe) {
  state <- new.env()
  list(
    available = function() {
      nzchar(Sys.which(interpreter)) &&
        system2(interpreter, probe, stdout = FALSE, stderr = FALSE) == 0L
    },
    prepare = function(threads) state$threads <- threads,
    supports = function(case) case$task == "fit" && case$dgp != "digitrade",
    load = function(case, data) {
      state$dir <- tempfile("columns")
      dir.create(state$dir)
      write_columns(data, state$dir)
    },
    run = function(case, data) {
      args <- c(script, state$dir, case$y, case$x, case$fe, case$vcov, state$threads)
      out <- system2(interpreter, shQuote(args), stdout = TRUE, stderr = FALSE, timeout = 3600)
      read_answer(out)
    }
  )
}

# <dir>/columns.txt: "name type" in each line; <dir>/<name>.bin: little-endian doubles or 32-bit
# integers.
write_columns <- function(data, dir) {
  type <- ifelse(vapply(data, is.integer, NA), "int32", "float64")
  writeLines(paste(names(data), type), file.path(dir, "columns.txt"))
  for (name in names(data)) {
    con <- file(file.path(dir, paste0(name, ".bin")), "wb")
    writeBin(data[[name]], con, endian = "little")
    close(con)
  }
}

read_answer <- function(lines) {
  value <- function(key) {
    start <- paste0("^", key, " ")
    sub(start, "", grep(start, lines, value = TRUE))
  }
  numbers <- function(key) as.numeric(strsplit(paste(value(key), collapse = " "), " +")[[1L]])
  if (!length(value("seconds"))) stop("the script gave no answer")
  list(coef = numbers("coef"), se = numbers("se"), seconds = numbers("seconds"),
       peak_mb = numbers("peak_mb"), increment_mb = numbers("increment_mb"),
       version = value("version"))
}
