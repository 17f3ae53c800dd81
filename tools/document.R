# Writes man/ and NAMESPACE from the roxygen comments of the package that `make install` installed.
if (!requireNamespace("roxygen2", quietly = TRUE)) stop("install the R package roxygen2 first")
roxygen2::roxygenise(load_code = "installed")
