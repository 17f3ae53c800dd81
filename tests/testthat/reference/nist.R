# Linear regressions of the NIST's Statistical Reference Datasets (www.itl.nist.gov/div898/strd),
# which are in the public domain. trust/reference/exact.py has solved all of them in fractions.
polynomial <- function(degree) {
  powers <- if (degree > 1) sprintf("I(x1^%d)", 2:degree)
  stats::reformulate(c("x1", powers), "y")
}
nist_models <- c(
  list(Norris = polynomial(1), Pontius = polynomial(2), NoInt1 = y ~ 0 + x1, NoInt2 = y ~ 0 + x1,
       Filippelli = polynomial(10), Longley = y ~ x1 + x2 + x3 + x4 + x5 + x6),
  stats::setNames(rep(list(polynomial(5)), 5), paste0("Wampler", 1:5)))

# Digits that every machine must have: one or two fewer than the worst number of the set has on a
# processor with 80-bit numbers. Wampler's first two fit perfectly: of their residuals, standard
# errors and F nothing is certified but zero and infinity.
nist_required <- function(set) {
  switch(set, Norris = 10, Pontius = 11, NoInt1 = 13, NoInt2 = 13, Filippelli = 6, Longley = 11,
         Wampler1 = 8, Wampler2 = 11, Wampler3 = 8, Wampler4 = 6, Wampler5 = 4)
}

nist_data <- utils::read.csv(file.path(folder, "nist-data.csv"))
nist_certified <- utils::read.csv(file.path(folder, "nist-certified.csv"),
                                  colClasses = c(certified = "character"))

nist_set <- function(set) {
  d <- nist_data[nist_data$set == set, ]
  d$one <- 1
  d[!vapply(d, anyNA, NA)]
}

# What a program finds, by the names of the certified values. b, se: with the constant first.
nist_numbers <- function(set, b, se, sigma = NA, r2 = NA, F = NA) {
  index <- seq_along(b) - !startsWith(set, "NoInt")
  c(stats::setNames(c(b, se), c(paste0("b", index), paste0("se", index))),
    sigma = sigma, r2 = r2, F = F)
}

by_fepanel <- function(set, absorbed = FALSE) {
  formula <- nist_models[[set]]
  if (absorbed) formula[[3L]] <- call("|", formula[[3L]], quote(one))
  m <- suppressWarnings(
    fe_lm(formula, nist_set(set), vcov = "iid", intercept = if (absorbed) "mean" else "none"),
    classes = "fe_warning")
  g <- glance(m)
  nist_numbers(set, unname(coef(m)), se_of(m), g$sigma, g$r.squared, g$statistic)
}

by_lm <- function(set) {
  l <- stats::lm(nist_models[[set]], nist_set(set), tol = 1e-10)
  s <- suppressWarnings(summary(l))
  nist_numbers(set, unname(coef(l)), unname(s$coefficients[, 2L]), s$sigma, s$r.squared,
               s$fstatistic[["value"]])
}

# Certified values of a set beside those of a program.
nist_table <- function(set, numbers, required, source) {
  certified <- nist_certified[nist_certified$set == set, ]
  compare(source, paste(set, certified$quantity), certified$certified,
          numbers[certified$quantity], required)
}

group <- list(
  sets = names(nist_models), models = nist_models, certified = nist_certified, data = nist_set,
  table = nist_table, by_fepanel = by_fepanel, by_lm = by_lm,
  title = "NIST StRD: certified values",
  needs = character(),
  run = function() {
    do.call(rbind, lapply(names(nist_models), function(set) {
      absorbed <- if (!startsWith(set, "NoInt")) by_fepanel(set, absorbed = TRUE)
      rbind(nist_table(set, by_fepanel(set), nist_required(set), "NIST StRD"),
            if (length(absorbed)) nist_table(set, absorbed, nist_required(set),
                                             "NIST StRD, the constant absorbed"))
    }))
  })
