# pyfixest, where Python and the package are installed.

source("timers/external.R", local = TRUE)
external <- new_external("python3", "timers/pyfixest.py", c("-c", shQuote("import pyfixest")))
list2env(external, environment())
