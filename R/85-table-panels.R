# Panels of a table: groups of rows that share the columns. The models of all panels are columns
# first; their cells are then cut into panels.

# -> as collect_models(), and panels (names), width (columns of a panel)
collect_panels <- function(panels, given, headings) {
  if (length(given)) {
    stop_arg("panels", "is given beside models outside of it", "Put all models into `panels`")
  }
  if (!is.list(panels) || !length(panels) || is.object(panels) || is.null(names(panels)) ||
      any(names(panels) == "") || anyDuplicated(names(panels))) {
    stop_arg("panels", paste("must be a list of models with names that differ, not",
                             describe_value(panels)),
             "Write list(\"Panel A. Men\" = list(m1, m2), \"Panel B. Women\" = list(m3, m4))")
  }
  parts <- lapply(panels, function(x) {
    collect_models(if (is.list(x) && !is.object(x)) x else list(x))
  })
  counts <- vapply(parts, function(part) length(part$models), 0L)
  if (length(unique(counts)) > 1L) {
    stop_arg("panels", sprintf("has %s columns in %s; panels share their columns",
                               paste(counts, collapse = " and "), quote_list(names(panels))))
  }
  if (is.null(headings)) check_shared_headings(parts)
  models <- unlist(lapply(parts, `[[`, "models"), recursive = FALSE)
  list(models = unname(models), headings = parts[[1L]]$headings, groups = parts[[1L]]$groups,
       panels = names(panels), width = counts[[1L]], extra = NULL)
}

check_shared_headings <- function(parts) {
  own <- vapply(parts, function(part) paste(part$headings, part$groups, sep = "\r"),
                character(length(parts[[1L]]$headings)))
  own <- matrix(own, ncol = length(parts))
  j <- which(rowSums(own != own[, 1L]) > 0L)
  if (!length(j)) return(invisible())
  found <- vapply(parts, function(part) part$headings[j[1L]], "")
  stop_arg("panels", sprintf("heads column %d differently: %s", j[1L], quote_list(unname(found))),
           "Name the models alike in each panel, or give `headings`")
}

# Outcomes as a matrix, columns x panels; they stand above the table if the panels agree.
panel_outcomes <- function(columns, models, options) {
  text <- vapply(columns, function(column) {
    label_name(column$outcome, options$labels, column$labels)
  }, "")
  matrix(text, ncol = length(models$panels) + is.null(models$panels))
}

outcomes_agree <- function(outcomes) all(outcomes == outcomes[, 1L])

# Cells of all columns -> lines of each panel, under its heading, and lines that all share.
panel_cells <- function(cells, models, outcomes, options) {
  panel <- (cells$column - 1L) %/% models$width + 1L
  cells$column <- (cells$column - 1L) %% models$width + 1L
  key <- paste(ifelse(cells$part == "se", "coef", cells$part), cells$row, sep = "\r")
  some <- stats::ave(cells$text != "", key, panel, FUN = any)
  bottom <- key %in% shared_lines(cells, key, panel, options$bottom)
  parts <- lapply(seq_along(models$panels), function(p) {
    own <- rbind(new_cells("panel", "panel", models$panels[p], rep("", models$width)),
                 if (!outcomes_agree(outcomes)) {
                   new_cells("text", "outcome", options$look$outcome, outcomes[, p])
                 }, cells[panel == p & some & !bottom, ])
    own$panel <- models$panels[p]
    own
  })
  rbind(do.call(rbind, parts), cells[bottom & panel == 1L, ])
}

# Keys of lines that are the same in all panels and are to stand below them.
shared_lines <- function(cells, key, panel, bottom) {
  parts <- list(effects = "block", all = c("block", "stat"), none = character())[[bottom]]
  candidates <- unique(key[cells$part %in% parts])
  same <- vapply(candidates, function(k) {
    texts <- split(cells$text[key == k], panel[key == k])
    all(vapply(texts, identical, NA, texts[[1L]]))
  }, NA)
  candidates[same]
}

# Notes of each panel: those that all share, and the others with its short name before them.
panel_notes <- function(columns, models, chosen, options) {
  panel <- rep(seq_along(models$panels), each = models$width)
  notes <- lapply(split(columns, panel), model_notes, chosen = chosen, options = options)
  rank <- unlist(lapply(notes, seq_along)) # what is of one kind stays together
  all <- unique(unlist(notes)[order(rank)])
  within <- vapply(notes, function(own) all %in% own, logical(length(all)))
  within <- matrix(within, length(all))
  short <- sub("^([^.:]+)[.:].*$", "\\1", models$panels)
  if (anyDuplicated(short)) short <- models$panels
  vapply(seq_along(all), function(i) {
    if (all(within[i, ])) return(all[i])
    paste0(paste(short[within[i, ]], collapse = ", "), ": ", all[i])
  }, "")
}
