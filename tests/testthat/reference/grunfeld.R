# Grunfeld's data on investment, ten firms and twenty years: the numbers of Baltagi's book, of
# Stata, and of the packages whose conventions fe_ssc() knows.
grunfeld <- function() data_of("Grunfeld", "plm")

one_way <- function(g) {
  within <- fe_lm(inv ~ value + capital | firm, g, vcov = "iid", intercept = "within")
  means <- stats::aggregate(cbind(inv, value, capital) ~ firm, g, mean)
  between <- fe_lm(inv ~ value + capital, means)
  random <- fe_hausman(within, method = "hausman")$estimates$random
  rbind(
    compare("Baltagi, Econometric Analysis of Panel Data, chapter 2", paste("within:", c(
      "value", "capital", "SE value", "SE capital")),
      c(".1101238", ".3100653", ".0118567", ".0173545"),
      c(coef(within)[-1L], se_of(within)[-1L])),
    compare("Baltagi, chapter 2", paste("random effects:", c("value", "capital")),
            c(".1097812", ".3081130"), random),
    compare("Baltagi, chapter 2", paste("between:", c("value", "capital")),
            c(".1346461", ".0320315"), coef(between)[-1L]),
    compare("Stata: xtreg, fe", paste("_cons:", c("estimate", "SE", "SE robust of rows",
                                                  "SE by firm")),
            c("-58.743939", "12.453692", "23.374219", "27.602865"),
            c(coef(within)[1L], se_of(within)[1L], se_of(within, "HC1")[1L],
              se_of(within, ~firm, ssc = "xtreg")[1L])),
    compare("Stata: areg, absorb(firm)", "_cons: SE by firm", "28.255848",
            se_of(within, ~firm, ssc = "areg")[1L]))
}

constants <- function(g) {
  first <- function(m, ...) se_of(m, ...)[1L]
  fit <- function(constant) {
    fe_lm(inv ~ value + capital | firm + year, g, vcov = "iid", intercept = constant)
  }
  within <- fit("within")
  mean <- fit("mean")
  lsdv <- fit("lsdv")
  rbind(
    compare("Stata: xtreg i.year, fe and areg i.year", paste("_cons:", c(
      "estimate", "SE", "SE robust of rows", "SE by firm, xtreg", "SE by firm, areg")),
      c("-32.836317", "18.875328", "22.591067", "19.782595", "20.302519"),
      c(coef(within)[1L], first(within), first(within, "HC1"), first(within, ~firm, ssc = "xtreg"),
        first(within, ~firm, ssc = "areg"))),
    compare("Stata: reghdfe, absorb(firm year)", paste("_cons:", c(
      "estimate", "SE", "SE robust of rows", "SE by firm", "SE by firm, all K")),
      c("-80.163795", "14.844022", "25.391962", "22.1916", "22.774837"),
      c(coef(mean)[1L], first(mean), first(mean, "HC1"), first(mean, ~firm, ssc = "reghdfe"),
        first(mean, ~firm, ssc = "areg"))),
    compare("Stata: reg i.firm i.year", paste("_cons:", c("estimate", "SE", "SE robust")),
            c("-86.900230", "56.046633", "75.436007"),
            c(coef(lsdv)[1L], first(lsdv), first(lsdv, "HC1"))))
}

# The standard error of value by firm, under each convention.
conventions <- function(m) {
  of <- function(...) se_of(m, ...)[1L]
  rbind(
    compare("no factor (CR0)", "SE value", ".009712023687", of(CR0 ~ firm)),
    compare("plm 2.6-2, vcovHC(HC0)", "SE value", ".009712023687", of(ssc = "plm")),
    compare("fixest 0.14.2, default", "SE value", ".0108244295", of(ssc = "fixest")),
    compare("fixest 0.14.2, K.fixef = \"full\"", "SE value", ".0111089155",
            of(ssc = fe_ssc("fixest", K.fixef = "full"))),
    compare("fixest 0.14.2, K.fixef = \"none\"", c("SE value", "t of value"),
            c(".0102631912", "11.46971"),
            c(of(ssc = fe_ssc("fixest", K.fixef = "none")),
              coef(m)[[1L]] / of(ssc = fe_ssc("fixest", K.fixef = "none")))),
    compare("fixest 0.14.2, K.adj = FALSE", "SE value", ".0102373718",
            of(ssc = fe_ssc("fixest", K.adj = FALSE))),
    compare("fixest 0.14.2, K.adj = G.adj = FALSE", "SE value", ".009712023687",
            of(ssc = fe_ssc("fixest", K.adj = FALSE, G.adj = FALSE))),
    compare("Stata: reghdfe; xtreg, fe; ours by default", "SE value", rep(".0108244295", 3L),
            c(of(ssc = "reghdfe"), of(ssc = "xtreg"), of())),
    compare("Stata: areg, and regress with dummies", "SE value", ".0111089155", of(ssc = "areg")),
    compare("plm 2.6-2, vcovHC(HC1)", "SE value", ".0097609511", of(ssc = "plm.HC1")),
    compare("plm 2.6-2, vcovHC(sss)", "SE value", ".0102631912", of(ssc = "plm.sss")),
    compare("sandwich 3.0-2, vcovCL(HC0)", "SE value", ".0102373718", of(ssc = "sandwich")),
    compare("sandwich 3.0-2, vcovCL(HC1) on dummies", "SE value", ".0111089155",
            of(ssc = "sandwich.HC1")),
    compare("lfe 3.1.1", c("SE value", "p of value"), c(".01028921", "1.155e-06"),
            c(of(ssc = "lfe"), tidy(m, ssc = "lfe")$p.value[1L])),
    compare("estimatr 1.0.0, stata", "SE value", ".0111089155", of(ssc = "estimatr")),
    compare("estimatr 1.0.0, CR0", "SE value", ".009712023687", of(ssc = "estimatr.CR0")),
    compare("clubSandwich 0.5.8, CR1", "SE value", ".0102373718", of(ssc = "clubSandwich")),
    compare("clubSandwich 0.5.8, CR1S on dummies", "SE value", rep(".0111089155", 2L),
            c(of("CR1S", "firm"), of(ssc = "clubSandwich.CR1S"))),
    compare("fixest 0.14.2, HC2 and HC3", c("SE value, HC2", "SE value, HC3"),
            c(".0203356", ".0236238"), c(of("HC2"), of("HC3"))))
}

few_clusters <- function(m) {
  cr2 <- summary(m, CR2 ~ firm)
  jackknife <- se_of(m, "CR3", "firm")
  rbind(
    compare("clubSandwich 0.5.8 on dummies, estimatr 1.0.0", paste("CR2:", c(
      "SE value", "SE capital", "df value", "df capital")),
      c(".0208148233", ".1002139542", "2.38867", "1.84346"),
      c(se_of(cr2), cr2$vcov_info$df)),
    compare("summclust 0.7.0, CRV3", c("SE value", "SE capital"), c(".05233021", ".24656328"),
            jackknife),
    compare("the cluster jackknife without (G-1)/G", "SE value", ".05516089",
            se_of(m, "CR3", "firm", ssc = fe_ssc(jackknife.adj = FALSE))[1L]))
}

fit_measures <- function(m, g) {
  fit <- glance(m)
  by_df <- 1 - (1 - fit$within.r.squared) * (m$nobs - 1) / m$df.residual
  capital <- fe_lm(inv ~ capital | firm + year, g, vcov = ~firm)
  rbind(
    compare("fixest ar2, reghdfe r2_a, estimatr, lfe, dummies", "adjusted R2", ".943118",
            fit$adj.r.squared),
    compare("fixest wr2", "within R2", ".720145", fit$within.r.squared),
    compare("fixest war2, reghdfe r2_a_within", "within R2, adjusted", ".716833",
            fit$within.adj.r.squared),
    compare("plm adjrsq, lfe P.adj, estimatr proj_adj", "projected R2, adjusted", ".670467", by_df,
            note = "from within R2, n and df"),
    compare("Stata: xtreg, vce(cluster firm), inv on capital", "SE capital", ".06328129",
            se_of(capital)))
}

# All 2^10 signs of the ten firms: no random numbers. The limits of the peer stem from a search with
# a tolerance; p is a step function of the null value, whose edge is ours.
wild_bootstrap <- function(m) {
  capital <- fe_boottest(m, "capital", ssc = "areg")
  value <- fe_boottest(m, "value", ssc = "areg")
  source <- "fwildclusterboot 0.14.3, all 1024 draws"
  rbind(
    compare(source, c("t capital", "p capital", "t value"),
            c("7.288655", ".048828125", "10.59652"),
            c(capital$statistic, capital$p.value, value$statistic), c(7, 8, 7)),
    compare(source, "p value", 0, value$p.value, 15),
    compare(source, paste("limit:", c("capital, lower", "capital, upper", "value, lower",
                                      "value, upper")),
            c(".007572546", ".5714724", ".05894049", ".1292848"),
            c(capital$conf.int, value$conf.int), c(3, 5, 4, 4),
            note = "the peer searches with a tolerance"))
}

group <- list(
  title = "Grunfeld: Baltagi, Stata and every package's convention",
  needs = "plm",
  run = function() {
    g <- grunfeld()
    m <- fe_lm(inv ~ value + capital | firm + year, g, vcov = ~firm)
    # a constant clustered by the units whose effects it averages says so in a warning
    constant <- suppressWarnings(rbind(one_way(g), constants(g)), classes = "fe_warning")
    rbind(constant, conventions(m), few_clusters(m), fit_measures(m, g), wild_bootstrap(m))
  })
