# The cases, one line each.
#
#   name, dgp, n     the generator gen_<dgp>() of generators.R, its rows
#   args             further arguments of the generator
#   task             "fit": one model; "stepwise": the models with the first 1, 2, ... regressors;
#                    "mediate": indirect effects of two parallel mediators, 10,000 bootstrap
#                    replicates;
#                    "robust": the first regressor with every subset of the others.
#                    The others are timed after the fit, which is not counted: "CR2" (standard
#                    errors and Satterthwaite's degrees of freedom), "CR3", "conley", "wild B" (wild
#                    cluster bootstrap test of the first regressor, with its confidence set),
#                    "pairs R" (pairs cluster bootstrap)
#   y, x, fe         left side, regressors, absorbed effects, the latter two joined by " + "
#   vcov             "iid", "HC1" or the cluster variables joined by " + "
#   against, ratio   the rivals that the target names, and how many times faster than each of them
#                    fe_lm() should be
#   memory           target for the peak memory as a share of each of theirs
#   seconds          target for fe_lm() alone, in seconds
#   tolerance        largest relative error allowed in fe_lm()'s coefficients
#   reference        how the tight solution is made, see reference.R; "rival": what the first rival
#                    that the target names gives; "none"
#   reps             calls in a row in each round, for calls that take milliseconds
#   quick, full      the sets that the case belongs to

case <- function(name, dgp, n, x, fe, vcov = "iid", ratio = NA, against = "fixest", args = "",
                 y = "y", task = "fit", memory = NA, seconds = NA, tolerance = 1e-12,
                 reference = "sparse", reps = 1L, quick = FALSE, full = TRUE) {
  data.frame(name, dgp, n, args, task, y, x, fe, vcov, against, ratio, memory, seconds, tolerance,
             reference, reps, quick, full)
}

two_way <- "indiv + firm"
three_way <- "indiv + firm + year"

simple_cases <- function() {
  rbind(
    case("simple 2-way 1e6", "simple", 1e6, "x1", two_way, ratio = 4, quick = TRUE),
    case("simple 3-way 1e6", "simple", 1e6, "x1", three_way, ratio = 3, quick = TRUE),
    case("simple 2-way 1e6, two clusters", "simple", 1e6, "x1", two_way, "indiv + firm", 4,
         quick = TRUE, full = FALSE),
    # the sparse factor of ten million rows on such a graph is dense
    case("simple 2-way 1e7", "simple", 1e7, "x1", two_way, ratio = 4, memory = 0.5,
         reference = "fixest"),
    case("simple 3-way 1e7", "simple", 1e7, "x1", three_way, ratio = 3, memory = 0.5,
         reference = "fixest"),
    case("simple 2-way 1e7, one cluster", "simple", 1e7, "x1", two_way, "indiv", 4,
         reference = "fixest"),
    case("simple 2-way 1e7, two clusters", "simple", 1e7, "x1", two_way, "indiv + firm", 4,
         reference = "fixest"),
    case("balanced 2-way 1e6", "balanced", 1e6, "x1", "indiv + year", ratio = 5, quick = TRUE),
    case("balanced 2-way 1e7", "balanced", 1e7, "x1", "indiv + year", ratio = 5,
         reference = "fixest")
  )
}

hard_case <- function(...) case(..., tolerance = 1e-9)

difficult_cases <- function() {
  rbind(
    hard_case("difficult 2-way 1e6", "difficult", 1e6, "x1 + x2", two_way, ratio = 15,
              quick = TRUE),
    hard_case("difficult 3-way 1e6", "difficult", 1e6, "x1 + x2", three_way, ratio = 25,
              quick = TRUE),
    hard_case("difficult 2-way 1e7", "difficult", 1e7, "x1 + x2", two_way, ratio = 15),
    hard_case("difficult 3-way 1e7", "difficult", 1e7, "x1 + x2", three_way, ratio = 25),
    hard_case("kylebutts difficult 3-way 1e6", "kylebutts", 1e6, "x1", three_way, ratio = 15,
              quick = TRUE),
    hard_case("kylebutts difficult 3-way 1e7", "kylebutts", 1e7, "x1", three_way, ratio = 15),
    hard_case("kylebutts difficult 3-way 1e6, 10 regressors", "kylebutts", 1e6,
              paste0("x", 1:10, collapse = " + "), three_way, args = "k = 10"),
    case("kylebutts simple 3-way 1e6", "kylebutts", 1e6, "x1", three_way,
         args = "difficult = FALSE")
  )
}

akm_cases <- function() {
  sparse <- "rho = 1, delta = 0.001"
  sorted <- "rho = 20, delta = 0.02"
  rbind(
    case("AKM base 2-way 1e6", "akm", 1e6, "x1", two_way, ratio = 4, tolerance = 1e-9,
         reference = "fixest"),
    case("AKM base 3-way 1e6", "akm", 1e6, "x1", three_way, ratio = 4, tolerance = 1e-9,
         reference = "fixest"),
    hard_case("AKM sparse mobility 2-way 1e6", "akm", 1e6, "x1", two_way, args = sparse,
              ratio = 20),
    hard_case("AKM sparse mobility 3-way 1e6", "akm", 1e6, "x1", three_way, args = sparse,
              ratio = 20, quick = TRUE),
    hard_case("AKM strong sorting 2-way 1e6", "akm", 1e6, "x1", two_way, args = sorted,
              ratio = 20, quick = TRUE),
    hard_case("AKM strong sorting 3-way 1e6", "akm", 1e6, "x1", three_way, args = sorted,
              ratio = 20)
  )
}

panel_rhs <- "ln_imdig + pgdp + fdi + gfcf + rd + urban"

panel_case <- function(name, vcov = "HC1", reference = "dense", ...) {
  case(name, "digitrade", 819, panel_rhs, "country + year", vcov, y = "ln_upmf",
       reference = reference, quick = TRUE, ...)
}

everyday_cases <- function() {
  rbind(
    panel_case("819 rows, six columns, HC1", ratio = 3, against = "fixest + lm", reps = 20L),
    panel_case("819 rows, csw of six columns", task = "stepwise", reps = 5L),
    panel_case("819 rows, mediation, 10,000 replicates", vcov = "country", task = "mediate",
               seconds = 0.2, against = "", reference = "none"),
    case("csw of six columns 1e6", "stepwise", 1e6, paste0("x", 1:6, collapse = " + "),
         "indiv + year", task = "stepwise", ratio = 4, quick = TRUE),
    case("256 specifications 1e5", "clustered", 1e5, paste0("x", 1:9, collapse = " + "),
         "indiv + year", "HC1", task = "robust", args = "G = 1000, k = 9", ratio = 5,
         reference = "rival", tolerance = 1e-9),
    case("256 specifications 2e4", "clustered", 2e4, paste0("x", 1:9, collapse = " + "),
         "indiv + year", "HC1", task = "robust", args = "G = 1000, k = 9", ratio = 5,
         reference = "rival", tolerance = 1e-9, quick = TRUE, full = FALSE)
  )
}

# Together with the cases of the same family at 1e6 and 1e7 rows, these show how the cost grows.
growth_cases <- function() {
  rbind(
    case("simple 3-way 1e5", "simple", 1e5, "x1", three_way, quick = TRUE, reps = 3L),
    case("balanced 2-way 1e5", "balanced", 1e5, "x1", "indiv + year", reps = 3L),
    hard_case("difficult 2-way 1e5", "difficult", 1e5, "x1 + x2", two_way),
    hard_case("difficult 3-way 1e5", "difficult", 1e5, "x1 + x2", three_way, quick = TRUE),
    hard_case("kylebutts difficult 3-way 1e5", "kylebutts", 1e5, "x1", three_way)
  )
}

clustered_case <- function(name, n, args, task, ...) {
  case(name, "clustered", n, "x1 + x2", "indiv + year", "cluster", task = task, args = args, ...)
}

inference_cases <- function() {
  rbind(
    clustered_case("CR2 with Satterthwaite, 1000 clusters x 20", 2e4, "G = 1000, years = 20", "CR2",
                   against = "clubSandwich", ratio = 100, reference = "rival", tolerance = 1e-8,
                   quick = TRUE),
    clustered_case("CR2 with Satterthwaite, 1e6, 5e4 clusters", 1e6, "G = 5e4", "CR2",
                   against = "", seconds = 20, reference = "none"),
    clustered_case("CR3, 1000 clusters x 20", 2e4, "G = 1000, years = 20", "CR3",
                   against = "clubSandwich + summclust", ratio = 20, reference = "none",
                   quick = TRUE),
    clustered_case("CR3, 1e6, 5e4 clusters", 1e6, "G = 5e4", "CR3", against = "",
                   reference = "none"),
    panel_case("wild bootstrap, 63 x 13, B = 99,999", "country", task = "wild 99999",
               against = "fwildclusterboot", ratio = 10, seconds = 1, reference = "none"),
    clustered_case("wild bootstrap, 1e6, 500 clusters, B = 9,999", 1e6, "G = 500", "wild 9999",
                   against = "", seconds = 2, reference = "none"),
    clustered_case("pairs bootstrap, 1e6, 1000 clusters, R = 1,999", 1e6, "G = 1000", "pairs 1999",
                   against = "", seconds = 5, reference = "none"),
    case("Conley, 1e5 points, 1 % of the pairs", "points", 1e5, "x1", "region", task = "conley",
         against = "fixest", ratio = 1, reference = "rival", tolerance = 1e-8),
    case("Conley, 3e4 points, 1 % of the pairs", "points", 3e4, "x1", "region", task = "conley",
         against = "fixest", ratio = 1, reference = "rival", tolerance = 1e-8, quick = TRUE,
         full = FALSE)
  )
}

all_cases <- function() {
  rbind(growth_cases(), everyday_cases(), simple_cases(), akm_cases(), difficult_cases(),
        inference_cases())
}

# The number in "wild 9999", "pairs 1999".
draws_of <- function(case) as.numeric(sub("^[a-z]+ ", "", case$task))

task_of <- function(case) sub(" .*", "", case$task)

is_inference <- function(case) !case$task %in% c("fit", "stepwise", "mediate", "robust")

# A circle of 63 km has one percent of the area of the square of gen_points(), so that one pair in a
# hundred lies within it, somewhat fewer at the edge.
conley_cutoff <- 63

terms_of <- function(joined) strsplit(joined, " + ", fixed = TRUE)[[1L]]

# The sets of regressors of the models that a case asks for.
models_of <- function(case) {
  x <- terms_of(case$x)
  switch(case$task, stepwise = lapply(seq_along(x), function(k) x[seq_len(k)]),
         robust = subset_models(x), list(x))
}

# The whole model first, then the subsets of the other regressors in binary order.
subset_models <- function(x) {
  k <- length(x) - 1L
  in_set <- lapply(seq_len(2^k - 1) - 1, function(set) set %/% 2^(seq_len(k) - 1) %% 2 == 1)
  c(list(x), lapply(in_set, function(at) c(x[1L], x[-1L][at])))
}

is_clustered <- function(case) !case$vcov %in% c("iid", "HC1")

# y ~ x | fe, with csw() for a stepwise case; `tail` continues the right side.
fe_formula <- function(case, tail = paste("|", case$fe)) {
  x <- terms_of(case$x)
  rhs <- paste(x, collapse = if (case$task == "stepwise") ", " else " + ")
  if (case$task == "stepwise") rhs <- sprintf("csw(%s)", rhs)
  as.formula(paste(case$y, "~", rhs, tail), env = globalenv())
}

vcov_argument <- function(case) {
  if (is_clustered(case)) as.formula(paste("~", case$vcov), env = globalenv()) else case$vcov
}

# The coefficients of several models, one after the other.
stack <- function(fits, f) unlist(lapply(fits, f), use.names = FALSE)

case_data <- function(case, seed = 1) {
  make <- get(paste0("gen_", case$dgp))
  extra <- eval(parse(text = sprintf("list(%s)", case$args)))
  do.call(make, c(list(case$n, seed), extra))
}
