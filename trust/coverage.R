# Which lines the tests run: of the core, by the tests in C (gcov); of the glue, the core and R, by
# the tests in R (covr).
#   Rscript trust/coverage.R [--quick] [--out=lines.csv]
# --quick  the core by the tests in C alone
# --out    the lines that nothing runs: file, line, text, and the reason
# trust/coverage/reasons.csv gives reasons: a file (regular expression), the text of the line (the
# same) and why no test can run it, or which check of trust/ does. More than 95 % must be run.
source("trust/record.R")
arguments <- trust_arguments(list(out = ""))
work <- tempfile("fepanel-coverage-")
dir.create(work)
began <- Sys.time()

copy_tree <- function() {
  tree <- file.path(work, "tree")
  dir.create(tree)
  kept <- c("DESCRIPTION", "NAMESPACE", "R", "src", "inst", "data", "tests", "tools", "vignettes")
  file.copy(kept, tree, recursive = TRUE)
  unlink(list.files(file.path(tree, "src"), "[.](o|so)$", recursive = TRUE, full.names = TRUE))
  tree
}

# The lines of one gcov file: how often each was run, NA where there is no code.
read_gcov <- function(file) {
  parts <- regmatches(readLines(file), regexec("^ *([^:]+): *([0-9]+):(.*)$", readLines(file)))
  parts <- do.call(rbind, Filter(length, parts))
  count <- suppressWarnings(as.numeric(sub("[*]$", "", parts[, 2])))
  count[grepl("^[#=]", parts[, 2])] <- 0
  data.frame(file = basename(sub("[.]gcov$", "", file)), line = as.integer(parts[, 3]),
             text = trimws(parts[, 4]), count)[!is.na(count) & parts[, 3] != "0", ]
}

# Every test is linked with the whole core, or includes a part of it: counts are added up.
core_by_c <- function(tree) {
  build <- file.path(work, "c")
  status <- system2("make", c("-C", file.path(tree, "tests/c"), "test", paste0("BUILD=", build),
                              shQuote("CFLAGS=-std=gnu11 -O0 -g -w --coverage")),
                    stdout = file.path(work, "c.log"))
  if (status != 0) stop("the tests in C fail")
  old <- setwd(file.path(tree, "tests/c")) # the sources' names are relative to it
  on.exit(setwd(old))
  lines <- lapply(list.files(build, "[.]gcda$", full.names = TRUE), function(data) {
    unlink(list.files(".", "[.]gcov$"))
    system2("gcov", c("-p", data), stdout = FALSE, stderr = FALSE)
    found <- list.files(".", "core#[a-z0-9_]+[.]c[.]gcov$")
    do.call(rbind, lapply(found, function(f) {
      transform(read_gcov(f), file = sub(".*#", "", file))
    }))
  })
  stats::aggregate(count ~ file + line + text, do.call(rbind, lines), sum)
}

all_by_r <- function(tree) {
  code <- sprintf('setwd("%s"); source("tools/test.R")', tree)
  coverage <- covr::package_coverage(tree, type = "none", code = code, quiet = FALSE)
  lines <- covr::tally_coverage(coverage, by = "line")
  text <- unlist(lapply(split(lines, lines$filename)[unique(lines$filename)], function(l) {
    trimws(readLines(file.path(tree, l$filename[1]))[l$line])
  }), use.names = FALSE)
  data.frame(file = lines$filename, line = lines$line, text, count = lines$value)
}

# A line of the core counts as run if either set of tests runs it.
together <- function(by_r, by_c) {
  at <- match(paste(basename(by_r$file), by_r$line), paste(by_c$file, by_c$line))
  more <- ifelse(is.na(at), 0, by_c$count[at])
  transform(by_r, count = count + ifelse(grepl("^src/core/", file), more, 0))
}

reason_for <- function(file, text) {
  reasons <- utils::read.csv("trust/coverage/reasons.csv", colClasses = "character")
  known <- function(file, text) {
    fits <- vapply(seq_len(nrow(reasons)), function(i) {
      grepl(reasons$file[i], file) && grepl(reasons$text[i], text)
    }, NA)
    if (any(fits)) reasons$reason[which(fits)[1]] else ""
  }
  if (length(file)) mapply(known, file, text, USE.NAMES = FALSE) else character(0)
}

report <- function(lines, what) {
  missed <- lines[lines$count == 0, c("file", "line", "text")]
  missed$reason <- reason_for(missed$file, missed$text)
  share <- 1 - nrow(missed) / nrow(lines)
  silent <- missed[missed$reason == "", ]
  if (nrow(silent)) print(utils::head(silent[c("file", "line", "text")], 60), row.names = FALSE)
  record("coverage", what, nrow(lines), if (share > .95) 0 else nrow(missed),
         sprintf("%.1f %% of %d lines are run; of %d that are not, %d have a stated reason",
                 100 * share, nrow(lines), nrow(missed), nrow(missed) - nrow(silent)),
         difftime(Sys.time(), began, units = "secs"))
  if (nzchar(arguments$out)) {
    utils::write.csv(missed[order(missed$file, missed$line), ], arguments$out, row.names = FALSE)
  }
  share > .95
}

tree <- copy_tree()
by_c <- core_by_c(tree)
ok <- report(by_c, "lines of the core run by the tests in C")
if (!arguments$quick && !requireNamespace("covr", quietly = TRUE)) {
  record("coverage", "lines run by the tests in R", 0, 0, "not run: covr is not installed", 0)
} else if (!arguments$quick) {
  lines <- together(all_by_r(tree), by_c)
  is_r <- startsWith(lines$file, "R/")
  ok <- report(lines[!is_r, ], "lines of C run by the tests in C and in R") && ok
  ok <- report(lines[is_r, ], "lines of R run by the tests in R") && ok
}
unlink(work, recursive = TRUE)
quit(status = as.integer(!ok))
