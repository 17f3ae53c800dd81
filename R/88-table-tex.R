# LaTeX of a table: tabular and the rules of booktabs, which every installation of LaTeX has.

write_tex <- function(layout) {
  n <- ncol(layout$body)
  lines <- tex_rows(layout)
  table <- c(sprintf("\\begin{tabular}{l%s}", strrep("c", n)), "\\toprule", tex_heads(layout),
             "\\midrule", lines, "\\bottomrule", "\\end{tabular}")
  c("% needs \\usepackage{booktabs}", "\\begin{table}[htbp]", "\\centering",
    if (n > 6L) c("\\footnotesize", "\\setlength{\\tabcolsep}{3pt}"),
    if (!is.null(layout$title)) {
      c("\\setlength{\\belowcaptionskip}{4pt}",
        sprintf("\\caption{%s}", escape_tex(unnumbered(layout$title))))
    },
    "\\setbox0=\\hbox{%", table, "}\\usebox0", tex_notes(layout), "\\end{table}")
}

# Notes are as wide as the table, or as the text if that is narrower.
tex_notes <- function(layout) {
  if (!length(layout$notes)) return(NULL)
  text <- escape_tex(paste(layout$notes, collapse = " "))
  c("", "\\vspace{2pt}",
    "\\begin{minipage}{\\ifdim\\wd0>\\linewidth \\linewidth\\else \\wd0\\fi}", "\\footnotesize",
    sprintf("\\textit{%s} %s", escape_tex(layout$mark), text), "\\end{minipage}")
}

tex_heads <- function(layout) {
  last <- length(layout$heads)
  unlist(lapply(seq_len(last), function(h) {
    head <- layout$heads[[h]]
    spans <- head_spans(head)
    size <- spans$to - spans$from + 1L
    text <- escape_tex(spans$text)
    text <- ifelse(size > 1L, sprintf("\\multicolumn{%d}{c}{%s}", size, text), text)
    ruled <- ruled_spans(head)
    c(tex_line(c(if (h == last) escape_tex(layout$stub) else "", text)),
      if (nrow(ruled)) {
        paste0("\\cmidrule(lr){", ruled$from + 1L, "-", ruled$to + 1L, "}", collapse = " ")
      })
  }))
}

tex_rows <- function(layout) {
  unlist(lapply(seq_along(layout$labels), function(r) {
    label <- escape_tex(layout$labels[r])
    c(if (layout$rule[r]) "\\midrule", if (layout$part[r] == "panel") {
      sprintf("\\multicolumn{%d}{l}{\\textit{%s}} \\\\", ncol(layout$body) + 1L, label)
    } else tex_line(c(label, tex_numbers(layout$body[r, ]))))
  }))
}

# A minus that is no hyphen; a bracket first in a line is no argument of the line before.
tex_line <- function(cells) paste0("{}", paste(cells, collapse = " & "), " \\\\")

tex_numbers <- function(text) gsub("(^|[[( ])-([0-9])", "\\1$-$\\2", escape_tex(text))

escape_tex <- function(x) {
  special <- c("\\" = "\\textbackslash{}", "{" = "\\{", "}" = "\\}", "&" = "\\&", "%" = "\\%",
               "$" = "\\$", "#" = "\\#", "_" = "\\_", "~" = "\\textasciitilde{}",
               "^" = "\\textasciicircum{}", "<" = "\\textless{}", ">" = "\\textgreater{}",
               "|" = "\\textbar{}", "\u00d7" = "$\\times$", "\u00b2" = "$^2$", greek_tex())
  vapply(strsplit(enc2utf8(x), ""), function(letters) {
    known <- letters %in% names(special)
    letters[known] <- special[letters[known]]
    paste(letters, collapse = "")
  }, "")
}

# Small Greek letters, which pdflatex does not read (omicron and the final sigma are no commands).
greek_tex <- function() {
  names <- c("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa",
             "lambda", "mu", "nu", "xi", NA, "pi", "rho", NA, "sigma", "tau", "upsilon", "phi",
             "chi", "psi", "omega")
  letters <- intToUtf8(0x3b0 + seq_along(names), multiple = TRUE)
  stats::setNames(sprintf("$\\%s$", names), letters)[!is.na(names)]
}

# LaTeX numbers its tables itself.
unnumbered <- function(title) sub("^Table +[0-9]+[.:] +", "", title)
