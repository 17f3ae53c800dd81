# Published and certified numbers: how ours are compared with them. The facts, and the calls that
# compute ours, are the files of reference/, one a group; test-reference.R and, in the sources,
# trust/reference.R run them.

# Rows of the table, one a number. published: text as it is printed, all of whose digits ours must
# have, or a number that another program returns. required: digits that ours must share with it.
compare <- function(source, quantity, published, ours, required = NULL, note = "") {
  ours <- unname(as.numeric(ours))
  stopifnot(length(published) == length(ours), length(quantity) %in% c(1L, length(ours)))
  if (is.null(required)) required <- if (is.character(published)) printed_digits(published) else 9
  digits <- agreement(ours, published)
  text <- if (is.character(published)) published else format_numbers(published)
  data.frame(source, quantity, published = text, ours = format_numbers(ours), digits,
             required, ok = digits >= required, note)
}

format_numbers <- function(x) vapply(x, function(v) format(v, digits = 15L), "")

# Of two vectors of numbers, or two variance matrices, the pair that agrees least: one row.
compare_worst <- function(source, quantity, published, ours, required = 9, note = "") {
  stopifnot(length(published) == length(ours), length(ours) > 0L)
  size <- abs(as.vector(published))
  if (is.matrix(published)) size <- as.vector(tcrossprod(sqrt(diag(published))))
  published <- unname(as.vector(published))
  ours <- unname(as.vector(ours))
  digits <- agreement(ours, published, size)
  at <- which.min(digits)
  out <- compare(source, quantity, published[at], ours[at], required, note)
  out$digits <- digits[at]
  out$ok <- out$digits >= required
  out
}

# Digits of agreement. A printed number that ours rounds to agrees in all its digits; otherwise, and
# for numbers that are not printed, minus the logarithm of the error relative to `size`, at most 15.
# The size of a covariance is that of the two standard errors.
agreement <- function(ours, published, size = abs(as.numeric(published))) {
  apart <- abs(ours - as.numeric(published))
  error <- ifelse(size == 0, apart, apart / size)
  digits <- pmin(pmax(-log10(pmax(error, 1e-15)), 0), 15)
  digits[is.na(digits)] <- 0
  if (is.character(published)) {
    all_digits <- printed_digits(published)
    half <- 0.5 * printed_unit(published) * (1 + 1e-6)
    digits <- ifelse(!is.na(apart) & apart <= half, all_digits, pmin(digits, all_digits))
  }
  floor(digits * 10 + 1e-9) / 10
}

# "-.0451" has three significant digits, and a last place worth 0.0001.
printed_digits <- function(text) {
  digits <- gsub("[^0-9]", "", sub("[eE].*$", "", text))
  nchar(sub("^0+(?=[0-9])", "", digits, perl = TRUE))
}
printed_unit <- function(text) {
  mantissa <- sub("[eE].*$", "", text)
  decimals <- ifelse(grepl(".", mantissa, fixed = TRUE), nchar(sub("^.*[.]", "", mantissa)), 0L)
  exponent <- ifelse(grepl("[eE]", text), as.numeric(sub("^.*[eE]", "", text)), 0)
  10^(exponent - decimals)
}

# The groups of a folder: title, needs (packages, those that hold the data among them) and run(), a
# table of compare(). The files see the functions of the helpers, and `folder`.
reference_groups <- function(folder) {
  files <- sort(list.files(folder, "[.]R$", full.names = TRUE))
  groups <- lapply(files, function(file) {
    scope <- new.env(parent = environment(reference_groups))
    scope$folder <- folder
    sys.source(file, scope)
    scope$group
  })
  names(groups) <- sub("[.]R$", "", basename(files))
  groups
}

lacking <- function(packages) {
  packages[!vapply(packages, requireNamespace, NA, quietly = TRUE)]
}

# A data set of a package. Some have moved between versions of a package.
data_of <- function(name, package) {
  e <- new.env()
  suppressWarnings(utils::data(list = name, package = package, envir = e))
  if (is.null(e[[name]])) {
    text <- sprintf("package %s has no data set %s", package, name)
    stop(structure(class = c("no_data", "error", "condition"), list(message = text, call = NULL)))
  }
  e[[name]]
}

# The table of a group, or the reason for which there is none.
run_group <- function(group) {
  missing <- lacking(group$needs)
  if (length(missing)) return(paste("not installed:", paste(missing, collapse = ", ")))
  tryCatch(group$run(), no_data = function(e) conditionMessage(e))
}

se_of <- function(m, ...) unname(sqrt(diag(vcov(m, ...))))

# Rows whose cross products are exactly those of the lower triangle given, within `groups` if there
# are any (else about the mean). Least squares of data that may not be shipped are functions of
# these.
rows_with <- function(lower, names, n, groups = rep(1, n)) {
  k <- length(names)
  S <- matrix(0, k, k)
  S[lower.tri(S, TRUE)] <- lower
  S <- S + t(S) - diag(diag(S))
  noise <- vapply(seq_len(k), function(j) {
    z <- sin(j * seq_len(n)^1.5)
    z - stats::ave(z, groups)
  }, numeric(n))
  as.data.frame(`colnames<-`(qr.Q(qr(noise)) %*% chol(S), names))
}
