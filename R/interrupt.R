# Called by the compiled code once an allocation has failed and what it had is freed.
raise_memory <- function() {
  stop_arg("data", "needs more memory than there is: an allocation in compiled code failed",
           "Use fewer rows or columns at a time, or lean = TRUE; close what else takes memory")
}

# Called by the compiled code once an interrupt has stopped it and its memory is freed: what R
# itself does on an interrupt, so that tryCatch(interrupt = ) sees it and tryCatch(error = ) does
# not.
raise_interrupt <- function() {
  signalCondition(structure(list(message = "interrupted", call = NULL),
                            class = c("interrupt", "condition")))
  invokeRestart("abort")
}
