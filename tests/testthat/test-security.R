# What a user writes is read as R reads a formula, and nothing else is run; what is in the data is
# data; nothing is written but the files that are named; and a label is text in every format.

# ---- nothing is evaluated but formulas -----------------------------------------------------------

# Names that would write `trace` if anything evaluated them.
traced <- function(code) {
  trace <- tempfile("trace")
  expr <- sprintf(code, sprintf("file.create('%s')", trace))
  list(text = expr, ran = function() file.exists(trace))
}

test_that("the name of a column is never run, whatever code it spells", {
  for (code in c("%s", "x + %s", "x` + %s + `z", "system(%s)", "1); %s; (1")) {
    t <- traced(code)
    d <- random_panel(1)[c("y", "x1", "x2", "unit", "time", "cluster")]
    for (k in c(2L, 4L, 6L)) {
      e <- d
      names(e)[k] <- t$text
      e$two <- e$time > 2003
      name <- as.name(t$text)
      x <- if (k == 2L) name else quote(x1)
      unit <- if (k == 4L) name else quote(unit)
      cluster <- if (k == 6L) name else quote(cluster)
      f <- as.formula(call("~", quote(y), call("|", x, unit)))
      m <- fe_lm(f, e, vcov = as.formula(call("~", cluster)))
      numbers <- c(as.character(x), "x2")
      predict(m, e)
      update(m, . ~ . + x2)
      fe_hausman(m, vcov = "CR1")
      fe_rows(m)
      format(fe_table(m))
      fixef(m)
      vcov(m, cluster = as.character(cluster))
      suppressWarnings(fe_boot(m, R = 9))
      fe_describe(e, numbers)
      fe_correlate(e, numbers, cluster = as.character(cluster))
      fe_index(e, numbers)
      fe_balance(e, "two", numbers, cluster = as.character(cluster), fixef = as.character(unit))
      fe_panel_view(e, as.character(unit), "time")
      expect_false(t$ran(), label = paste(code, k))
    }
    e <- d
    names(e)[2] <- t$text
    fe_mediate(as.formula(call("~", quote(y), quote(time | unit))), e, mediators = "x2", R = 0,
               covariates = list(y = t$text))
    expect_false(t$ran(), label = code)
  }
})

test_that("text that is no formula is not run", {
  t <- traced("%s")
  d <- random_panel(1)
  m <- fe_lm(y ~ x1 | unit, d)
  refuse <- function(expr) expect_error(expr, class = "fe_error")
  refuse(fe_wald(m, t$text))
  refuse(fe_wald(m, paste("x1 =", t$text)))
  refuse(fe_lm(t$text, d))
  refuse(fe_lm(y ~ x1 | unit, d, vcov = t$text))
  refuse(fe_lm(y ~ x1 | unit, d, vcov = sprintf("NW(%s)", t$text)))
  refuse(fe_lm(y ~ x1 | unit, d, vcov = sprintf("wild(R = %s)", t$text)))
  refuse(fe_lm(y ~ x1 | unit, d, ssc = t$text))
  refuse(fe_lm(y ~ x1 | unit, d, split = t$text))
  refuse(fe_lm(y ~ x1 | unit, d, panel.id = c(t$text, "time")))
  refuse(vcov(m, cluster = t$text))
  refuse(fe_describe(d, t$text))
  refuse(fe_boottest(m, t$text))
  refuse(fe_table(m, keep = t$text))
  refuse(fe_mediate(y ~ x1 | unit, d, mediators = t$text))
  refuse(fe_moderate(y ~ x1 | unit, d, "x1", t$text))
  fe_table(m, title = t$text, notes = t$text, labels = c(x1 = t$text))
  expect_false(t$ran())
})

test_that("a string formula is read first, and its terms are evaluated as those of lm()", {
  t <- traced("%s")
  d <- random_panel(1)
  expect_error(fe_lm(paste0("{", t$text, "; y ~ x1}"), d), class = "fe_error")
  expect_false(t$ran())
  seen <- 0
  count <- function(x) {
    seen <<- seen + 1
    x
  }
  fe_lm("y ~ count(x1) | unit", d)
  expect_equal(seen, 1) # once, however many models share it
  fe_lm(y ~ sw(count(x1), count(x1) + x2) | unit, d)
  expect_equal(seen, 2)
})

# ---- nothing is written but what is named --------------------------------------------------------

test_that("estimation, bootstraps, tables and prints leave no file behind", {
  dir <- tempfile("empty")
  dir.create(dir)
  old <- setwd(dir)
  on.exit(setwd(old))
  before <- list.files(tempdir(), all.files = TRUE, recursive = TRUE)
  d <- random_panel(1)
  m <- fe_lm(y ~ x1 + x2 | unit, d, vcov = ~cluster)
  suppressWarnings(fe_boot(m, R = 19))
  suppressWarnings(fe_boottest(m, "x1", B = 99))
  table <- fe_table(m, title = "A table", notes = "A note")
  utils::capture.output(print(m), print(table), print(fe_wald(m)))
  for (format in c("txt", "md", "csv", "tex")) {
    format(table, format)
    fe_table_write(table, paste0("table.", format))
  }
  written <- paste0("table.", c("txt", "md", "csv", "tex"))
  expect_setequal(list.files(all.files = TRUE, no.. = TRUE), written)
  expect_setequal(list.files(tempdir(), all.files = TRUE, recursive = TRUE),
                  c(before, file.path(basename(dir), written)))
  skip_if_not_installed("openxlsx")
  fe_table_write(table, "table.xlsx")
  skip_if_not(requireNamespace("rmarkdown", quietly = TRUE) && rmarkdown::pandoc_available())
  fe_table_write(table, "table.docx")
  skip_if_not_installed("tinytable")
  fe_table_write(table, "table.html")
  expect_length(list.files(), 7L)
})

test_that("a figure is drawn where the caller's device is, and nowhere else", {
  skip_if_not_installed("ggplot2")
  dir <- tempfile("empty")
  dir.create(dir)
  old <- setwd(dir)
  on.exit(setwd(old))
  p <- plot(fe_lm(y ~ x1 | unit, random_panel(1)))
  ggplot2::ggplot_build(p)
  expect_length(list.files(all.files = TRUE, no.. = TRUE), 0L)
})

# ---- labels are text -----------------------------------------------------------------------------

hostile <- c("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\\input{/etc/passwd}",
             "100%&_#{}$~^", "]]>", "<w:p/>", "=cmd|' /C calc'!A0", "+1+2",
             "-2+3+cmd|' /C calc'!A0", "@SUM(A1)", "a\tb\001c\033[31m", "a\n\nb", "```{=openxml}\nx\n```", "`r 1+1`",
             "![x](http://example.org/x.png)", "[a](javascript:alert(1))", "&lt;b&gt;", "\"q\",'r'")

hostile_table <- function(label) {
  m <- fe_lm(y ~ x1 + x2 | unit, random_panel(1))
  fe_table(stats::setNames(list(m, m), c(label, "B")), labels = c(x1 = label), title = label,
           notes = label, fe_labels = c(unit = label))
}

test_that("LaTeX, markdown and CSV have no command, link or formula of a label", {
  for (label in hostile) {
    table <- hostile_table(label)
    tex <- format(table, "tex")
    expect_false(any(grepl("\\input", tex, fixed = TRUE)))
    expect_false(any(grepl("[[:cntrl:]]", tex)) || any(grepl("^$", tex[5:8])))
    if (label == "100%&_#{}$~^") {
      expect_match(tex, "100\\%\\&\\_\\#\\{\\}\\$\\textasciitilde{}\\textasciicircum{}",
                   fixed = TRUE, all = FALSE)
    }
    md <- format(table, "md")
    expect_false(any(grepl("(^|[^\\\\])<", md) | grepl("(^|[^\\\\])`", md)))
    expect_false(any(grepl("](", md, fixed = TRUE) | grepl("(^|[^\\\\])&lt;", md)))
    expect_false(any(grepl("[[:cntrl:]]", c(md, format(table, "txt")))))
    file <- tempfile(fileext = ".csv")
    fe_table_write(table, file)
    cells <- unlist(utils::read.csv(file, header = FALSE, colClasses = "character", fill = TRUE,
                                    col.names = c("a", "b", "c")))
    bad <- grepl("^[-+=@]", cells) & is.na(suppressWarnings(as.numeric(sub("[*]+$", "", cells))))
    expect_identical(cells[bad], cells[0])
    unlink(file)
  }
})

test_that("numbers stay numbers in CSV", {
  expect_identical(no_formula(c("-0.12***", "-0.12", "+3", "-1e-05*", "0.5", "(0.1)", "-", "=1")),
                   c("-0.12***", "-0.12", "+3", "-1e-05*", "0.5", "(0.1)", "'-", "'=1"))
})

test_that("Word and Excel files are well formed, and hold labels as text", {
  skip_on_cran()
  skip_if_not_installed("openxlsx")
  skip_if_not_installed("xml2")
  for (label in hostile) {
    file <- tempfile(fileext = ".xlsx")
    fe_table_write(hostile_table(label), file)
    out <- tempfile("unpacked")
    parts <- utils::unzip(file, exdir = out)
    for (part in grep("(sheet1|sharedStrings)[.]xml$", parts, value = TRUE)) {
      xml <- xml2::read_xml(part)
      expect_length(xml2::xml_find_all(xml, "//*[local-name() = 'f']"), 0L)
    }
    unlink(c(file, out), recursive = TRUE)
  }
  for (label in hostile) {
    page <- docx_page(table_layout(hostile_table(label)))
    page <- page[!page %in% c("```{=openxml}", "```", "")]
    expect_false(any(grepl("```", page, fixed = TRUE) & startsWith(page, "```")))
    xml <- xml2::read_xml(paste0("<r xmlns:w='urn:w'>", paste(page, collapse = ""), "</r>"))
    words <- xml2::xml_text(xml2::xml_find_all(xml, "//w:t"))
    expect_identical(words[1], one_line(label))
  }
})

test_that("HTML has no tag of a label", {
  skip_on_cran()
  skip_if_not_installed("tinytable")
  for (label in hostile[1:6]) {
    html <- format(hostile_table(label), "html")
    expect_false(any(grepl("<script>alert|<img src=x|<w:p", html)))
  }
})

# ---- a panel of one's own ------------------------------------------------------------------------

study_on <- function(data, map) {
  study <- new.env()
  sys.source(system.file("study", "study.R", package = "fepanel", mustWork = TRUE), study)
  files <- tempfile(c("data", "map"), fileext = ".csv")
  on.exit(unlink(files))
  utils::write.csv(data, files[1], row.names = FALSE)
  if (!is.null(map)) utils::write.csv(map, files[2], row.names = FALSE)
  study$study_panel(files[1], if (!is.null(map)) files[2])
}

test_that("the columns and values of a CSV file are data, even where they are code", {
  t <- traced("%s")
  d <- digitrade[c("country", "year", "ln_upmf", "ln_imdig")]
  d$country <- paste0(d$country, "'); ", t$text, " #")
  d[[t$text]] <- 1
  d$system <- 2
  d[["=cmd|' /C calc'!A0"]] <- "=1+1"
  panel <- study_on(d, NULL)
  expect_identical(panel$country, d$country)
  expect_identical(names(panel), names(d))
  m <- fe_lm(ln_upmf ~ ln_imdig | country + year, panel)
  expect_equal(coef(m), coef(fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade)))
  expect_false(t$ran())
})

test_that("a map calls no function but those it lists, whatever the columns are called", {
  d <- digitrade[c("country", "year", "ln_upmf", "ln_imdig")]
  d$system <- 1
  d$file.create <- 2
  t <- traced("%s")
  rows <- list(name = c("country", "year", "ln_upmf", "ln_imdig"),
               source = c("country", "year", "ln_upmf", "ln_imdig"))
  with <- function(source) data.frame(name = rows$name, source = replace(rows$source, 4, source))
  expect_equal(study_on(d, with("log(exp(ln_imdig))"))$ln_imdig, d$ln_imdig)
  attacks <- c(t$text, paste("file.create +", t$text), paste0("base::", t$text),
               sprintf("(function() %s)()", t$text), sprintf("eval(quote(%s))", t$text),
               "`file.create`('x')", sprintf("log(%s)", t$text), "system + system('true')",
               "do.call('file.create', list('x'))", "ln_imdig <- 1", "\"file.create\"('x')",
               "if (TRUE) ln_imdig", "ln_imdig[1]", "ln_imdig$a", "function(x) x", "pmax(, 1)")
  for (attack in attacks) expect_error(study_on(d, with(attack)), label = attack)
  expect_error(study_on(d, rbind(with("ln_imdig"), data.frame(name = "(rows)", source = t$text))))
  expect_error(study_on(d, rbind(with("ln_imdig"), data.frame(name = "(run)", source = t$text))),
               "instruction")
  expect_false(t$ran())
})
