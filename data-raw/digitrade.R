# Builds data/digitrade.rda and data/digitrade_published.rda.
# Run from the package root: Rscript data-raw/digitrade.R   (a few seconds)
#
# The data are synthetic: a panel of 63 countries and 13 years made so that
# regressions with country and year effects give the printed tables in
# data-raw/paper. Order of the construction (README.md says why):
#   indicators and their index -> regressors -> outcome -> mediators, service types.
# Set DIGITRADE_TRACE=1 to see the solver work.

source("data-raw/digitrade-tools.R")
source("data-raw/digitrade-regressors.R")
source("data-raw/digitrade-outcome.R")
source("data-raw/digitrade-services.R")

CONTROLS <- c("pgdp", "fdi", "gfcf", "rd", "urban")
XNAMES <- c("ln_imdig", CONTROLS)

# Every part draws from a stream of its own, so that parts do not disturb each other.
new_stream <- function(k) {
  set.seed(20080 + k, kind = "Mersenne-Twister", normal.kind = "Inversion",
           sample.kind = "Rejection")
}

# ---- 1. the panel -------------------------------------------------------------

make_panel <- function() {
  code <- sprintf("c%02d", seq_len(63L))
  # places that carry an extreme value of Table 1 or a base level
  id <- list(base = 1L, first_dev = 2L, rich = 38L, city = 52L, hub = c(12L, 38L, 42L, 26L),
             poor = 19L, rural = 54L, maker = 11L, tiny = 40L, closed = 33L, digital = 30L,
             late = 60L, low = c(61L, 9L, 24L))
  new_stream(1)
  dev_c <- rep(NA, 63L)
  dev_c[c(2L, 12L, 26L, 30L, 38L, 42L)] <- TRUE
  dev_c[c(1L, 52L, 19L, 54L, 11L, 40L, 33L, 60L, 61L, 9L, 24L)] <- FALSE
  free <- which(is.na(dev_c))
  dev_c[free] <- FALSE
  dev_c[sample(free, 31L - 6L)] <- TRUE
  list(country = factor(rep(code, each = 13L), levels = code), year = rep(2008:2020, 63L),
       t = rep(0:12, 63L), dev_c = dev_c, dev = rep(dev_c, each = 13L), id = id)
}
p <- make_panel()
ALL <- seq_len(819L)
DEV <- which(p$dev)
DEVG <- which(!p$dev)
D_all <- fe_dummies(p$country, p$year)
BASE <- base_functional(D_all)                # BASE'v: base level of v
row_of <- function(i, year) (i - 1L) * 13L + year - 2007L
country_mean <- function(v) as.numeric(tapply(v, p$country, mean))

# ---- 2. targets ------------------------------------------------------------------

published <- utils::read.csv("data-raw/paper/tables2to4.csv", na.strings = "",
                             colClasses = c(column = "character"))
published$doubt[is.na(published$doubt)] <- ""
# remarks on what a column holds are no doubts
published$doubt[published$doubt %in% c("developed countries", "developing countries")] <- ""
published$stars[is.na(published$stars)] <- ""
table1 <- utils::read.csv("data-raw/paper/table1.csv")
t1 <- function(v, what) table1[table1$variable == v, what]
cell <- function(tab, column, term, what = "estimate")
  published[published$table == tab & published$column == column & published$term == term, what]

# Unrounded coefficients of Table 2 (rows: columns of the table).
B <- matrix(0, 6L, 6L, dimnames = list(NULL, XNAMES))
for (k in 1:6) for (j in seq_len(k)) B[k, j] <- cell(2, k, XNAMES[j])
CONS <- vapply(1:6, function(k) cell(2, k, "_cons"), 0)
# inside the rounding, away from its edges: the first eases adjusted R2 of columns
# 3 and 4, the second c' = c - a b of the mediators
B[4, "gfcf"] <- 0.00453
B[6, "ln_imdig"] <- 0.13953

# Adding x_k to column k - 1 changes the other coefficients by b_k times those of
# the regression of x_k on the earlier regressors (omitted variables):
#   B[k-1, j] - B[k, j] = b_k delta_kj,   CONS[k-1] - CONS[k] = b_k delta_k0.
delta <- function(k) (B[k - 1L, seq_len(k - 1L)] - B[k, seq_len(k - 1L)]) / B[k, k]
delta0 <- function(k) (CONS[k - 1L] - CONS[k]) / B[k, k]

# Residual sums of squares: RSS[k-1] - RSS[k] = b_k^2 SS_k, SS_k the residual sum
# of squares of x_k on the earlier regressors. SS_k is chosen inside what the
# standard errors and adjusted R2 allow.
rss_of <- function(adj, n, K, tss) (1 - adj) * (n - K) / (n - 1) * tss
TSS <- 818 * t1("ln_upmf", "sd")^2
RSS6 <- rss_of(1 - 0.004785, 819, 81, TSS)
SS <- c(ln_imdig = 13.2, pgdp = 8700, fdi = 150000, gfcf = 9600, rd = 25, urban = 915)
RSS_DEV <- 2.04
RSS_DEVG <- 7.70

# Moderation (Table 3, column 5). Its constant is that of the regression with both
# main effects centred; for it, the interaction has to move against urban.
MOD <- c(ln_imdig = cell(3, 5, "ln_imdig"), ln_insti = cell(3, 5, "ln_insti"),
         inter = cell(3, 5, "ln_imdig:ln_insti"))
SS_INSTI <- 24
DELTA_W_URBAN <- -0.043

# Base level of ln_imdig: the constant's standard error in Table 2 column 1 is about
# L se(b), L = .1584 / .0432.
L_IMDIG <- 3.67

# ---- 3. regressors, outcome, mediators, service types ------------------------------

indicators <- scaled_indicators()
ln_insti <- institution_index(indicators)
X <- make_regressors()

models <- outcome_models(X)
ln_upmf <- level_outcome(solve_outcome(start_outcome(X)))

size <- country_mean(ln_upmf)
income <- country_mean(X[, "pgdp"])
ln_innov <- make_innov(size, income)
ln_inter <- make_inter(income)
types <- service_types()
services <- sapply(names(types), function(s) make_service(s, types[[s]], X, size, income),
                   simplify = FALSE)

# ---- 4. the data frame ----------------------------------------------------------------

# Six decimals for what was solved for (far below what any printed digit feels);
# the indicators have four, and ln_insti follows from them exactly.
solved <- data.frame(ln_upmf, X, ln_innov, ln_inter, ln_insti, services)
rounded <- setdiff(names(solved), "ln_insti")
solved[rounded] <- lapply(solved[rounded], round, 6L)
digitrade <- data.frame(country = p$country, year = as.integer(p$year), developed = p$dev,
                        solved, indicators)
rownames(digitrade) <- NULL
stopifnot(nrow(digitrade) == 819L, !anyDuplicated(digitrade[c("country", "year")]))

# ---- 5. the printed cells ----------------------------------------------------------------

# Long: Table 1 with one row a statistic and variable, then Tables 2 to 4 as printed.
make_published <- function() {
  what <- c("mean", "sd", "min", "max", "obs")
  one <- data.frame(
    table = 1L, column = rep(what, each = nrow(table1)), term = rep(table1$variable, length(what)),
    estimate = unlist(table1[what], use.names = FALSE), std_error = NA_real_, stars = "",
    doubt = "", digits = rep(c(3L, 3L, 3L, 3L, 0L), each = nrow(table1)))
  two <- published
  two$digits <- ifelse(two$term == "nobs", 0L, 4L)
  out <- rbind(one, two[names(one)])
  out$table <- as.integer(out$table)
  rownames(out) <- NULL
  out
}
digitrade_published <- make_published()

dir.create("data", showWarnings = FALSE)
save(digitrade, file = "data/digitrade.rda", version = 2, compress = "xz")
save(digitrade_published, file = "data/digitrade_published.rda", version = 2, compress = "xz")
