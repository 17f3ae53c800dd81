# Results of runs of other replicates or cells, put together.

# Counts add up; the means of a cell, which are in the files to four digits, are weighted by its
# replicates. The same replicate of a cell twice is an error.
join_results <- function(files) {
  parts <- do.call(rbind, lapply(files, read_results))
  groups <- split(parts, paste(parts$design, parts$sizes, parts$G, parts$test))
  do.call(rbind, c(lapply(groups, join_cell), make.row.names = FALSE))
}

# Files without counts are of the replicates 1:N.
read_results <- function(file) {
  x <- utils::read.csv(file)
  if (is.null(x$rejected)) {
    x$rejected <- round(x$rate * x$replicates)
    x$first <- 1
    x$last <- x$replicates + x$failed
  }
  x
}

join_cell <- function(x) {
  x <- x[order(x$first), ]
  if (any(x$first[-1L] <= x$last[-nrow(x)])) {
    stop("replicates of ", paste(x$design[1L], x$sizes[1L], x$G[1L]), " are in two files",
         call. = FALSE)
  }
  out <- x[1L, ]
  weight <- x$replicates + x$failed
  for (name in c("df_CR2", "effective_0", "effective_1", "effective_worst", "noted")) {
    out[[name]] <- signif(sum(x[[name]] * weight) / sum(weight), 4)
  }
  for (name in c("replicates", "failed", "rejected")) out[[name]] <- sum(x[[name]])
  rate <- out$rejected / out$replicates
  out$rate <- signif(rate, 4)
  out$mc_se <- signif(sqrt(rate * (1 - rate) / out$replicates), 3)
  out$last <- max(x$last)
  out
}
