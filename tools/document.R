# Writes man/ and NAMESPACE from the roxygen comments; nothing is compiled.
if (!requireNamespace("roxygen2", quietly = TRUE)) stop("install the R package roxygen2 first")
roxygen2::roxygenise(load_code = "source")
