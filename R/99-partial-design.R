# Packages that compute leverages from the model matrix, which has no column for absorbed effects.

# An error if one of them asks for the matrix of a model with fixed effects or instruments: what it
# would do with it is wrong, and nothing would say so. asker: the namespace that asks.
refuse_partial_design <- function(m, asker) {
  if (!(length(m$factors) || is_iv(m)) || !isNamespace(asker)) return(invisible())
  name <- getNamespaceName(asker)[[1L]]
  if (!name %in% c("sandwich", "clubSandwich")) return(invisible())
  stop_arg("object", sprintf(paste("has %s, which the model matrix that %s works with does not",
                                   "hold: its answer would be wrong"),
                             if (is_iv(m)) "instruments" else "absorbed fixed effects", name),
           paste("Use vcov() or summary() with the variance of this package, see ?vcov.fe_lm;",
                 "or estimate with lm() and dummies"))
}
