# What texreg asks of a model. Its extract() is an S4 generic, for which there is no registration as
# there is for S3: the methods are set when texreg is loaded, before or after this package.

.onLoad <- function(libname, pkgname) {
  if (isNamespaceLoaded("texreg")) return(set_texreg_methods())
  forget_texreg_hook()
  setHook(packageEvent("texreg", "onLoad"), set_texreg_methods)
}

# A hook of an earlier load of this package would keep that whole namespace in memory.
forget_texreg_hook <- function() {
  event <- packageEvent("texreg", "onLoad")
  ours <- function(hook) is.function(hook) && environmentName(topenv(environment(hook))) == "fepanel"
  setHook(event, Filter(Negate(ours), getHook(event)), "replace")
}

# The classes of one model and of what holds several.
set_texreg_methods <- function(...) {
  home <- new.env() # namespaces are locked
  extract <- getExportedValue("texreg", "extract")
  set <- function(class, method) {
    methods::setOldClass(class, where = home)
    methods::setMethod(extract, class, method, where = home)
  }
  set("fe_lm", texreg_model)
  for (class in c("fe_lm_list", "fe_moderate", "fe_mediate", "fe_heterogeneity", "fe_robust")) {
    set(class, function(model, ...) lapply(unname(table_models(model)), texreg_model, ...))
  }
}

# Coefficients with the model's own standard errors and p-values.
texreg_model <- function(model, include.rsquared = TRUE, include.adjrs = TRUE, include.nobs = TRUE,
                         include.groups = TRUE, include.fstatistic = TRUE, ...) {
  table <- coef_table(model)
  fit <- fit_statistics(model)
  sizes <- model$fixef_sizes
  gof <- c(if (include.rsquared) c(`R^2` = fit$r.squared),
           if (include.adjrs) c(`Adj. R^2` = fit$adj.r.squared),
           if (include.rsquared && length(sizes)) c(`Within R^2` = fit$within.r.squared),
           if (include.fstatistic && is_iv(model)) {
             c(`First-stage F` = min(first_stage_tests(model)$statistic))
           },
           if (include.nobs) c(`Num. obs.` = model$nobs),
           if (include.groups && length(sizes)) {
             stats::setNames(as.double(sizes), paste("Num. groups:", names(sizes)))
           })
  getExportedValue("texreg", "createTexreg")(
    coef.names = table$term, coef = table$estimate, se = table$std.error, pvalues = table$p.value,
    gof.names = names(gof), gof = unname(gof), gof.decimal = !startsWith(names(gof), "Num."))
}
