# Traffic deaths and the tax on beer in 48 states: Stock and Watson, Introduction to Econometrics,
# chapter 10. The book prints two or three digits; further ones are those of the panel packages.
by_year <- function(d) {
  rows <- lapply(c("1982", "1988"), function(at) {
    m <- fe_lm(rate ~ beertax, d[d$year == at, ])
    printed <- switch(at, `1982` = c("2.01", ".15", ".15", ".13"),
                      `1988` = c("1.86", ".44", ".11", ".13"))
    compare("Stock and Watson, chapter 10", paste(at, c("constant", "beertax", "SE constant",
                                                        "SE beertax"), sep = ": "),
            printed, c(coef(m), se_of(m)))
  })
  do.call(rbind, rows)
}

panels <- function(d) {
  pooled <- fe_lm(rate ~ beertax, d)
  state <- fe_lm(rate ~ beertax | state, d)
  both <- fe_lm(rate ~ beertax | state + year, d)
  found <- c(coef(both), se_of(both), se_of(both, ~state))
  rbind(
    compare("Stock and Watson, chapter 10", c(
      "pooled: beertax", "state effects: beertax", "two-way: beertax", "two-way: SE by state",
      "two-way: SE robust", "two-way: t by state", "two-way: t robust"),
      c(".36", "-.66", "-.64", ".36", ".25", "-1.78", "-2.51"),
      c(coef(pooled)[2L], coef(state), found[c(1, 3, 2)], found[1L] / found[c(3, 2)]),
      required = c(2, 2, 2, 2, 2, 2, 3),
      note = c("", "", "", "", "", "the book divides rounded numbers: -0.64/0.36", "")),
    compare("fixest 0.14.2 and plm 2.6-2", c(
      "state effects: beertax", "state effects: SE robust", "state effects: SE by state",
      "two-way: beertax", "two-way: SE robust", "two-way: SE by state", "two-way: t robust",
      "two-way: t by state"),
      c("-.655874", ".2033", ".2919", "-.639980", ".254715", ".357078", "-2.5125", "-1.7923"),
      c(coef(state), se_of(state), se_of(state, ~state), found, found[1L] / found[2:3])))
}

controls <- function(d) {
  d <- transform(d, miles = miles / 1000, age18 = drinkage < 19,
                 age19 = drinkage >= 19 & drinkage < 20, age20 = drinkage >= 20 & drinkage < 21,
                 punish = jail == "yes" | service == "yes")
  m <- fe_lm(rate ~ beertax + age18 + age19 + age20 + punish + miles + unemp + log(income) |
               state + year, d, vcov = ~state)
  names <- c("beertax", "age 18", "age 19", "age 20", "punishment", "miles", "unemployment",
             "log income")
  rbind(
    compare("Stock and Watson, table 10.1, column 4", names,
            c("-.45", ".028", "-.018", ".032", ".038", ".008", "-.063", "1.82"), coef(m)),
    compare("Stock and Watson, table 10.1, column 4", paste("SE", names[-c(1, 3)]),
            c(".070", ".051", ".103", ".007", ".013", ".64"), se_of(m)[-c(1, 3)]),
    compare("fixest 0.14.2 and plm 2.6-2, that column", c("beertax", "SE beertax"),
            c("-.445344", ".297212"), c(coef(m)[1L], se_of(m)[1L])))
}

group <- list(
  title = "Fatalities: Stock and Watson's textbook",
  needs = "AER",
  run = function() {
    d <- transform(data_of("Fatalities", "AER"), rate = fatal / pop * 10000)
    rbind(by_year(d), panels(d), controls(d))
  })
