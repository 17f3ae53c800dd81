# The whole study on the installed package: knits vignettes/replication.Rmd to replication.html, and writes the
# tables and figures that it made into replication/.
#
#   Rscript tools/replicate.R [panel.csv [names.csv]]
#
# The status is not zero if a published cell that is not in doubt differs from the computed one, if a model differs
# from lm() on dummies, or if a file was not written. With a panel of one's own there are no published cells.

library(fepanel)

argument <- function(i) {
  value <- commandArgs(TRUE)[i]
  if (is.na(value) || value == "") return("")
  if (!file.exists(value)) stop("there is no file ", value, call. = FALSE)
  normalizePath(value)
}

has_pandoc <- function() {
  requireNamespace("rmarkdown", quietly = TRUE) && rmarkdown::pandoc_available("2.0")
}

# Knits a copy of the vignette, so that no intermediate file is left beside it -> the environment it ran in.
write_report <- function(file, params, pandoc) {
  copy <- tempfile("report")
  dir.create(copy)
  file.copy(list.files("vignettes", full.names = TRUE), copy, recursive = TRUE)
  input <- file.path(copy, "replication.Rmd")
  study <- new.env()
  made <- if (pandoc) {
    rmarkdown::render(input, params = params, envir = study, quiet = TRUE)
  } else {
    knit_without_pandoc(input, params, study)
  }
  if (!file.copy(made, file, overwrite = TRUE)) stop("cannot write ", file, call. = FALSE)
  study
}

knit_without_pandoc <- function(input, params, study) {
  old <- setwd(dirname(input))
  on.exit(setwd(old))
  defaults <- rmarkdown_params(input)
  assign("params", utils::modifyList(defaults, params), study)
  # Tables are then written as HTML; markdown would need pandoc to read them.
  knitr::opts_knit$set(rmarkdown.pandoc.to = "html")
  markdown <- knitr::knit(basename(input), envir = study, quiet = TRUE)
  # The highlighting of code comes from the net: left out.
  litedown::mark(markdown, "replication.html", options = "embed_resources-js_highlight")
  file.path(dirname(input), "replication.html")
}

rmarkdown_params <- function(input) {
  lapply(knitr::knit_params(readLines(input)), `[[`, "value")
}

# Removes what an earlier run wrote, so that a run that fails leaves nothing to be taken for its own.
remove_results <- function(report, dir) {
  unlink(c(report, list.files(dir, "\\.(txt|tex|html|docx|png|pdf)$", full.names = TRUE)))
}

write_results <- function(study, dir, word) {
  dir.create(dir, showWarnings = FALSE)
  for (name in names(study$tables)) {
    for (format in c("txt", "tex", "html", if (word) "docx")) {
      fe_table_write(study$tables[[name]], file.path(dir, paste0(name, ".", format)))
    }
  }
  for (name in names(study$figures)) {
    for (format in c("png", "pdf")) {
      ggplot2::ggsave(file.path(dir, paste0(name, ".", format)), study$figures[[name]], width = 8, height = 4.8,
                      dpi = 200)
    }
  }
  if (!word) message("Word tables are left out: they need pandoc, which is not installed")
  files <- list.files(dir, "\\.(txt|tex|html|docx|png|pdf)$", full.names = TRUE)
  expected <- length(study$tables) * (3 + word) + 2 * length(study$figures)
  if (length(files) < expected || any(file.size(files) == 0)) stop("not every file was written in ", dir)
  message(length(files), " files in ", dir, "/")
}

print_tables <- function(tables) {
  options(width = 130)
  for (table in tables[grep("^table[1-4]$", names(tables))]) {
    print(table)
    cat("\n")
  }
}

# How many of the undoubted cells differ.
report_agreement <- function(study) {
  agreement <- study$agreement
  if (!NROW(agreement)) stop("no cell was compared", call. = FALSE)
  different <- agreement[!agreement$doubted & !agreement$equal, ]
  if (nrow(different)) {
    cat("Cells that differ from the printed ones:\n")
    print(different, row.names = FALSE)
  }
  cat(study$agreement_line(agreement), "\n", sep = "")
  nrow(different)
}

# A file that cannot be used ends the run with the reason and nothing else.
check_panel <- function(params) {
  if (params$data == "") return(invisible())
  study <- new.env()
  sys.source(system.file("study", "study.R", package = "fepanel", mustWork = TRUE), study)
  tryCatch(study$study_panel(params$data, if (nzchar(params$map)) params$map), error = function(e) {
    message("Error: ", conditionMessage(e))
    quit(status = 2)
  })
}

main <- function() {
  params <- list(data = argument(1), map = argument(2))
  if (params$data == "" && params$map != "") {
    stop("MAP= says how the columns of DATA= are named: give DATA=panel.csv too", call. = FALSE)
  }
  check_panel(params)
  remove_results("replication.html", "replication")
  pandoc <- has_pandoc()
  message("running the study and knitting the report replication.html")
  study <- write_report("replication.html", params, pandoc)
  message("writing tables and figures")
  write_results(study, "replication", word = pandoc)
  print_tables(study$tables)
  if (length(study$done)) writeLines(c("Made of the file:", paste("-", study$done)))
  if (length(study$left_out)) writeLines(c("Left out:", paste("-", study$left_out)))
  cat(sprintf("largest relative difference to lm() with dummies: %.1e\n", study$gap_to_lm))
  different <- if (params$data == "") report_agreement(study) else 0L
  different + (study$gap_to_lm > 1e-9)
}

quit(status = as.integer(main() > 0))
