# FixedEffectModels.jl, where Julia and the package are installed.

source("timers/external.R", local = TRUE)
external <- new_external("julia", "timers/julia.jl", c("-e", shQuote("using FixedEffectModels")))
list2env(external, environment())
