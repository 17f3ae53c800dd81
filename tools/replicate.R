# The whole study on the installed package: tables and figures in replication/, the report in
# replication.html, the tables and the line of agreement on the screen.
#
#   Rscript tools/replicate.R [panel.csv [names.csv]]
#
# The status is not zero if a published cell that is not in doubt differs from the computed one, or
# if a file was not written. With a panel of one's own there are no published cells.

library(fepanel)
source(system.file("study", "study.R", package = "fepanel", mustWork = TRUE))

argument <- function(i) {
  value <- commandArgs(TRUE)[i]
  if (is.na(value) || value == "") return(NULL)
  if (!file.exists(value)) stop("there is no file ", value, call. = FALSE)
  normalizePath(value)
}

has_pandoc <- function() {
  requireNamespace("rmarkdown", quietly = TRUE) && rmarkdown::pandoc_available("2.0")
}

# Files that were asked for and are not there (or are empty).
missing_files <- function(study, dir, table_formats, figure_formats) {
  wanted <- c(
    outer(names(study$tables), table_formats, paste, sep = "."),
    outer(names(study$figures), figure_formats, paste, sep = ".")
  )
  size <- file.size(file.path(dir, wanted))
  wanted[is.na(size) | size == 0]
}

write_results <- function(study, dir, word) {
  unlink(dir, recursive = TRUE)
  dir.create(dir)
  table_formats <- c("txt", "tex", "html", if (word) "docx")
  figure_formats <- c("png", "pdf")
  study_write(study, dir, c(table_formats, figure_formats))
  if (!word) message("Word tables are left out: they need pandoc, which is not installed")
  absent <- missing_files(study, dir, table_formats, figure_formats)
  if (length(absent)) stop("not written in ", dir, ": ", toString(absent), call. = FALSE)
}

# Knits a copy of the vignette, so that no intermediate file is left beside it.
write_report <- function(file, params, pandoc) {
  copy <- tempfile("report")
  dir.create(copy)
  file.copy(list.files("vignettes", full.names = TRUE), copy, recursive = TRUE)
  input <- file.path(copy, "replication.Rmd")
  made <- if (pandoc) {
    rmarkdown::render(input, params = params, envir = new.env(), quiet = TRUE)
  } else {
    knit_without_pandoc(input, params)
  }
  if (!file.copy(made, file, overwrite = TRUE)) stop("cannot write ", file, call. = FALSE)
}

knit_without_pandoc <- function(input, params) {
  old <- setwd(dirname(input))
  on.exit(setwd(old))
  env <- new.env()
  assign("params", params, env)
  markdown <- knitr::knit(basename(input), envir = env, quiet = TRUE)
  litedown::mark(markdown, "replication.html", options = "embed_resources")
  file.path(dirname(input), "replication.html")
}

print_tables <- function(tables) {
  numbered <- grep("^table_?[1-4]$", names(tables))
  for (table in tables[if (length(numbered)) numbered else seq_along(tables)]) {
    print(table)
    cat("\n")
  }
}

# How many of the undoubted cells differ; NULL cells, of a panel of one's own, make no statement.
report_agreement <- function(agreement) {
  cells <- agreement[!agreement$doubted, , drop = FALSE]
  equal <- cells$equal & !is.na(cells$equal)
  if (any(!equal)) {
    cat("Cells that differ from the printed ones:\n")
    print(cells[!equal, ], row.names = FALSE)
  }
  cat(sprintf("%d of %d undoubted cells equal to the printed digits\n", sum(equal), nrow(cells)))
  sum(!equal)
}

main <- function() {
  data <- argument(1)
  map <- argument(2)
  pandoc <- has_pandoc()
  message("running the study")
  study <- study_run(data = data, map = map, progress = TRUE)
  message("writing tables and figures to replication/")
  write_results(study, "replication", word = pandoc)
  message("knitting the report replication.html")
  text <- function(path) if (is.null(path)) "" else path
  write_report("replication.html", list(data = text(data), map = text(map)), pandoc)
  print_tables(study$tables)
  if (length(study$notes)) writeLines(c("Left out:", paste("-", study$notes)))
  if (is.null(data) && !NROW(study$agreement)) stop("no cell was compared", call. = FALSE)
  if (is.null(data)) report_agreement(study$agreement) else 0L
}

different <- main()
quit(status = as.integer(different > 0))
