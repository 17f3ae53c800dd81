# NIST's sets beyond the package's own tests: the certified values solved again in fractions, and
# the digits of lm() and fixest.

exact_group <- function() {
  list(title = "NIST StRD: certified values, in exact arithmetic", needs = character(),
       run = solve_exactly)
}

solve_exactly <- function() {
  python <- Sys.which("python3")
  if (!nzchar(python)) return("python3 is not installed")
  folder <- "tests/testthat/reference"
  lines <- system2(python, c("trust/reference/exact.py", file.path(folder, "nist-data.csv"),
                             file.path(folder, "nist-certified.csv")), stdout = TRUE)
  found <- utils::read.csv(text = lines, header = FALSE, colClasses = "character",
                           col.names = c("set", "quantity", "certified", "exact", "agrees"))
  out <- compare("exact.py", paste(found$set, found$quantity), found$certified, found$exact)
  out$ok <- found$agrees == "TRUE"
  out$required <- out$digits
  out
}

# nist: the group of reference/nist.R. What lm() and fixest have, for comparison.
rivals_group <- function(nist) {
  list(title = "NIST StRD: other programs", needs = character(), run = function() {
    rows <- lapply(nist$sets, function(set) {
      rbind(nist$table(set, nist$by_lm(set), NA, paste0("lm(), R ", getRversion())),
            if (!length(lacking("fixest"))) {
              nist$table(set, by_fixest(nist, set),
                         NA, paste("fixest", utils::packageVersion("fixest")))
            })
    })
    out <- bind_rows(rows)
    out$ok <- NA
    out
  })
}

# Regressors that it leaves out as collinear have no number: no digit.
by_fixest <- function(nist, set) {
  f <- suppressWarnings(fixest::feols(nist$models[[set]], nist$data(set), notes = FALSE))
  certified <- nist$certified[nist$certified$set == set, ]
  names <- grep("^b", certified$quantity, value = TRUE)
  terms <- attr(stats::terms(nist$models[[set]]), "term.labels")
  if (!startsWith(set, "NoInt")) terms <- c("(Intercept)", terms)
  numbers <- c(stats::coef(f)[terms], fixest::se(f)[terms])
  F <- suppressWarnings(fixest::fitstat(f, "f")$f$stat)
  c(stats::setNames(numbers, c(names, sub("b", "se", names))), sigma = stats::sigma(f),
    r2 = unname(fixest::r2(f, "r2")), F = unname(F))
}

# By set and program, from the whole table.
nist_digits <- function(table) {
  t <- table[table$group %in% c("NIST StRD: certified values", "NIST StRD: other programs"), ]
  set <- sub(" .*", "", t$quantity)
  what <- sub("[0-9]+$", "", sub(".* ", "", t$quantity))
  what <- c(b = "coefficients", se = "errors")[what]
  program <- sub("^NIST StRD$", "fe_lm", sub("^.*absorbed$", "absorbed", t$source))
  program <- sub("[(,].*| .*", "", program)
  cells <- tapply(t$digits, list(factor(set, unique(set)), paste(program, what)), min)
  columns <- as.vector(outer(c("fe_lm", "absorbed", "lm", "fixest"), c("coefficients", "errors"),
                             paste))
  cells <- cells[, intersect(columns, colnames(cells)), drop = FALSE]
  data.frame(set = rownames(cells), cells, check.names = FALSE)
}
