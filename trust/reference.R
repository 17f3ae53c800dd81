# Certified values, published numbers, rules of standard errors and other packages, beside ours.
#   Rscript trust/reference.R [--quick] [--ship] [--seed=N] [--times=N]
# --quick  one panel for the rules
# --ship   the table becomes inst/trust/reference.csv.gz, which the vignette "How fepanel is tested"
#          shows
# --times  panels on which the rules are tried
# The facts are in tests/testthat/reference/ and are part of the package's tests; here they are
# counted, joined by what is too long for those, and the status is not zero if a number falls short.
suppressPackageStartupMessages(library(fepanel))
source("trust/record.R")
for (name in c("data", "oracle", "cr2", "stata", "reference")) {
  source(sprintf("tests/testthat/helper-%s.R", name))
}
for (name in c("nist", "rules", "peers")) source(sprintf("trust/reference/%s.R", name))
arguments <- trust_arguments(list(ship = FALSE))
panels <- if (!is.null(arguments$times)) arguments$times else if (arguments$quick) 1L else 10L

facts <- reference_groups("tests/testthat/reference")
rules <- list(title = "Rules of standard errors", needs = character(),
              run = function() run_rules(arguments$seed - 1L + seq_len(panels)))
beside <- peer_groups()
names(beside) <- paste("side by side:", names(beside))
stopifnot(!anyDuplicated(c(names(facts), names(beside))))
groups <- c(list(exact = exact_group(), rivals = rivals_group(facts$nist)), facts,
            list(rules = rules), beside)

# A row of the table for what was not done.
not_run <- function(group, source, quantity, published, note) {
  data.frame(group, source, quantity, published, ours = "", digits = NA, required = NA, ok = NA,
             note = paste("not run:", note))
}

columns <- c("group", "source", "quantity", "published", "ours", "digits", "required", "ok", "note")

# Runs a group, records it, and returns its rows.
table_of <- function(name) {
  group <- groups[[name]]
  what <- if (name %in% names(beside)) name else group$title
  seconds <- system.time(found <- suppressMessages(run_group(group)))[["elapsed"]]
  if (is.character(found)) {
    record("reference", what, 0L, 0L, paste("not run:", found), seconds)
    return(not_run(group$title, sub("^side by side: ", "", name), "", "", found))
  }
  times <- if (is.null(found$times)) nrow(found) else sum(found$times)
  judged <- found[!is.na(found$ok), ]
  failed <- sum(!judged$ok)
  outcome <- if (!nrow(judged)) "for comparison" else if (failed) "a number falls short" else
    sprintf("required digits reached; least %.1f, median %.1f", min(judged$digits),
            stats::median(judged$digits))
  record("reference", what, times, failed, outcome, seconds)
  cbind(group = group$title, found)[columns]
}

tables <- lapply(names(groups), table_of)
absent <- utils::read.csv("trust/reference/not-run.csv", colClasses = "character")
tables <- c(tables, list(do.call(not_run, absent)))
table <- do.call(rbind, tables)

print_plain <- function(x) print(x, row.names = FALSE, right = FALSE)
options(width = 200L)

cat("\nDigits of the worst coefficient and standard error of NIST's sets:\n")
print_plain(nist_digits(table))
rivals <- table$group == groups$rivals$title
shown <- table[table$ok %in% FALSE | (is.na(table$ok) & !rivals), ]
cat("\nNumbers that fall short, that are not judged, or that were not had:\n")
for (i in seq_len(nrow(shown))) {
  x <- shown[i, ]
  ours <- if (nzchar(x$ours)) sprintf(": ours %s, %.1f digits", x$ours, x$digits) else ""
  cat(sprintf("  %s: %s, %s: %s%s; %s\n", x$group, x$source, x$quantity, x$published, ours, x$note))
}

summary_of <- function(t) {
  judged <- t[!is.na(t$ok), ]
  data.frame(group = t$group[1L], numbers = nrow(judged), short = sum(!judged$ok),
             least = if (nrow(judged)) min(judged$digits) else NA,
             median = if (nrow(judged)) stats::median(judged$digits) else NA,
             not_run = sum(grepl("^not run", t$note)))
}
cat("\n")
print_plain(do.call(rbind, lapply(split(table, factor(table$group, unique(table$group))),
                                  summary_of)))
if (arguments$ship) {
  table$date <- format(Sys.Date())
  out <- gzfile("inst/trust/reference.csv.gz", "w") # the package's size on CRAN is limited
  utils::write.csv(table, out, row.names = FALSE, na = "")
  close(out)
}
quit(status = as.integer(any(!table$ok, na.rm = TRUE)))
