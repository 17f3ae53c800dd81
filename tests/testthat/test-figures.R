# Snapshots of every figure. What ggplot2 draws depends on its version, so they are compared under
# the version that recorded them (variant ggplot2-<version>); elsewhere each figure must build.

draws_as <- function(name, p) {
  built <- ggplot2::ggplotGrob(p)
  expect_s3_class(built, "gtable")
  variant <- paste0("ggplot2-", utils::packageVersion("ggplot2"))
  recorded <- dir.exists(test_path("_snaps", variant, "figures"))
  recording <- nzchar(Sys.getenv("FEPANEL_RECORD_FIGURES"))
  if (!requireNamespace("vdiffr", quietly = TRUE) || !(recorded || recording)) return(invisible())
  expect_snapshot_file(write_figure(p, name), paste0(name, ".svg"), variant = variant,
                       compare = same_figure, cran = TRUE)
}

# The same text, and numbers that differ by no more than a twentieth of a point.
same_figure <- function(old, new) {
  number <- "-?[0-9]+\\.?[0-9]*"
  read <- function(path) paste(readLines(path), collapse = "\n")
  text <- lapply(list(old, new), read)
  values <- lapply(text, function(t) as.numeric(regmatches(t, gregexpr(number, t))[[1L]]))
  bare <- lapply(text, gsub, pattern = number, replacement = "#")
  identical(bare[[1L]], bare[[2L]]) && all(abs(values[[1L]] - values[[2L]]) <= 0.05)
}

write_figure <- function(p, name) {
  path <- withr::local_tempfile(fileext = ".svg", .local_envir = parent.frame(2L))
  vdiffr::write_svg(p, path, title = name)
  path
}

base_model <- function(...) {
  fe_lm(ln_upmf ~ ln_imdig + csw0(pgdp, rd) | country + year, digitrade, vcov = ~country, ...)
}

view_example <- function() {
  d <- expand.grid(year = 2001:2008, firm = 1:12)
  d$debt <- sin(seq_len(nrow(d)))
  d$debt[c(11, 40)] <- NA
  fe_panel_view(d[-c(1:3, 20, 60:63), ], "firm", "year", "debt")
}

test_that("coefficients of one model, of several, with simultaneous bands", {
  skip_if_not_installed("ggplot2")
  m <- base_model()
  draws_as("coefficients", plot(m[[3]]))
  draws_as("coefficients-of-models", plot(m, labels = c(ln_imdig = "Imports")))
  draws_as("coefficients-simultaneous", plot(m[[3]], simultaneous = TRUE))
})

test_that("event study with and without simultaneous bands", {
  skip_if_not_installed("ggplot2")
  m <- fe_lm(ln_upmf ~ i(year, developed, ref = 2012) | country + year, digitrade,
             vcov = ~country)
  draws_as("event-study", plot(m))
  draws_as("event-study-simultaneous", plot(m, simultaneous = TRUE))
})

test_that("residuals, leverage and quantiles", {
  skip_if_not_installed("ggplot2")
  d <- digitrade[as.integer(digitrade$country) <= 8, ]
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, d)
  draws_as("residuals", plot(m, type = "residuals"))
  draws_as("leverage", plot(m, type = "leverage"))
  draws_as("quantiles", plot(m, type = "qq"))
})

test_that("index, correlations, balance and panel", {
  skip_if_not_installed("ggplot2")
  vars <- c("ief_property", "ief_business", "ief_trade", "ief_investment", "ief_financial")
  draws_as("index-scree", plot(fe_index(digitrade, vars)))
  draws_as("index-weights", plot(fe_index(digitrade, vars, "entropy")))
  draws_as("correlations", plot(fe_correlate(digitrade, vars[1:4])))
  draws_as("balance", plot(fe_balance(digitrade, "developed", vars, joint = FALSE)))
  draws_as("panel-cells", plot(view_example()))
  draws_as("panel-counts", plot(view_example(), "counts"))
  draws_as("panel-shares", plot(view_example(), most = 5))
})

test_that("fixed effects by unit", {
  skip_if_not_installed("ggplot2")
  m <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade)
  draws_as("fixed-effects-country", plot(fixef(m)))
  draws_as("fixed-effects-year", plot(fixef(m), "year", sort = FALSE))
})

test_that("moderation: slopes, Johnson-Neyman region, levels, linearity", {
  skip_if_not_installed("ggplot2")
  moderate <- function(by) {
    fe_moderate(ln_upmf ~ rd | year, digitrade, "ln_imdig", by, vcov = ~country)
  }
  draws_as("moderation", plot(moderate("ln_insti")))
  draws_as("moderation-levels", plot(moderate("developed")))
  draws_as("linearity", plot(fe_linearity(moderate("ln_insti"), method = c("binning", "kernel"),
                                          bandwidth = 0.6, points = 21)))
})

test_that("mediation: path diagram; decomposition; sensitivity", {
  skip_if_not_installed("ggplot2")
  paths <- fe_mediate(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade,
                      mediators = c("ln_innov", "ln_inter"), ci = "delta", vcov = ~country)
  draws_as("mediation-paths", plot(paths))
  draws_as("sensitivity-rho", plot(fe_sensitivity(paths)))
  draws_as("mediation-conditional", plot(fe_mediate(
    ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, mediators = "ln_inter",
    moderator = "ln_insti", ci = "delta", vcov = ~country)))
  draws_as("decomposition", plot(fe_decompose(
    ln_upmf ~ ln_imdig | year, digitrade, vcov = ~country,
    added = list(income = ~pgdp, policy = ~ fdi + rd, country = ~ 1 | country))))
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp + rd | country + year, digitrade, vcov = ~country)
  draws_as("sensitivity", plot(fe_sensitivity(m, benchmark = "pgdp", kd = 1:3)))
})

test_that("heterogeneity, instruments, specification curve", {
  skip_if_not_installed("ggplot2")
  draws_as("forest", plot(fe_heterogeneity(
    ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, by = ~developed, vcov = ~country)))
  iv <- fe_lm(ln_upmf ~ pgdp | country + year | ln_imdig ~ fdi + urban, digitrade,
              vcov = ~country)
  draws_as("instruments", plot(fe_iv_tests(iv), points = 51))
  draws_as("specification-curve", plot(fe_robust(
    ln_upmf ~ ln_imdig + pgdp + rd | country + year, digitrade, controls = "subsets",
    winsor = 0.01)))
})

test_that("bootstrap and clusters", {
  skip_if_not_installed("ggplot2")
  m <- base_model()[[3]]
  draws_as("bootstrap", plot(fe_boot(m, R = 199, seed = 1), "ln_imdig"))
  draws_as("clusters-influence", plot(fe_clusters(m), term = "ln_imdig"))
  draws_as("clusters-leverage", plot(fe_clusters(m), term = "ln_imdig", what = "leverage"))
})
