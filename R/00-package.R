#' fepanel: fixed-effects panel econometrics
#'
#' The way of a model through the package, each stage a file of this number:
#' formula (10) -> frame: variables, rows, ledger (20) -> design matrix (25) -> integer codes of the
#' fixed effects (30) -> absorb (40) -> solve (50) -> fit (55) -> variance (60), small-sample
#' conventions (65) -> inference (70) -> bootstrap (72, 73), mediation (75), moderation (77), index
#' (80), descriptives (82) -> tables (85) -> figures (90).
#'
#' @keywords internal
#' @useDynLib fepanel, .registration = TRUE
#' @importFrom stats coef vcov confint nobs formula terms df.residual deviance sigma weights
#' residuals
#'   fitted hatvalues logLik case.names model.frame model.matrix update anova predict
"_PACKAGE"
