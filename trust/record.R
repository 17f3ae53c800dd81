# One row of the table "fault injected, times, outcome": printed, and appended to the CSV file that
# FEPANEL_TRUST_OUT names. trust/record.sh writes the same row.
#   check    the script, what  the fault injected or the property, in words
#   times    how often it was done, failed  how many ended otherwise than they must
#   outcome  in words; "not run: <reason>" where the machine lacks what is needed
record <- function(check, what, times, failed, outcome, seconds) {
  row <- data.frame(check, what, times = as.integer(times), failed = as.integer(failed), outcome,
                    seconds = round(as.numeric(seconds), 1), date = format(Sys.Date()))
  cat(sprintf("%s: %s: %d times, %d failed: %s (%.1f s)\n",
              check, what, row$times, row$failed, outcome, row$seconds))
  out <- Sys.getenv("FEPANEL_TRUST_OUT")
  if (nzchar(out)) {
    new <- !file.exists(out)
    utils::write.table(row, out, sep = ",", row.names = FALSE, col.names = new, append = !new)
  }
  invisible(row)
}

# The arguments of a check: --quick, --seed=N, --times=N and --name=value of its own, as a list.
trust_arguments <- function(defaults = list()) {
  given <- commandArgs(TRUE)
  values <- utils::modifyList(list(quick = FALSE, seed = 1L, times = NULL), defaults)
  for (argument in given) {
    name <- sub("^--([a-z]+)(=.*)?$", "\\1", argument)
    if (!startsWith(argument, "--") || !name %in% c(names(values), "times")) {
      stop("unknown argument ", argument, call. = FALSE)
    }
    value <- sub("^--[a-z]+=?", "", argument)
    values[[name]] <- if (!nzchar(value)) TRUE else utils::type.convert(value, as.is = TRUE)
  }
  values
}
