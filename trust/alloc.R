# Every allocation of the compiled code fails once: the k-th, k = 1, 2, ..., until none is left.
#
#   Rscript trust/alloc.R [--quick] [--seed=N] [--times=N] [--only=regex]
#                         [--part=entries|functions] [--variant=library]
#
# A variant of the package is built from the sources with the wrappers of trust/alloc/faults.c: they
# see every call of malloc(), calloc(), realloc(), posix_memalign() and free(), of R's allocators
# and of what starts threads in fepanel's own objects. The calls of trust/alloc/cases.R are
# evaluated once, and what they ask of compiled code is written down: `entries` repeats each
# distinct request, `functions` the cases themselves.
#   one      the k-th allocation fails, and no other
#   rest     the k-th and all after it fail, until R has the error
# A failure must end in an R error that speaks of memory (of class fe_memory where malloc() failed),
# or in the right answer where the code can do without; no block of the core may stay behind, no
# thread but R's may ask R for memory, and the same call without a fault must then give what it gave
# before, bit for bit. A thread that cannot be started must change nothing.
# --quick: of cases on little data, two requests of each entry and four cases, at most --times
# places each (default 1), drawn by --seed.
# --only: cases whose names match. --variant: a library that holds the variant already.
source("trust/record.R")
source("trust/alloc/cases.R")
arguments <- trust_arguments(list(only = "", part = "all", variant = ""))
quick <- arguments$quick
most <- if (!is.null(arguments$times)) arguments$times else if (quick) 1 else Inf
set.seed(arguments$seed)

# ---- the variant ---------------------------------------------------------------------------------

c_names <- c("malloc", "calloc", "realloc", "posix_memalign", "free")
thread_names <- c("pthread_create", "pthread_mutex_init", "pthread_cond_init")
r_names <- c("Rf_allocVector", "Rf_allocMatrix", "Rf_allocArray", "R_alloc", "Rf_ScalarInteger",
             "Rf_ScalarReal", "Rf_mkChar", "Rf_mkString", "Rf_mkNamed", "Rf_lang1", "Rf_install",
             "Rf_getAttrib", "Rf_setAttrib", "Rf_translateCharUTF8", "R_MakeExternalPtr",
             "R_RegisterCFinalizerEx")
# What else of R the package calls: none of it allocates, or it is R's own evaluation.
harmless <- paste0(
  "^(INTEGER|LOGICAL|REAL|STRING_PTR)(_RO)?$|^(SET_)?(STRING|VECTOR)_ELT$|^TYPEOF$|^XLENGTH$|",
  "^R_(CHAR|CheckUserInterrupt|ClearExternalPtr|DimNamesSymbol|DimSymbol|ExternalPtrAddr|",
  "ExternalPtrTag|FindNamespace|NaInt|NaReal|NaString|NamesSymbol|NilValue|SetExternalPtrAddr|",
  "ToplevelExec|forceSymbols|useDynamicSymbols|registerRoutines)$|",
  "^Rf_(ScalarLogical|asInteger|asLogical|asReal|error|eval|getCharCE|inherits|isMatrix|isNull|",
  "length|ncols|nrows|protect|unprotect)$")

run <- function(command, args, ...) {
  said <- suppressWarnings(system2(command, args, stdout = TRUE, stderr = TRUE, ...))
  status <- attr(said, "status")
  if (!is.null(status) && status != 0) stop(paste(c(command, tail(said, 20L)), collapse = "\n"))
  said
}

# `.Call` of the variant tells `faults$record`, if there is one, what it is asked.
recorder <- c(
  "faults <- new.env()",
  ".Call <- function(.NAME, ...) {",
  "  if (is.null(faults$record)) base::.Call(.NAME, ...) else faults$record(.NAME, list(...))",
  "}")

build_variant <- function() {
  work <- tempfile("fepanel-alloc")
  package <- file.path(work, "fepanel")
  dir.create(package, recursive = TRUE)
  parts <- c("DESCRIPTION", "NAMESPACE", "R", "src", "data")
  file.copy(parts, package, recursive = TRUE)
  unlink(list.files(package, "[.](o|so)$", recursive = TRUE, full.names = TRUE))
  file.copy("trust/alloc/faults.c", file.path(package, "src"))
  writeLines(recorder, file.path(package, "R", "faults.R"))
  wrapped <- c(c_names, thread_names, r_names, "R_registerRoutines")
  makevars <- file.path(package, "src", "Makevars")
  lines <- c(readLines(makevars), "OBJECTS += faults.o",
             paste0("PKG_LIBS += ", paste0("-Wl,--wrap=", wrapped, collapse = " ")))
  writeLines(lines, makevars)
  library <- file.path(work, "lib")
  dir.create(library)
  fast <- file.path(work, "fast")
  writeLines("CFLAGS = -std=gnu11 -O1", fast)
  run(file.path(R.home("bin"), "R"),
      c("CMD INSTALL --no-docs --no-byte-compile --no-test-load -l", library, package),
      env = c(paste0("R_MAKEVARS_USER=", fast), "MAKEFLAGS=-j2"))
  work
}

# Of what the objects ask of other libraries, nothing that allocates goes past the wrappers.
check_wrapped <- function(library) {
  so <- file.path(library, "fepanel", "libs", "fepanel.so")
  asked <- sub(".* U ([^@]*).*", "\\1", grep(" U ", run("nm", c("-D", so)), value = TRUE))
  of_r <- grep("^(R_|Rf_|[A-Z]+$|[A-Z]+_[A-Z_]+$)", asked, value = TRUE)
  allocators <- grep("alloc|memalign|strdup|asprintf|getline|^open|fopen", asked, value = TRUE)
  missed <- c(of_r[!of_r %in% r_names & !grepl(harmless, of_r)],
              setdiff(allocators, c(c_names, r_names)))
  if (length(missed)) stop("neither wrapped nor known not to allocate: ", toString(missed))
}

# ---- faults --------------------------------------------------------------------------------------

kinds <- c(core = 1L, host = 2L, threads = 4L)
set_faults <- function(kind = 0L, at = 0, rest = FALSE) {
  state <- .Call(entry_faults, kind, as.double(at), as.integer(rest))
  stats::setNames(as.list(state), c("count", "failed", "live", "off_host"))
}

# Evaluates f() with a fault -> list(value or error, state)
with_fault <- function(f, kind, at, rest) {
  set_faults(kinds[[kind]], at, rest)
  value <- tryCatch(suppressWarnings(f()), error = identity)
  list(value = value, state = set_faults())
}

# What is wrong with how a fault ended; NULL: nothing. `right`: content without a fault.
verdict <- function(ended, kind, rest, right) {
  e <- ended$value
  if (ended$state$off_host > 0) return("R's memory was asked for by another thread")
  if (!inherits(e, "error")) {
    given <- content(e)
    told <- kind == "host" && any(grepl("cannot allocate", given)) # as why a part is missing
    return(if (!told && !identical(given, right)) "no error, and another result")
  }
  text <- conditionMessage(e)
  if (kind == "threads") return(paste("an error where a thread is missing:", text))
  if (!grepl("memory|cannot allocate", text)) return(paste("an error of other words:", text))
  if (kind == "core" && !rest && !inherits(e, "fe_memory")) {
    return(paste("an error of another class:", toString(class(e))))
  }
  NULL
}

live_now <- function() {
  gc()
  set_faults()$live
}

tally <- new.env()
note <- function(key, failed) {
  was <- if (is.null(tally[[key]])) c(0, 0) else tally[[key]]
  tally[[key]] <- was + c(1, failed)
}

complaints <- character()
leaks <- live <- 0
complain <- function(...) {
  text <- sprintf(...)
  if (length(complaints) < 200L) cat("  ", text, "\n", sep = "")
  complaints <<- c(complaints, text)
}

# One fault of what make() makes ready to run, and then the same without: TRUE if there was a k-th
# allocation.
try_fault <- function(label, make, right, kind, at, rest) {
  f <- make()
  ended <- with_fault(f, kind, at, rest)
  if (ended$state$failed == 0) return(FALSE)
  wrong <- verdict(ended, kind, rest, right)
  again <- tryCatch(suppressWarnings(content(f())), error = conditionMessage)
  if (!identical(again, right)) wrong <- c(wrong, "the same call without a fault goes wrong then")
  if (length(wrong)) {
    complain("%s, %s, allocation %d%s: %s", label, kind, at, if (rest) " and after" else "",
             paste(wrong, collapse = "; "))
  }
  note(paste(kind, if (rest) "rest" else "one"), length(wrong) > 0L)
  TRUE
}

# All k of one thing, or `most` of them drawn at random. What objects behind pointers hold is freed
# when R collects them, so blocks are counted at the end.
try_all <- function(label, make, modes) {
  right <- suppressWarnings(content(make()()))
  for (mode in modes) {
    at <- seq_len(with_fault(make(), mode$kind, 0, FALSE)$state$count)
    if (length(at) > most) at <- sort(sample(at, most))
    for (k in at) try_fault(label, make, right, mode$kind, k, mode$rest)
    if (is.finite(most)) next
    k <- length(at) + 1 # threads make the number vary
    while (try_fault(label, make, right, mode$kind, k, mode$rest)) k <- k + 1
  }
  now <- live_now()
  stayed <- now - live
  live <<- now
  if (stayed > 0) complain("%s: %d blocks of the core stay behind", label, stayed)
  leaks <<- leaks + (stayed > 0)
}

modes <- list(list(kind = "core", rest = FALSE), list(kind = "host", rest = FALSE),
              list(kind = "core", rest = TRUE), list(kind = "threads", rest = FALSE),
              list(kind = "threads", rest = TRUE))

# ---- requests ------------------------------------------------------------------------------------

# What tells requests apart: entry, types, lengths, and single values.
signature_of <- function(x) {
  if (is.list(x)) return(paste0("(", paste(vapply(x, signature_of, ""), collapse = ","), ")"))
  if (is.atomic(x) && length(x) == 1L) return(paste(typeof(x), x))
  paste(typeof(x), length(x), toString(dim(x)))
}

requests <- makers <- list()
seen <- character()
write_down <- function(entry, args) {
  name <- entry$name
  kept <- args
  if (name == "C_residuals") kept[[1L]] <- args[[1L]] + 0 # which may be overwritten
  out <- do.call(base::.Call, c(list(entry), args))
  pointer <- if (typeof(out) == "externalptr") out else if (is.list(out)) out$pointer
  if (!is.null(pointer)) {
    makers[[length(makers) + 1L]] <<- list(pointer = pointer, entry = entry, args = kept)
  }
  signature <- paste(name, signature_of(kept))
  if (!signature %in% seen) {
    seen <<- c(seen, signature)
    requests[[length(requests) + 1L]] <<- list(entry = entry, args = kept)
  }
  out
}

has_pointer <- function(x) {
  typeof(x) == "externalptr" || (is.list(x) && any(vapply(x, has_pointer, NA)))
}

# Objects behind pointers are made anew, for they may keep what an earlier call allocated.
made_anew <- function(x) {
  if (typeof(x) == "externalptr") {
    of <- Filter(function(maker) identical(maker$pointer, x), makers)[[1L]]
    out <- do.call(base::.Call, c(list(of$entry), of$args))
    return(if (is.list(out)) out$pointer else out)
  }
  if (is.list(x)) x[] <- lapply(x, made_anew)
  x
}

request_maker <- function(request) {
  pointers <- has_pointer(request$args)
  function() {
    args <- if (pointers) made_anew(request$args) else request$args
    function() {
      if (request$entry$name == "C_residuals") args[[1L]] <- args[[1L]] + 0
      do.call(base::.Call, c(list(request$entry), args))
    }
  }
}

# ---- what is done --------------------------------------------------------------------------------

started <- proc.time()[["elapsed"]]
seconds <- function() proc.time()[["elapsed"]] - started
work <- if (!nzchar(arguments$variant)) build_variant()
library_at <- if (is.null(work)) arguments$variant else file.path(work, "lib")
check_wrapped(library_at)
library(fepanel, lib.loc = library_at)
faults <- fepanel:::faults
entry_faults <- fepanel:::C_faults
entries <- setdiff(names(getDLLRegisteredRoutines("fepanel")$.Call), "C_faults")
cat(sprintf("the variant was built in %.0f s: %d entries\n", seconds(), length(entries)))
options(fepanel.threads = 2L)

d <- alloc_panel()
long <- alloc_long()
m <- fe_lm(y ~ x + z | unit + time, d, vcov = ~unit)
cases <- alloc_cases[grepl(arguments$only, names(alloc_cases))]
if (quick) cases <- cases[!grepl("^long_", names(cases)) | names(cases) == "long_rows"]
faults$record <- write_down
for (name in names(cases)) {
  tryCatch(suppressWarnings(eval(cases[[name]])), error = function(e) {
    complain("the case %s fails by itself: %s", name, conditionMessage(e))
  })
}
faults$record <- NULL
reached <- unique(vapply(requests, function(r) r$entry$name, ""))
unreached <- setdiff(entries, reached)
if (nzchar(arguments$only)) unreached <- character()
for (name in unreached) complain("no case reaches the entry %s", name)
record("alloc", "entries of the compiled code that the cases reach", length(reached),
       length(unreached), sprintf("%d cases make %d distinct requests", length(cases),
                                  length(requests)), seconds())

outcomes <- c(
  "core one" = "an error of class fe_memory or the right answer; no leak; session usable",
  "core rest" = "an R error on memory or the right answer; no leak; session usable",
  "host one" = "R's error or the right answer; no leak; session usable",
  "threads one" = "the same bits", "threads rest" = "the same bits")
what <- c(
  "core one" = "%s: malloc() and its kin fail, each once",
  "core rest" = "%s: malloc() and its kin fail, each and all after it",
  "host one" = "%s: R's allocators fail in the glue, each once",
  "threads one" = "%s: a thread, lock or condition cannot be had, each once",
  "threads rest" = "%s: threads cannot be had from one on")
tell <- function(label, since, looked) {
  for (key in names(outcomes)) {
    n <- if (is.null(tally[[key]])) c(0, 0) else tally[[key]]
    record("alloc", sprintf(what[[key]], label), n[1L], n[2L], outcomes[[key]], seconds() - since)
  }
  record("alloc", paste0(label, ": blocks of the core afterwards"), length(looked), leaks,
         "none more than before", seconds() - since)
  rm(list = ls(tally), envir = tally)
  leaks <<- 0
}

# Numbers of at most n requests of each entry, drawn at random.
some_of_each <- function(n) {
  by_entry <- split(seq_along(requests), vapply(requests, function(r) r$entry$name, ""))
  drawn <- lapply(by_entry, function(i) i[sample.int(length(i), min(n, length(i)))])
  sort(unlist(drawn, use.names = FALSE))
}

live <- live_now()
try_entries <- function() {
  since <- seconds()
  chosen <- if (quick) some_of_each(2L) else seq_along(requests)
  for (i in chosen) {
    request <- requests[[i]]
    try_all(paste("request", i, request$entry$name), request_maker(request), modes)
    if (i %% 50 == 0) cat(sprintf("%d requests (%.0f s)\n", i, seconds()))
  }
  tell("entries", since, chosen)
}

short <- c("schur", "slopes", "boottest", "mediate")
try_functions <- function() {
  since <- seconds()
  whole <- if (quick) cases[names(cases) %in% short] else cases
  for (name in names(whole)) {
    if (!quick) cat(sprintf("%s (%.0f s)\n", name, seconds()))
    try_all(name, function() function() eval(whole[[name]], globalenv()), modes)
  }
  tell("functions", since, whole)
}

if (arguments$part != "functions") try_entries()
if (arguments$part != "entries") try_functions()

if (!is.null(work)) unlink(work, recursive = TRUE)
cat(sprintf("%d complaints in %.0f s\n", length(complaints), seconds()))
quit(status = as.integer(length(complaints) > 0L))
