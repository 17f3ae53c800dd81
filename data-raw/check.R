# Recomputes every printed cell (but the bootstrap intervals) from data/*.rda with
# lm() on country and year dummies and HC1 standard errors written out, and prints
# published | computed. Run from the package root: Rscript data-raw/check.R
# Exits with status 1 if a cell without `doubt` differs.

load("data/digitrade.rda")
load("data/digitrade_published.rda")
d <- digitrade
d$country <- factor(as.character(d$country))
d$year <- factor(d$year)
CONTROLS <- c("pgdp", "fdi", "gfcf", "rd", "urban")
STEPS <- c("ln_imdig", CONTROLS)

# one printed column: named estimates and standard errors, nobs, adj_r2, df
dummy_fit <- function(lhs, rhs, data = d) {
  m <- lm(reformulate(c(rhs, "country", "year"), lhs), data = droplevels(data))
  Z <- model.matrix(m)
  e <- residuals(m)
  n <- nrow(Z)
  K <- m$rank
  stopifnot(K == ncol(Z))
  bread <- chol2inv(qr.R(m$qr))             # lm() pivots nothing at full rank
  V <- n / (n - K) * bread %*% crossprod(Z * e) %*% bread
  y <- model.response(model.frame(m))
  list(b = c(coef(m), `_cons` = coef(m)[[1L]]),
       se = c(setNames(sqrt(diag(V)), names(coef(m))), `_cons` = sqrt(V[1L, 1L])),
       nobs = n, df = n - K, model = m,
       adj_r2 = 1 - sum(e^2) / (n - K) / (sum((y - mean(y))^2) / (n - 1)))
}

centred <- transform(d, ln_imdig = ln_imdig - mean(ln_imdig), ln_insti = ln_insti - mean(ln_insti))
fits <- list()
for (k in 1:6) fits[[paste(2, k)]] <- dummy_fit("ln_upmf", STEPS[seq_len(k)])
fits[["3 1"]] <- dummy_fit("ln_innov", STEPS)
fits[["3 2"]] <- dummy_fit("ln_upmf", c(STEPS, "ln_innov"))
fits[["3 3"]] <- dummy_fit("ln_inter", STEPS)
fits[["3 4"]] <- dummy_fit("ln_upmf", c(STEPS, "ln_inter"))
fits[["3 5"]] <- dummy_fit("ln_upmf", c("ln_imdig * ln_insti", CONTROLS), centred)
fits[["4 1"]] <- dummy_fit("ln_upmf", STEPS, d[d$developed, ])
fits[["4 2"]] <- dummy_fit("ln_upmf", STEPS, d[!d$developed, ])
segments <- c("ln_insur", "ln_finan", "ln_intelpro", "ln_ict", "ln_other", "ln_audio")
for (j in 1:6) fits[[paste(4, j + 2)]] <- dummy_fit("ln_upmf", c(segments[j], CONTROLS))

describe <- list(mean = mean, sd = sd, min = min, max = max, obs = length)
stars_of <- function(p) if (p < .01) "***" else if (p < .05) "**" else if (p < .1) "*" else ""
show_number <- function(x, digits) ifelse(is.na(x), "", sprintf("%.*f", as.integer(digits), x))

P <- digitrade_published
P$got <- P$got_se <- NA_real_
P$got_stars <- ""
for (i in seq_len(nrow(P))) {
  if (P$table[i] == 1L) {
    P$got[i] <- describe[[P$column[i]]](d[[P$term[i]]])
    next
  }
  f <- fits[[paste(P$table[i], P$column[i])]]
  if (is.null(f)) next                       # bootstrap intervals: not computed here
  if (P$term[i] %in% c("nobs", "adj_r2")) {
    P$got[i] <- f[[P$term[i]]]
  } else {
    P$got[i] <- f$b[[P$term[i]]]
    P$got_se[i] <- f$se[[P$term[i]]]
    P$got_stars[i] <- stars_of(2 * pt(-abs(P$got[i] / P$got_se[i]), f$df))
  }
}
target <- P$doubt == ""
show_cell <- function(estimate, stars, se) {
  brackets <- ifelse(is.na(se), "", paste0(" (", show_number(se, P$digits), ")"))
  paste0(show_number(estimate, P$digits), stars, brackets)
}
text <- data.frame(cell = paste(P$table, P$column, P$term),
                   published = show_cell(P$estimate, P$stars, P$std_error),
                   computed = show_cell(P$got, P$got_stars, P$got_se))
ok <- text$published == text$computed
text$ok <- ifelse(ok, "yes", ifelse(target, "NO",
                                    ifelse(is.na(P$got), "- not computed", "- doubted")))
options(width = 150)
print(text, right = FALSE, row.names = FALSE)

# the institution index follows from the fourteen indicators
ind <- as.matrix(d[grep("^(wgi|ief)_", names(d))])
v1 <- eigen(cor(ind), symmetric = TRUE)$vectors[, 1L]
s <- drop(scale(ind) %*% v1) * sign(sum(v1))
index_gap <- max(abs(log(s - min(s) + 1) - d$ln_insti))

# how far the computed numbers are from where they would round differently
margin <- function(x, digits) {
  u <- x * 10^digits
  (0.5 - abs(u - round(u)))[!is.na(x)]       # in units of the last printed digit
}
regress <- target & P$table > 1L & P$term != "nobs"
edge <- min(margin(P$got[regress], P$digits[regress]),
            margin(P$got_se[regress], P$digits[regress]))

numbers <- function(k) sum(!is.na(P$estimate[k])) + sum(!is.na(P$std_error[k]))
cat(sprintf("\nrows without doubt: %d, matched: %d; printed numbers in them: %d\n",
            sum(target), sum(ok & target), numbers(target)))
in1 <- P$table == 1L
cat(sprintf("of these Table 1: %d of %d\n", sum(ok & in1), sum(in1)))
cat(sprintf("largest gap of ln_insti from its indicators: %.1e\n", index_gap))
cat(sprintf("nearest rounding edge, Tables 2-4: %.3f of the last printed digit\n", edge))
cat(sprintf("lost cell, Table 3 column 2, ln_imdig: %.4f (%.4f)\n",
            fits[["3 2"]]$b[["ln_imdig"]], fits[["3 2"]]$se[["ln_imdig"]]))
if (!all(ok[target]) || index_gap > 1e-9) quit(status = 1L)
