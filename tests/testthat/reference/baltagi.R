# Two panels of Baltagi's book, both in plm: output of 48 states (Munnell 1990), and crime in the
# counties of North Carolina (Cornwell and Trumbull 1994), with two-stage least squares.
munnell <- function() {
  m <- fe_lm(log(gsp) ~ log(pcap) + log(pc) + log(emp) + unemp | state, data_of("Produc", "plm"),
             vcov = "iid")
  names <- c("public capital", "private capital", "employment", "unemployment")
  compare("Baltagi, chapter 3 (plm's manual: Produc)", c(names, paste("SE", names)),
          c("-.02614965", ".29200693", ".76815947", "-.00529774", ".02900158", ".02511967",
            ".03009174", ".00098873"), c(coef(m), se_of(m)))
}

crime_rows <- function(source, printed, formula, d) {
  m <- fe_lm(formula, d, vcov = "iid")
  at <- c("lprbarr", "lpolpc", "lprbconv", "lprbpris", "lavgsen")
  se <- stats::setNames(se_of(m), names(coef(m)))
  compare(source, c(at, paste("SE", at)), printed, c(coef(m)[at], se[at]))
}

crime <- function() {
  d <- data_of("Crime", "plm")
  rest <- paste("lprbconv + lprbpris + lavgsen + ldensity + lwcon + lwtuc + lwtrd + lwfir +",
                "lwser + lwmfg + lwfed + lwsta + lwloc + lpctymle | county + year")
  source <- "Baltagi (2006), doi 10.1002/jae.861,"
  rbind(
    crime_rows(paste(source, "fixed effects"), c("-.355", ".413", "-.282", "-.173", "-.002",
                                                 ".032", ".027", ".021", ".032", ".026"),
               stats::as.formula(paste("lcrmrte ~ lprbarr + lpolpc +", rest)), d),
    crime_rows(paste(source, "FE2SLS"), c("-.576", ".658", "-.423", "-.250", ".009", ".802",
                                          ".847", ".502", ".279", ".049"),
               stats::as.formula(paste("lcrmrte ~", rest, "| lprbarr + lpolpc ~ ltaxpc + lmix")),
               d))
}

group <- list(
  title = "Produc and Crime: Baltagi",
  needs = "plm",
  run = function() rbind(munnell(), crime()))
