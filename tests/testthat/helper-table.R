# Models of which tables are made, and a look into the cells of a table.

stepwise <- function(intercept = "lsdv") {
  fe_lm(ln_upmf ~ ln_imdig + csw0(pgdp, fdi, gfcf) | country + year, digitrade,
        intercept = intercept)
}

parted <- function(outcome = "ln_upmf", ...) {
  f <- stats::as.formula(paste(outcome, "~ ln_imdig + csw0(pgdp) | country + year"))
  fe_lm(f, digitrade, vcov = ~country, split = ~developed, ...)
}

cell <- function(x, part, row, column) {
  at <- x$cells$part == part & x$cells$row == row & x$cells$column == column
  x$cells$text[at]
}
