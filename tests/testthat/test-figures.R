# Snapshots of every figure. What ggplot2 draws depends on its version, so they are compared under
# the version that recorded them (variant ggplot2-<version>); elsewhere each figure must build.

draws_as <- function(name, p) {
  skip_if_not_installed("ggplot2")
  built <- ggplot2::ggplotGrob(p)
  expect_s3_class(built, "gtable")
  variant <- paste0("ggplot2-", utils::packageVersion("ggplot2"))
  recorded <- dir.exists(test_path("_snaps", variant, "figures"))
  recording <- nzchar(Sys.getenv("FEPANEL_RECORD_FIGURES"))
  if (!requireNamespace("vdiffr", quietly = TRUE) || !(recorded || recording)) return(invisible())
  expect_snapshot_file(write_figure(p, name), paste0(name, ".svg"), variant = variant,
                       compare = compare_file_text)
}

write_figure <- function(p, name) {
  path <- file.path(withr::local_tempdir(.local_envir = parent.frame()), paste0(name, ".svg"))
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
  skip_on_cran()
  m <- base_model()
  draws_as("coefficients", plot(m[[3]]))
  draws_as("coefficients-of-models", plot(m, labels = c(ln_imdig = "Imports")))
  draws_as("coefficients-simultaneous", plot(m[[3]], simultaneous = TRUE))
})

test_that("event study with and without simultaneous bands", {
  skip_on_cran()
  m <- fe_lm(ln_upmf ~ i(year, developed, ref = 2012) | country + year, digitrade,
             vcov = ~country)
  draws_as("event-study", plot(m))
  draws_as("event-study-simultaneous", plot(m, simultaneous = TRUE))
})

test_that("residuals, leverage and quantiles", {
  skip_on_cran()
  d <- digitrade[as.integer(digitrade$country) <= 8, ]
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, d)
  draws_as("residuals", plot(m, type = "residuals"))
  draws_as("leverage", plot(m, type = "leverage"))
  draws_as("quantiles", plot(m, type = "qq"))
})

test_that("index, correlations, balance and panel", {
  skip_on_cran()
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
  skip_on_cran()
  m <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade)
  draws_as("fixed-effects-country", plot(fixef(m)))
  draws_as("fixed-effects-year", plot(fixef(m), "year", sort = FALSE))
})

test_that("moderation: slopes, Johnson-Neyman region, levels", {
  skip_on_cran()
  draws_as("moderation", plot(fe_moderate(ln_upmf ~ ln_imdig * pgdp + rd | country + year,
                                          digitrade, vcov = ~country)))
  draws_as("moderation-levels", plot(fe_moderate(ln_upmf ~ ln_imdig * developed | country + year,
                                                 digitrade, vcov = ~country)))
})

test_that("bootstrap and clusters", {
  skip_on_cran()
  m <- base_model()[[3]]
  draws_as("bootstrap", plot(fe_boot(m, R = 199, seed = 1), "ln_imdig"))
  draws_as("clusters-influence", plot(fe_clusters(m), term = "ln_imdig"))
  draws_as("clusters-leverage", plot(fe_clusters(m), term = "ln_imdig", what = "leverage"))
})
