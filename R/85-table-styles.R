# What the styles and the languages of tables of models differ in. To add one: an entry here.

three_stars <- c("***" = 0.01, "**" = 0.05, "*" = 0.1)

# stub: heading of the first column; outcomes: a line of them above the columns; rules: lines
# between the parts; first: rows of the constant before those of controls; note: what notes begin
# with; effect: pattern of the label of a fixed effect; factors: does it take labels of factors.
table_styles <- list(
  default = list(
    constant = "Constant", stub = "", outcomes = TRUE, rules = TRUE, first = TRUE,
    stars = three_stars, digits = 4, note = "Note:", effect = "Fixed effects: %s",
    factors = FALSE,
    stats = c("nobs", "r.squared", "adj.r.squared", "within.r.squared", "outcome.mean")),
  paper = list(
    constant = "_cons", stub = "Var.", outcomes = FALSE, rules = FALSE, first = FALSE,
    stars = three_stars, digits = 4, note = "Note:", effect = "Fixed effects: %s",
    factors = FALSE, stats = c("nobs", "adj.r.squared")),
  aer = list(
    constant = "Constant", stub = "", outcomes = TRUE, rules = FALSE, first = TRUE, stars = NULL,
    digits = 3, note = "Notes:", effect = "%s fixed effects", factors = TRUE,
    stats = c(Observations = "nobs", R2 = "r.squared")),
  cn = list(
    constant = "Constant", stub = "Variable", outcomes = TRUE, rules = FALSE, first = FALSE,
    stars = three_stars, digits = 4, note = "Note:", effect = "%s fixed effects", factors = TRUE,
    stats = c("nobs", "adj.r.squared")))

# Words of a table in Chinese, in place of those of the style.
chinese_words <- list(
  constant = "\u5e38\u6570\u9879", stub = "\u53d8\u91cf", note = "\u6ce8\uff1a",
  effect = "%s\u56fa\u5b9a\u6548\u5e94", yes = "\u662f", no = "\u5426", partly = "\u90e8\u5206",
  controls = "\u63a7\u5236\u53d8\u91cf", outcome = "\u88ab\u89e3\u91ca\u53d8\u91cf",
  estimator = "\u4f30\u8ba1\u65b9\u6cd5")

chinese_between <- c("\u3001", "\u3001")

chinese_stats <- c(
  nobs = "\u89c2\u6d4b\u503c", r.squared = "R\u00b2", adj.r.squared = "\u8c03\u6574\u540e R\u00b2",
  within.r.squared = "\u7ec4\u5185 R\u00b2",
  outcome.mean = "\u88ab\u89e3\u91ca\u53d8\u91cf\u5747\u503c", clusters = "\u805a\u7c7b\u6570",
  first.stage.F = "\u7b2c\u4e00\u9636\u6bb5 F")

english_words <- list(yes = "Yes", no = "No", partly = "Partly", controls = "Control variables",
                      outcome = "Dependent variable", estimator = "Estimator")

table_look <- function(style, language) {
  look <- c(table_styles[[style]], english_words, list(language = language, named = stat_labels))
  if (language == "en") return(look)
  look$stats <- unname(look$stats)
  look$factors <- TRUE
  look$named[names(chinese_stats)] <- chinese_stats
  utils::modifyList(look, chinese_words)
}

# ---- notes in Chinese ----------------------------------------------------------------------------

# What is in parentheses, how it was made, and what stars mean.
chinese_notes <- function(columns, chosen, options) {
  hidden <- chosen$labels[chosen$hidden]
  c(chinese_estimator(columns), if (length(chosen$show)) chinese_variance(columns, options),
    chinese_stars(columns, chosen, options),
    if (length(hidden)) {
      sprintf("\u672a\u62a5\u544a\uff1a%s\u3002", paste(hidden, collapse = "\u3001"))
    })
}

# As stars_note().
chinese_stars <- function(columns, chosen, options) {
  starred <- starred_columns(columns, chosen, options)
  if (!any(starred %in% TRUE)) return(NULL)
  bare <- which(!starred)
  c(paste0(paste(names(options$stars), collapse = "\u3001"), "\u5206\u522b\u8868\u793a\u5728",
           paste0(format_bound(100 * options$stars), "%", collapse = "\u3001"),
           "\u7684\u6c34\u5e73\u4e0a\u663e\u8457\u3002"),
    if (length(bare)) {
      sprintf("%s \u65e0 p \u503c\uff0c\u6545\u65e0\u661f\u53f7\u3002",
              quote_columns(bare, chinese_between))
    })
}

# "ordinary least squares", "two-stage least squares (endogenous: x; instruments: z)"
chinese_estimator <- function(columns) {
  squares <- "\u6700\u5c0f\u4e8c\u4e58\u6cd5"
  before <- c(OLS = "\u666e\u901a", WLS = "\u52a0\u6743", `2SLS` = "\u4e24\u9636\u6bb5")
  used <- vapply(columns, function(column) {
    short <- short_estimator(column$model)
    name <- if (short %in% names(before)) paste0(before[[short]], squares) else short
    iv <- if (inherits(column$model, "fe_lm")) column$model$iv
    if (is.null(iv)) return(name)
    sprintf("%s\uff08\u5185\u751f\u53d8\u91cf\uff1a%s\uff1b\u5de5\u5177\u53d8\u91cf\uff1a%s\uff09",
            name, paste(iv$endogenous, collapse = "\u3001"),
            paste(iv$instruments, collapse = "\u3001"))
  }, "")
  paste0(by_columns(used, function(at) used[at[1L]], chinese_between), "\u3002")
}

chinese_variance <- function(columns, options) {
  what <- c(se = "\u6807\u51c6\u8bef", t = "t \u503c", p = "p \u503c",
            ci = "\u7f6e\u4fe1\u533a\u95f4")[[options$statistic]]
  kind <- vapply(columns, function(column) chinese_kind(column$model), "")
  how <- by_columns(kind, function(at) kind[at[1L]], chinese_between)
  sprintf("\u62ec\u53f7\u5185\u4e3a%s\uff1b%s\u3002", what, how)
}

# "robust standard errors (HC1)", "standard errors clustered (CR1) by country (63 clusters)"
chinese_kind <- function(m) {
  if (inherits(m, "fe_boot")) return(describe_boot(m))
  if (!inherits(m, "fe_lm")) return(sprintf("%s \u6a21\u578b", class(m)[1L]))
  info <- m$vcov_info
  token <- regmatches(info$label, regexpr("\\([A-Z0-9]+\\)", info$label))
  label <- if (length(token)) gsub("[()]", "", token) else info$label
  if (!length(info$G)) return(sprintf("\u6807\u51c6\u8bef\u7c7b\u578b\uff1a%s", label))
  by <- paste(sprintf("%s\uff08%d \u4e2a\u805a\u7c7b\uff09", names(info$G), info$G),
              collapse = "\u3001")
  sprintf("\u6807\u51c6\u8bef\uff08%s\uff09\u805a\u7c7b\u5230 %s", label, by)
}
