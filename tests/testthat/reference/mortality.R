# Deaths in motor vehicle accidents and the legal drinking age, 1970 to 1983, 51 states: the figures
# of clubSandwich's vignette on panel data.
weighted_rows <- function(d) {
  m <- fe_lm(mrate ~ legal + beertaxa | state + year, d, weights = pop, vcov = ~state,
             ssc = "clubSandwich")
  compare("clubSandwich, panel vignette: weighted, CR1",
          c("legal", "beertaxa", "SE legal", "SE beertaxa", "t legal", "t beertaxa", "p beertaxa"),
          c("7.78", "11.16", "2.01", "4.20", "3.87", "2.66", ".0106"),
          c(coef(m), se_of(m), tidy(m)$statistic, tidy(m)$p.value[2L]))
}

group <- list(
  title = "MortalityRates: clubSandwich's vignette",
  needs = "clubSandwich",
  run = function() {
    d <- data_of("MortalityRates", "clubSandwich")
    d <- d[d$cause == "Motor Vehicle" & d$year <= 1983 & !is.na(d$beertaxa), ]
    m <- fe_lm(mrate ~ legal + beertaxa | state + year, d, vcov = ~state, ssc = "clubSandwich")
    cr2 <- summary(m, CR2 ~ state)
    rbind(
      compare("clubSandwich, panel vignette: CR1",
              c("legal", "beertaxa", "SE legal", "SE beertaxa", "t legal", "t beertaxa", "p legal",
                "p beertaxa", "df"),
              c("7.59", "3.82", "2.44", "5.14", "3.108", ".743", ".00313", ".46128", "49"),
              c(coef(m), se_of(m), tidy(m)$statistic, tidy(m)$p.value, m$vcov_info$df)),
      compare("clubSandwich, panel vignette: CR2",
              c("SE legal", "SE beertaxa", "df legal", "df beertaxa"),
              c("2.51", "5.27", "24.58", "5.77"), c(se_of(cr2), cr2$vcov_info$df)),
      weighted_rows(d))
  })
