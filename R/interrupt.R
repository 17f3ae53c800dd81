# Called by the compiled code once an allocation has failed and what it had is freed. The error has
# a class of its own, "fe_memory", for it tells nothing about the model: unless_memory() lets it
# through where an fe_error is caught because it does.
raise_memory <- function() {
  e <- tryCatch(
    stop_arg("data", "needs more memory than there is: an allocation in compiled code failed",
             "Use fewer rows or columns at a time, or lean = TRUE; close what else takes memory"),
    fe_error = identity)
  class(e) <- c("fe_memory", class(e))
  stop(e)
}

# A handler of tryCatch() that raises lack of memory again.
unless_memory <- function(handler) {
  function(e) if (inherits(e, "fe_memory")) stop(e) else handler(e)
}

# Called by the compiled code once an interrupt has stopped it and its memory is freed: what R
# itself does on an interrupt, so that tryCatch(interrupt = ) sees it and tryCatch(error = ) does
# not.
raise_interrupt <- function() {
  signalCondition(structure(list(message = "interrupted", call = NULL),
                            class = c("interrupt", "condition")))
  invokeRestart("abort")
}
