# Runs the benchmarks: for each case the rivals in turn, each in a process of its own that holds the
# data; a time is that of the whole call from data frame to standard errors.
#
#   Rscript bench/run.R [--quick] [--case=regex] [--rivals=a,b] [--runs=N] [--threads=N]
#                       [--limit=seconds] [--out=file.csv] [--update] [--strict] [--list]
#
# --quick    the smaller set, against the rivals that the targets name
# --case     only the cases whose name matches
# --rivals   only these beside fepanel; `all` for all, also with --quick
# --runs     rounds; fewer for a rival that has used up its share of time, and with --quick one in
#            every case once two minutes have passed
# --limit    seconds after which a call of a rival that a target names is given up
# --update   keep the other cases that the file of results holds already
# --strict   the status is not zero if any target is missed, not only if fepanel is slower than a
#            rival that a target names, is wrong, fails, or needs longer than a target in seconds
#
# Leaves bench/results/<date>-<processor>.csv (with --quick or --case in bench/results/tmp/),
# written after every case, and beside it a page with plots.

started <- Sys.time()
called_from <- getwd()
file_argument <- grep("^--file=", commandArgs(), value = TRUE)
setwd(dirname(normalizePath(sub("^--file=", "", file_argument))))
for (part in c("generators", "cases", "process", "machine", "page")) source(paste0(part, ".R"))
source("../inst/bench/summary.R")

# --- options ----------------------------------------------------------------------------------

option <- function(name, default) {
  hit <- grep(sprintf("^--%s=", name), commandArgs(TRUE), value = TRUE)
  if (length(hit)) sub("^[^=]*=", "", hit[1L]) else default
}

flag <- function(name) paste0("--", name) %in% commandArgs(TRUE)

read_options <- function() {
  known <- "^--(quick|strict|list|update|(case|rivals|runs|threads|limit|out)=.+)$"
  odd <- grep(known, commandArgs(TRUE), invert = TRUE, value = TRUE)
  if (length(odd)) stop("unknown argument: ", paste(odd, collapse = " "), call. = FALSE)
  quick <- flag("quick")
  list(quick = quick, case = option("case", ""), rivals = option("rivals", ""),
       runs = as.integer(option("runs", if (quick) 3 else 5)),
       threads = as.integer(option("threads", 2)),
       limit = as.numeric(option("limit", if (quick) 20 else 600)),
       # Seconds for rivals that no target names, and a rival's share of a case.
       other_limit = if (quick) 10 else 60,
       budget = if (quick) 4 else 120,
       one_round_after = if (quick) 120 else Inf,
       out = option("out", ""))
}

chosen_cases <- function(opt) {
  cases <- all_cases()
  set <- if (opt$quick) cases$quick else cases$full
  if (nzchar(opt$case)) set <- grepl(opt$case, cases$name)
  if (!any(set)) stop("no case matches ", opt$case, call. = FALSE)
  cases[set, ]
}

elapsed <- function() as.numeric(difftime(Sys.time(), started, units = "secs"))

# --- rivals -----------------------------------------------------------------------------------

load_timer <- function(path) {
  timer <- new.env()
  source(path, timer)
  timer
}

available_timers <- function() {
  paths <- list.files("timers", "[.]R$", full.names = TRUE)
  paths <- paths[basename(paths) != "external.R"]
  timers <- lapply(paths, load_timer)
  names(timers) <- sub("[.]R$", "", basename(paths))
  there <- vapply(timers, function(t) t$available(), NA)
  missing <- paste(names(timers)[!there], collapse = ", ")
  if (nzchar(missing)) message("not installed, left out: ", missing)
  timers[there]
}

named_rivals <- function(case) if (nzchar(case$against)) terms_of(case$against)

rivals_of <- function(case, timers, opt) {
  wanted <- c("fepanel", strsplit(opt$rivals, ",")[[1L]])
  if (opt$rivals == "all" || (opt$rivals == "" && !opt$quick)) wanted <- names(timers)
  if (opt$rivals == "" && opt$quick) wanted <- c("fepanel", named_rivals(case))
  able <- vapply(timers, function(t) t$supports(case), NA)
  intersect(wanted, names(timers)[able])
}

# --- one case ---------------------------------------------------------------------------------

# What cases share: the data file, while cases on the same data follow one another, and the
# references.
shared <- new.env()

data_file <- function(case, folder) {
  path <- file.path(folder, "data.rds")
  key <- paste(case$dgp, case$n, case$args)
  if (!identical(shared$data_key, key)) {
    saveRDS(case_data(case), path, compress = FALSE)
    shared$data_key <- key
    invisible(gc())
  }
  path
}

reference_coef <- function(case, folder, opt) {
  if (case$reference %in% c("none", "rival")) return(NULL)
  key <- paste("reference", case$dgp, case$n, case$args, case$task, case$x, case$fe)
  if (is.null(shared[[key]])) {
    worker <- ready_workers("reference.R", opt$threads, folder)[[1L]]
    reply <- ask(worker, 1L, opt$limit)
    if (!is.null(reply$error)) message("  no reference: ", reply$error)
    stop_worker(worker)
    shared[[key]] <- list(coef = reply$coef)
  }
  shared[[key]]$coef
}

# Round after round, each rival once in each, the first one rotating.
rounds <- function(case, workers, opt) {
  replies <- lapply(workers, function(w) list())
  spent <- numeric(length(workers))
  alive <- rep(TRUE, length(workers))
  for (round in seq_len(opt$runs)) {
    if (round > 1L && elapsed() > opt$one_round_after) break
    turn <- (seq_along(workers) + round - 2L) %% length(workers) + 1L
    for (i in turn[alive[turn] & spent[turn] < opt$budget]) {
      named <- workers[[i]]$name %in% c("fepanel", named_rivals(case))
      limit <- if (named) opt$limit else min(opt$limit, opt$other_limit)
      reply <- ask(workers[[i]], case$reps, limit)
      replies[[i]] <- c(replies[[i]], list(reply))
      spent[i] <- spent[i] + sum(reply$seconds)
      alive[i] <- is.null(reply$error)
    }
  }
  replies
}

run_case <- function(case, timers, folder, opt) {
  message(case$name)
  job <- list(case = case, file = data_file(case, folder), warm_up = FALSE)
  unlink(list.files(folder, "-(ended|[0-9]+[.]rds)$|[.](log|pid)$", full.names = TRUE))
  saveRDS(job, file.path(folder, "job.rds"))
  truth <- reference_coef(case, folder, opt)
  job$warm_up <- TRUE
  saveRDS(job, file.path(folder, "job.rds"))
  names <- rivals_of(case, timers, opt)
  workers <- ready_workers(file.path("timers", paste0(names, ".R")), opt$threads, folder)
  busy <- busy_share()
  replies <- rounds(case, workers, opt)
  for (w in workers) stop_worker(w)
  if (case$reference == "rival") truth <- first_coef(replies[names == named_rivals(case)[1L]])
  rows <- Map(result_row, vapply(workers, `[[`, "", "name"), replies,
              MoreArgs = list(case = case, truth = truth))
  rows <- compare_se(do.call(rbind, rows), replies)
  rows$busy <- busy
  if (isTRUE(busy > 0.1)) message("  other programs use ", round(100 * busy), " % of the machine")
  for (i in seq_len(nrow(rows))) message("  ", result_line(rows[i, ]))
  rows
}

# The numbers of the first call of a rival, of list(its replies), which may be empty.
first_coef <- function(replies) {
  if (length(replies) && length(replies[[1L]])) replies[[1L]][[1L]]$coef
}

largest <- function(x) if (all(is.na(x))) NA_real_ else max(x, na.rm = TRUE)

relative_gap <- function(a, b) {
  if (is.null(a) || is.null(b) || length(a) != length(b)) return(NA_real_)
  largest(abs(a - b) / abs(b))
}

result_row <- function(name, replies, case, truth) {
  field <- function(f) unlist(lapply(replies, `[[`, f))
  seconds <- field("seconds")
  some <- length(seconds) > 0L
  failed <- field("error")
  coef <- if (some) replies[[1L]]$coef
  keep <- c("name", "dgp", "n", "args", "task", "x", "fe", "vcov", "against", "ratio", "memory",
            "seconds", "tolerance")
  version <- c(field("version"), version_of(name))[1L]
  data.frame(
    setNames(case[keep], c("case", keep[2:9], paste0("target_", keep[10:12]), "tolerance")),
    rival = name, version = version,
    status = if (is.null(failed)) "ok" else if (some) "partly" else failed[1L],
    limit = c(field("over"), NA)[1L],
    runs = length(seconds), median = if (some) median(seconds) else NA_real_,
    min = if (some) min(seconds) else NA_real_, max = if (some) max(seconds) else NA_real_,
    peak_mb = largest(c(field("peak_mb"), NA)),
    increment_mb = largest(c(field("increment_mb"), NA)),
    error = if (case$reference == "none") NA_real_ else relative_gap(coef, truth),
    row.names = NULL)
}

# The standard errors beside fixest's: conventions may differ, so this is shown, not judged.
compare_se <- function(rows, replies) {
  first_se <- lapply(replies, function(r) if (length(r)) r[[1L]]$se)
  base <- first_se[[match("fixest", rows$rival, nomatch = 1L)]]
  rows$se_gap <- vapply(first_se, relative_gap, 0, base)
  rows$se_gap[!"fixest" %in% rows$rival] <- NA_real_
  rows
}

result_line <- function(row) {
  if (is.na(row$median)) return(sprintf("%-9s %s", row$rival, row$status))
  sprintf("%-9s %8.4g s (%.4g to %.4g, %d runs)  peak %5.0f MB (+%.0f)  error %.1e", row$rival,
          row$median, row$min, row$max, row$runs, row$peak_mb, row$increment_mb, row$error)
}

# --- all cases --------------------------------------------------------------------------------

run_all <- function(cases, opt, out) {
  folder <- tempfile("bench")
  dir.create(folder)
  on.exit(unlink(folder, recursive = TRUE))
  timers <- available_timers()
  if (is.null(timers$fepanel)) stop("fepanel is not installed: make install", call. = FALSE)
  machine <- describe_machine(opt$threads)
  results <- if (flag("update") && file.exists(out)) read_bench(out)
  for (i in seq_len(nrow(cases))) {
    results <- results[!results$case %in% cases$name[i], ]
    rows <- rounded(run_case(cases[i, ], timers, folder, opt))
    results <- rbind(results, data.frame(rows, machine, row.names = NULL))
    write.csv(results, out, row.names = FALSE)
  }
  read_bench(out)
}

rounded <- function(rows) {
  figures <- c("median", "min", "max", "peak_mb", "increment_mb", "error", "se_gap", "busy")
  rows[figures] <- lapply(rows[figures], signif, 4)
  rows
}

output_file <- function(opt) {
  out <- file.path(if (opt$quick || nzchar(opt$case)) "results/tmp" else "results",
                   paste0(machine_slug(describe_machine(opt$threads)), ".csv"))
  if (nzchar(opt$out)) out <- opt$out
  if (nzchar(opt$out) && !grepl("^(/|~|[A-Za-z]:)", out)) out <- file.path(called_from, out)
  dir.create(dirname(out), showWarnings = FALSE, recursive = TRUE)
  out
}

main <- function() {
  opt <- read_options()
  cases <- chosen_cases(opt)
  if (flag("list")) return(print(cases[c("name", "against", "ratio", "quick", "full")]))
  message(nrow(cases), " cases; the whole set takes ",
          if (opt$quick) "less than 3 minutes" else "1 to 2 hours", "; ", opt$threads, " threads")
  out <- output_file(opt)
  results <- run_all(cases, opt, out)
  page <- write_page(results, sub("[.]csv$", ".html", out))
  verdict <- bench_verdict(results)
  print_verdict(verdict)
  message(sprintf("%.0f s; written: %s, %s", elapsed(), normalizePath(out), normalizePath(page)))
  bad <- if (flag("strict")) !verdict$met else verdict$failed
  quit(status = as.integer(any(bad)))
}

main()
