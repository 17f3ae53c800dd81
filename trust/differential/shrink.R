# A disagreement made small: rows, terms and options are left out as long as it stays.

# kind: a function of a spec that says which disagreement it shows (NULL: none). The first one must
# remain.
shrink_spec <- function(spec, kind, most = 300L) {
  wanted <- kind(spec)
  tries <- 0L
  holds <- function(s) {
    tries <<- tries + 1L
    tries <= most && identical(tryCatch(kind(s), error = function(e) NULL), wanted)
  }
  repeat {
    before <- spec
    for (smaller in simpler_specs(spec)) if (holds(smaller)) {
      spec <- smaller
      break
    }
    if (identical(before, spec)) spec <- fewer_rows(spec, holds)
    if (identical(before, spec) || tries > most) break
  }
  fewer_columns(spec)
}

# One thing left out at a time.
simpler_specs <- function(spec) {
  out <- list()
  add <- function(changed) out[[length(out) + 1L]] <<- changed
  without <- function(name, value) {
    spec[name] <- list(value)
    spec
  }
  if (length(spec$outcome) > 1L) for (y in spec$outcome) add(without("outcome", y))
  if (!is.null(spec$step)) add(without("step", NULL))
  if (!is.null(spec$step_fe)) add(without("step_fe", NULL))
  if (!is.null(spec$iv)) add(without("iv", NULL))
  for (name in setdiff(names(spec$options), "vcov")) {
    gone <- if (name == "weights") c("weights", "weights_type") else name
    add(without("options", spec$options[setdiff(names(spec$options), gone)]))
  }
  for (v in c("\"iid\"", "\"HC1\"")) if (!identical(spec$options$vcov, v)) {
    add(without("options", utils::modifyList(spec$options, list(vcov = v))))
  }
  if (length(spec$terms) > 1L) for (j in seq_along(spec$terms)) {
    add(without("terms", spec$terms[-j]))
  }
  if (!identical(spec$terms, "x1") && !is.null(spec$data$x1)) add(without("terms", "x1"))
  for (j in seq_along(spec$effects)) {
    add(without("effects", spec$effects[-j]))
    if (length(spec$effects[[j]]$slopes) > 1L) {
      spec$effects[[j]]$slopes <- spec$effects[[j]]$slopes[1L]
      add(spec)
    }
  }
  out
}

# Blocks of rows, of half the rows at first, then smaller.
fewer_rows <- function(spec, holds) {
  size <- nrow(spec$data) %/% 2L
  while (size >= 1L) {
    start <- 1L
    while (start <= nrow(spec$data) && nrow(spec$data) > 3L) {
      smaller <- spec
      smaller$data <- spec$data[-(start:min(start + size - 1L, nrow(spec$data))), , drop = FALSE]
      row.names(smaller$data) <- NULL
      if (nrow(smaller$data) && holds(smaller)) spec <- smaller else start <- start + size
    }
    size <- size %/% 2L
  }
  spec
}

fewer_columns <- function(spec) {
  used <- all.vars(str2lang(call_text(spec)))
  spec$data <- spec$data[intersect(names(spec$data), used)]
  spec
}

# R code that shows it.
spec_code <- function(spec) {
  columns <- vapply(names(spec$data), function(name) {
    text <- deparse(spec$data[[name]], 500L,
                    control = c("keepNA", "niceNames", "showAttributes", "digits17"))
    text <- paste(text, collapse = "")
    sprintf("  %s = %s", name, text)
  }, "")
  c(sprintf("d <- data.frame(\n%s)", paste(columns, collapse = ",\n")), call_text(spec))
}
