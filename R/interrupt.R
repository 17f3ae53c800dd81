# Called by the compiled code once an interrupt has stopped it and its memory is freed: what R
# itself does on an interrupt, so that tryCatch(interrupt = ) sees it and tryCatch(error = ) does
# not.
raise_interrupt <- function() {
  signalCondition(structure(list(message = "interrupted", call = NULL),
                            class = c("interrupt", "condition")))
  invokeRestart("abort")
}
