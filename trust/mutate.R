# Mutation testing of the core: an operator, a bound or a constant of src/core/*.c is changed, and
# the tests in C must notice: fail, crash, or not end in time.
#   Rscript trust/mutate.R [--quick] [--times=N] [--seed=N] [--file=regex]
# --quick  40 mutants; without it 1,500. Drawn with the seed, the same on every machine.
# A mutant that survives is printed as the line and its change. trust/mutate/equivalent.csv lists
# the lines whose change cannot be seen in a result (a size of blocks, a hint to the allocator), with
# the reason: their mutants are not drawn. Over 90 % of the others must be killed.
source("trust/record.R")
arguments <- trust_arguments(list(times = 0L, file = "", threads = 2L))
if (arguments$times == 0) arguments$times <- if (arguments$quick) 40L else 1500L
began <- Sys.time()

core <- normalizePath("src/core")
tests <- normalizePath("tests/c")
work <- tempfile("fepanel-mutate-")
dir.create(work)
compile <- c("-std=gnu11", "-O1", "-w", "-fPIC", "-pthread", "-I", core)

# The text of a file with comments, strings and preprocessor lines blanked, position by position.
code_of <- function(lines) {
  text <- paste0(lines, collapse = "\n")
  blank <- function(text, pattern) {
    found <- gregexpr(pattern, text, perl = TRUE)
    spaces <- lapply(regmatches(text, found), function(m) gsub("[^\n]", " ", m))
    regmatches(text, found) <- spaces
    text
  }
  text <- blank(text, "(?s)/\\*.*?\\*/")
  text <- blank(text, "\"(\\\\.|[^\"\\\\\n])*\"|'(\\\\.|[^'\\\\\n])*'")
  text <- blank(text, "(?m)^[ \t]*#(.*\\\\\n)*.*$")
  strsplit(text, "\n", fixed = TRUE)[[1]]
}

# What is changed, as a pattern, and into what.
changes <- list(
  c("(?<![-<>])<=", "<"), c("(?<![-<])<(?![<=])", "<="), c("(?<![->])>=", ">"),
  c("(?<![->])>(?![>=])", ">="), c("==", "!="), c("!=", "=="), c("&&", "||"), c("\\|\\|", "&&"),
  c(" \\+ ", " - "), c(" - ", " + "), c(" \\* ", " / "), c(" / ", " * "), c("\\+=", "-="),
  c("-=", "+="), c("\\+\\+", "--"), c("(?<!-)--", "++"), c("!(?=[A-Za-z(])", ""),
  c("(?<![\\w.])0(?![\\w.])", "1"), c("(?<![\\w.])1(?![\\w.])", "2"),
  c("(?<![\\w.])2(?![\\w.])", "3"), c("(?<![\\w.])0\\.5(?![\\w.])", ".25"),
  c("(?<![\\w.])1\\.0(?![\\w.])", "2.0"), c("\\bcontinue;", ";"), c("\\bbreak;", ";")
)

mutants_of <- function(file) {
  code <- code_of(readLines(file))
  one <- function(change) {
    found <- gregexpr(change[1], code, perl = TRUE)
    counts <- vapply(found, function(f) sum(f > 0), 0)
    line <- rep(seq_along(found), counts)
    at <- unlist(lapply(found, function(f) f[f > 0]))
    width <- unlist(lapply(found, function(f) attr(f, "match.length")[f > 0]))
    if (!length(at)) return(NULL)
    data.frame(file, line, at, width, from = substring(code[line], at, at + width - 1),
               to = change[2])
  }
  do.call(rbind, lapply(changes, one))
}

# The lines whose mutants mean nothing, by the file and the trimmed text of the line.
without_equivalent <- function(mutants) {
  known <- utils::read.csv("trust/mutate/equivalent.csv", colClasses = "character")
  text <- unlist(lapply(split(mutants, mutants$file)[unique(mutants$file)], function(m) {
    trimws(readLines(m$file[1])[m$line])
  }), use.names = FALSE)
  here <- paste(basename(mutants$file), text)
  stale <- setdiff(paste(known$file, known$line), unlist(lapply(
    list.files(core, "[.]c$", full.names = TRUE),
    function(f) paste(basename(f), trimws(readLines(f)))
  )))
  if (length(stale)) stop("equivalent.csv names lines that are not there:\n", toString(stale))
  mutants[!here %in% paste(known$file, known$line), ]
}

run <- function(command, args, limit) {
  suppressWarnings(system2(command, args, stdout = FALSE, stderr = FALSE, timeout = limit))
}

build_object <- function(source, object) run("cc", c(compile, "-c", source, "-o", object), 120) == 0

# A test is a program with everything but the core in it, unless it includes parts of the core.
build_test <- function(test, folder, object = file.path(folder, paste0(test, ".o")),
                       includes = character(0)) {
  run("cc", c(compile, includes, "-c", file.path(folder, paste0(test, ".c")), "-o", object), 120) == 0
}

link_test <- function(test, objects, program) {
  run("cc", c("-pthread", objects, "-L", dirname(program), "-lcore", "-lm",
              paste0("-Wl,-rpath,", dirname(program)), "-o", program), 120) == 0
}

files <- list.files(core, "[.]c$", full.names = TRUE)
programs <- sub("[.]c$", "", list.files(tests, "^test_.*[.]c$"))
included <- lapply(stats::setNames(programs, programs), function(test) {
  lines <- readLines(file.path(tests, paste0(test, ".c")))
  sub('.*/([a-z0-9_]+)[.]c".*', "\\1", grep('#include ".*[.]c"', lines, value = TRUE))
})

# A place with the repository's layout, whose objects and programs are links to the ones built once.
place_for <- function(name) {
  place <- file.path(work, name)
  dir.create(file.path(place, "src"), recursive = TRUE)
  dir.create(file.path(place, "tests/c"), recursive = TRUE)
  dir.create(file.path(place, "bin"))
  file.copy(core, file.path(place, "src"), recursive = TRUE)
  file.copy(list.files(tests, "[.][ch]$", full.names = TRUE), file.path(place, "tests/c"))
  place
}

link_core <- function(place, objects) {
  run("cc", c("-shared", "-pthread", objects, "-lm", "-o", file.path(place, "bin/libcore.so")),
      120) == 0
}

object_of <- function(place, name) file.path(place, "bin", paste0(name, ".o"))

build_place <- function(place) {
  names <- sub("[.]c$", "", basename(files))
  ok <- vapply(names, function(n) {
    build_object(file.path(place, "src/core", paste0(n, ".c")), object_of(place, n))
  }, NA)
  ok <- c(ok, link_core(place, object_of(place, names)), vapply(programs, function(test) {
    build_test(test, file.path(place, "tests/c"), object_of(place, test)) &&
      link_test(test, object_of(place, test), file.path(place, "bin", test))
  }, NA))
  if (!all(ok)) stop("the unchanged core does not build: ", toString(names(ok)[!ok]))
}

# How long each test takes on the unchanged core: a mutant has ten times as long, and 5 s.
time_tests <- function(place) {
  vapply(stats::setNames(programs, programs), function(test) {
    seconds <- system.time(status <- run(file.path(place, "bin", test), character(0), 300))[[3]]
    if (status != 0) stop(test, " fails on the unchanged core")
    seconds
  }, 0)
}

# The tests in the order in which they are likely to notice: those that include the file, the one
# that has its name, those that share its first word, the others from the quickest on.
order_tests <- function(name, seconds) {
  word <- sub("_.*", "", name)
  near <- vapply(programs, function(test) {
    if (name %in% included[[test]]) 0 else if (test == paste0("test_", name)) 1 else
      if (startsWith(test, paste0("test_", word))) 2 else 3
  }, 0)
  programs[order(near, seconds)]
}

mutate_line <- function(mutant) {
  lines <- readLines(mutant$file)
  line <- lines[mutant$line]
  lines[mutant$line] <- paste0(substring(line, 1, mutant$at - 1), mutant$to,
                               substring(line, mutant$at + mutant$width))
  lines
}

# The name of the test that killed the mutant, "" if it lives, NA if it does not compile.
try_mutant <- function(mutant, place, seconds) {
  name <- sub("[.]c$", "", basename(mutant$file))
  source <- file.path(place, "src/core", basename(mutant$file))
  on.exit({
    file.copy(mutant$file, source, overwrite = TRUE)
    restore(place, name)
  })
  writeLines(mutate_line(mutant), source)
  if (!build_object(source, object_of(place, name))) return(NA_character_)
  link_core(place, object_of(place, sub("[.]c$", "", basename(files))))
  for (test in order_tests(name, seconds)) {
    if (name %in% included[[test]]) {
      if (!build_test(test, file.path(place, "tests/c"), object_of(place, test)) ||
            !link_test(test, object_of(place, test), file.path(place, "bin", test))) return(NA)
    }
    limit <- ceiling(5 + 10 * seconds[[test]])
    if (run("sh", c("-c", shQuote(paste("ulimit -v 8000000;", file.path(place, "bin", test)))),
            limit) != 0) return(test)
  }
  ""
}

# Everything that was built of one file of the core, from the unchanged source again.
restore <- function(place, name) {
  build_object(file.path(place, "src/core", paste0(name, ".c")), object_of(place, name))
  link_core(place, object_of(place, sub("[.]c$", "", basename(files))))
  for (test in programs[vapply(included, function(i) name %in% i, NA)]) {
    build_test(test, file.path(place, "tests/c"), object_of(place, test))
    link_test(test, object_of(place, test), file.path(place, "bin", test))
  }
}

mutants <- do.call(rbind, lapply(files[grepl(arguments$file, basename(files))], mutants_of))
mutants <- without_equivalent(mutants)
set.seed(arguments$seed, kind = "Mersenne-Twister", sample.kind = "Rejection")
chosen <- mutants[sort(sample(nrow(mutants), min(arguments$times, nrow(mutants)))), ]
cat(sprintf("%d of %d possible mutants of %d files\n", nrow(chosen), nrow(mutants), length(files)))

first <- place_for("place1")
build_place(first)
seconds <- time_tests(first)
parts <- split(chosen, rep_len(seq_len(arguments$threads), nrow(chosen)))
results <- parallel::mclapply(seq_along(parts), function(p) {
  place <- first
  if (p > 1) {
    place <- place_for(paste0("place", p))
    build_place(place)
  }
  part <- parts[[p]]
  part$killer <- vapply(seq_len(nrow(part)), function(i) {
    try_mutant(part[i, ], place, seconds)
  }, "")
  part
}, mc.cores = length(parts), mc.preschedule = FALSE)
unlink(work, recursive = TRUE)
if (any(vapply(results, inherits, NA, "try-error"))) stop(results[[1]])
results <- do.call(rbind, results)
results <- results[!is.na(results$killer), ]

living <- results[results$killer == "", ]
for (i in seq_len(nrow(living))) {
  m <- living[i, ]
  cat(sprintf("lives: %s:%d: %s -> %s in: %s\n", basename(m$file), m$line, m$from, m$to,
              trimws(readLines(m$file)[m$line])))
}
killed <- sum(results$killer != "")
share <- killed / nrow(results)
by_file <- tapply(results$killer != "", basename(results$file), mean)
print(round(100 * sort(by_file)[seq_len(min(15, length(by_file)))], 1))
record("mutate", "an operator, a bound or a constant of the core changed", nrow(results),
       if (share > .9) 0 else nrow(living),
       sprintf("%d killed by the tests in C (%.1f %%), %d live", killed, 100 * share, nrow(living)),
       difftime(Sys.time(), began, units = "secs"))
quit(status = as.integer(share <= .9))
