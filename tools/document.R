# Writes man/ and NAMESPACE from the roxygen comments, out of the installed package's sources.
if (!requireNamespace("roxygen2", quietly = TRUE)) stop("install the R package roxygen2 first")
roxygen2::roxygenise(load_code = "source")
