# Petersen's test data of 500 firms and ten years, and the standard errors on his page.
group <- list(
  title = "Petersen's test data",
  needs = "sandwich",
  run = function() {
    d <- data_of("PetersenCL", "sandwich")
    m <- fe_lm(y ~ x, d, vcov = "iid")
    years <- t(vapply(fe_lm(y ~ x, d, split = ~year), coef, numeric(2)))
    both <- function(what) paste(what, c("constant", "x"))
    rbind(
      compare("Petersen, test data page", c(both("estimate,"), both("SE OLS,"), both("SE White,"),
                                            both("SE by firm,"), both("SE by year,"),
                                            both("SE by firm and year,"), "R2"),
              c(".0297", "1.0348", ".0284", ".0286", ".0284", ".0284", ".0670", ".0506", ".0234",
                ".0334", ".0651", ".0536", ".2078"),
              c(coef(m), se_of(m), se_of(m, "HC1"), se_of(m, ~firm), se_of(m, ~year),
                se_of(m, ~firm + year, ssc = fe_ssc(G.df = "conventional")),
                glance(m)$r.squared)),
      compare("Petersen, Fama and MacBeth", c(both("estimate,"), both("SE,")),
              c(".0313", "1.0356", ".0234", ".0333"),
              c(colMeans(years), apply(years, 2, stats::sd) / sqrt(nrow(years))),
              note = "from a model for each year"),
      compare("fixest 0.14.2, G.df = \"min\"", both("SE by firm and year,"), c(".0681", ".0553"),
              se_of(m, ~firm + year)))
  })
