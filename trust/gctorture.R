# R's collector runs at every allocation of the glue, so that what is not protected is lost at once.
#
#   Rscript trust/gctorture.R [--quick] [--times=N] [--only=regex]
#
# What the calls of trust/alloc/cases.R ask of compiled code is written down, and each distinct
# request is repeated under gctorture2(1): it must give the same bits, and leave its arguments as
# they were. malloc() fills what is freed (MALLOC_PERTURB_), so that what is used after it was
# collected cannot pass for right. Without --quick, the calls as a whole run under
# gctorture2(step) besides.
# --quick: at most --times requests of each entry (default 1). --only: entries.
source("trust/record.R")
source("trust/alloc/cases.R")
arguments <- trust_arguments(list(only = ""))
quick <- arguments$quick

# The C library reads this when the process starts.
if (!nzchar(Sys.getenv("MALLOC_PERTURB_"))) {
  status <- system2(file.path(R.home("bin"), "Rscript"),
                    c("trust/gctorture.R", shQuote(commandArgs(TRUE))), env = "MALLOC_PERTURB_=165")
  if (status != 0) cat("gctorture: the session ended with status", status, "\n")
  quit(status = as.integer(status != 0))
}

library(fepanel)
options(fepanel.threads = 2L)
started <- proc.time()[["elapsed"]]
seconds <- function() proc.time()[["elapsed"]] - started
failures <- 0L

# ---- requests: what the cases ask of compiled code -----------------------------------------------

requests <- list()
seen <- character()
written <- new.env(parent = asNamespace("fepanel"))
written$.Call <- function(.NAME, ...) {
  args <- list(...)
  kept <- if (.NAME$name == "C_residuals") rapply(args, function(a) a + 0, "numeric",
                                                  how = "replace") else args
  write_down(.NAME, kept)
  base::.Call(.NAME, ...)
}

# Types, lengths and single values.
signature_of <- function(x) {
  if (is.list(x)) return(paste0("(", paste(vapply(x, signature_of, ""), collapse = ","), ")"))
  if (is.atomic(x) && length(x) == 1L) return(paste(typeof(x), x))
  paste(typeof(x), length(x), toString(dim(x)))
}

write_down <- function(entry, args) {
  signature <- paste(entry$name, signature_of(args))
  if (signature %in% seen) return()
  seen <<- c(seen, signature)
  requests[[length(requests) + 1L]] <<- list(entry = entry, args = args)
}

# The functions of the package that call compiled code do so through `written` from here on.
listen <- function() {
  space <- asNamespace("fepanel")
  for (name in ls(space, all.names = TRUE)) {
    f <- get(name, space)
    if (!is.function(f) || !".Call" %in% all.names(body(f))) next
    unlockBinding(name, space)
    assign(name, as.function(c(formals(f), body(f)), written), space)
    if (name %in% getNamespaceExports(space) && name %in% ls("package:fepanel")) {
      at <- as.environment("package:fepanel")
      unlockBinding(name, at)
      assign(name, get(name, space), at)
    }
  }
}

# ---- torture -------------------------------------------------------------------------------------

# As text of bytes, so that what is compared cannot be touched by what runs.
bits <- function(x) {
  serialize(rapply(list(x), identity, classes = c("numeric", "integer", "logical", "character"),
                   how = "list"), NULL)
}

# The collector is let loose on what `f` does with `args` and on as little else as can be.
tortured <- function(f, args, step) {
  torture <- function() {
    gctorture2(step)
    value <- do.call(f, args)
    gctorture2(0L)
    value
  }
  tryCatch(torture(), error = function(e) conditionMessage(e), finally = gctorture2(0L))
}

complain <- function(...) {
  failures <<- failures + 1L
  cat("  ", sprintf(...), "\n", sep = "")
}

torture_request <- function(request) {
  args <- request$args
  if (request$entry$name == "C_residuals") args[[4L]] <- FALSE # else it may overwrite
  right <- bits(do.call(.Call, c(list(request$entry), args)))
  before <- bits(args)
  got <- bits(tortured(.Call, c(list(request$entry), args), 1L))
  if (!identical(got, right)) complain("%s gives something else", request$entry$name)
  if (!identical(bits(args), before)) complain("%s changes its arguments", request$entry$name)
}

torture_case <- function(name, step) {
  run <- function() content(suppressWarnings(eval(alloc_cases[[name]], globalenv())))
  if (!identical(tortured(run, list(), step), run())) complain("%s gives something else", name)
}

d <- alloc_panel()
long <- alloc_long(9000L)
listen()
m <- fe_lm(y ~ x + z | unit + time, d, vcov = ~unit)
for (name in names(alloc_cases)) suppressWarnings(eval(alloc_cases[[name]]))
written$.Call <- base::.Call
rm(long)

entry_of <- vapply(requests, function(r) r$entry$name, "")
entries <- names(getDLLRegisteredRoutines("fepanel")$.Call)
unreached <- setdiff(entries, entry_of)
for (name in unreached) complain("no case reaches the entry %s", name)
record("gctorture", "entries of the compiled code that the cases reach",
       length(entries) - length(unreached), length(unreached),
       sprintf("%d distinct requests", length(requests)), seconds())

most <- if (!is.null(arguments$times)) arguments$times else if (quick) 1L else Inf
nth <- stats::ave(seq_along(requests), entry_of, FUN = seq_along)
chosen <- which(nth <= most & grepl(arguments$only, entry_of))
since <- seconds()
was <- failures
for (i in chosen) torture_request(requests[[i]])
record("gctorture", "R's collector at every allocation of the glue, gctorture2(1)", length(chosen),
       failures - was, sprintf("the same bits, arguments unchanged; %d entries",
                               length(unique(entry_of[chosen]))), seconds() - since)

if (!quick) {
  since <- seconds()
  was <- failures
  short <- grep("^long_", names(alloc_cases), value = TRUE, invert = TRUE)
  for (name in short) torture_case(name, 997L)
  record("gctorture", "whole calls, R's collector at every 997th allocation, gctorture2(997)",
         length(short), failures - was, "the same bits", seconds() - since)
}
cat(sprintf("%d failures in %.0f s, %.0f s of processor time\n", failures, seconds(),
            sum(proc.time()[1:2])))
quit(status = as.integer(failures > 0L))
