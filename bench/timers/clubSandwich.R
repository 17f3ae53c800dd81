# clubSandwich on plm::plm() with two-way effects: CR2 with Satterthwaite's degrees of freedom, and
# CR3.

available <- function() {
  requireNamespace("clubSandwich", quietly = TRUE) && requireNamespace("plm", quietly = TRUE)
}

prepare <- function(threads) invisible()

supports <- function(case) case$task %in% c("CR2", "CR3") && case$n <= 1e5

state <- new.env()

# clubSandwich evaluates parts of the call again, so they are values here.
fit <- function(case, data) {
  state$model <- do.call(plm::plm, list(fe_formula(case, ""), data, index = terms_of(case$fe),
                                        model = "within", effect = "twoways"))
  state$cluster <- data[[case$vcov]]
}

run <- function(case, data) {
  if (case$task == "CR3") {
    v <- clubSandwich::vcovCR(state$model, state$cluster, type = "CR3")
    return(list(coef = sqrt(diag(as.matrix(v))), se = sqrt(diag(as.matrix(v)))))
  }
  test <- clubSandwich::coef_test(state$model, vcov = "CR2", cluster = state$cluster,
                                  test = "Satterthwaite")
  list(coef = c(test$SE, test$df_Satt), se = test$SE)
}
