# Sensitivity to omitted variables: mediation's medsens on its data `jobs`, and sensemakr on its
# data `darfur`. Both are functions of the cross products given, so the data themselves are not
# needed.
medsens <- function() {
  # medsens(rho.by = 0.1, eps = 1e-14) of job_seek ~ treat + econ_hard + sex + age and
  # depress2 ~ treat + job_seek + econ_hard + sex + age
  names <- c("treat", "econ_hard", "sex", "age", "job_seek", "depress2")
  cov <- c(0.22197448407, -0.00131563894875, -0.0130041907892, 0.082405604676, 0.0149721839737,
           -0.0140612560255, 0.971974207311, -0.028926010941, 0.000774264349487, 0.0518106373211,
           0.128912154139, 0.248693085012, 0.145121489807, -0.00362480074528, 0.0237524279789,
           109.110943641, 0.50477629859, -0.0380287325748, 0.530022135397, -0.120147774758,
           0.424279257107)
  d <- rows_with(899 * cov, names, 899)
  x <- fe_mediate(depress2 ~ treat + econ_hard + sex + age, d, mediators = "job_seek", R = 0)
  rho <- c(-0.9, -0.5, -0.3, 0, 0.3, 0.5, 0.9)
  s <- fe_sensitivity(x, rho = rho)
  rbind(
    compare("mediation 4.5.1, mediate() on jobs", c("ab", "c'", "n"),
            c("-.01574465", "-.0402647", "899"),
            c(coef(x)[c("indirect:job_seek", "direct:job_seek")], stats::nobs(x))),
    compare("mediation 4.5.1, medsens() on jobs", paste("ab at rho =", rho),
            c(0.09859859918738, 0.01622841438015, 0.00167123333563, -0.01574464502889,
              -0.03316052339332, -0.04771770443783, -0.13008788924665), s$rho$indirect, 7),
    # R2tilde.d.thresh over R2star.d.thresh: the unexplained shares of both equations
    compare("mediation 4.5.1, medsens() on jobs", "R2 of the total over R2 of the residual",
            0.0782613495148 / 0.09, s$rho_zero$r2.total / s$rho_zero$r2.residual))
}

sensemakr <- function() {
  # peacefactor ~ directlyharmed + age + farmer_dar + herder_dar + pastvoted + hhsize_darfur +
  # female + village: cross products within the 486 villages, 1276 rows
  names <- c("peacefactor", "directlyharmed", "age", "farmer_dar", "herder_dar", "pastvoted",
             "hhsize_darfur", "female")
  cross <- c(89.0619085398, 21.3238737008, 0.14873588654, -11.9065230437, -0.40975469116,
             -11.4948113931, 68.4796841545, -45.4613055197, 181.108191895, -40.639911318,
             -0.865322834828, 11.2149767985, 6.26913849756, 12.7731868502, -15.9672204857,
             179741.642846, 1064.33162348, 598.599837442, -1318.89220338, 14613.3955658,
             -1420.67204125, 126.870155322, 21.7182315578, 2.14976913944, -71.2565381585,
             19.8469995463, 99.8626403859, 2.34398935764, -140.45855298, 2.25507144065,
             178.406523588, -155.46814009, 25.9626736106, 27614.0082416, -237.918553791,
             191.943635265)
  village <- rep_len(1:486, 1276)
  d <- cbind(rows_with(cross, names, 1276, village), village)
  m <- fe_lm(peacefactor ~ directlyharmed + age + farmer_dar + herder_dar + pastvoted +
               hhsize_darfur + female | village, d)
  s <- fe_sensitivity(m, benchmark = "female", kd = 1:3)
  source <- "sensemakr 0.1.6 on darfur, within villages"
  stats <- c("estimate", "std.error", "r2.treat.outcome", "rv", "rv.alpha")
  bounds <- c("r2.treat", "r2.outcome", "estimate", "std.error")
  rbind(
    compare(source, c("estimate", "SE", "partial R2", "RV", "RV at 5 %"),
            c(0.097315819285, 0.0232565378098, 0.0218730933411, 0.138776353894, 0.0762579655449),
            unlist(s$stats[stats]), 8),
    compare(source, paste0(rep(c("R2 of the treatment", "R2 of the outcome", "estimate", "SE"),
                               each = 3L), ", ", 1:3, " times female"),
            c(0.00916428667505, 0.0183285733501, 0.02749286002515, 0.124640923036, 0.2493240642,
              0.374050471038, 0.0752202712144, 0.0529151723845, 0.0303960234642, 0.0218733277438,
              0.020350062078, 0.0186700648171), unlist(s$bounds[bounds]), 8))
}

group <- list(
  title = "Sensitivity: mediation's medsens and sensemakr",
  needs = character(),
  run = function() rbind(medsens(), sensemakr()))
