# The note under a model whose clusters are too few, or too unequal, for its variance.

# A test is doubted if it would reject a true hypothesis at 5 % with more than this probability.
tolerated_size <- 0.075

# Entries of a design up to which a note looks at the regressors; beyond, at the sizes of the
# clusters alone.
note_limit <- 1e6

#' Few or unequal clusters
#'
#' A print of a model says so when the clusters of its variance are too few, or too unequal, for the
#' type that was chosen, and names better ones that the model has. Estimates and standard errors are
#' not touched. `options(fepanel.cluster_note = FALSE)` turns the note off.
#'
#' @section The rule:
#' A t test with `"CR0"`, `"CR1"` or `"CR1S"` compares with t on G - 1 degrees of freedom, or those
#' that [fe_ssc()] asks for. With clusters worth \eqn{G^*}{G*} equal ones the statistic is rather as
#' variable as t on \eqn{G^* - 1}{G* - 1}, so that a test at 5 % rejects a true hypothesis with a
#' probability of about
#' \deqn{2 P(t_{G^*-1} > t_{G-1, 0.975}).}{2 P(t(G* - 1) > t(G - 1; 0.975)).}
#' The note is given when that exceeds 7.5 % for a slope (Bradley's liberal criterion), with the
#' smallest of the effective numbers of [fe_clusters()], the worst case included. So equal clusters
#' are not noted however few they are; one dominant cluster, or few treated ones, are however many
#' there are. Better then are `"CR3"`, or [fe_boottest()] with `bootstrap_type = "33"`; with few
#' treated clusters, `"CR2"` and the bootstrap. The simulation behind rule and advice is in
#' `vignette("inference", package = "fepanel")`.
#'
#' A slope that cannot be estimated without one of the clusters (a treatment of it alone) has
#' residuals of that cluster which its own coefficient fits: no clustered variance holds its error,
#' and a bootstrap over those clusters neither (MacKinnon and Webb 2018). The note names the slope,
#' and in place of `"CR3"` what there is for the others; for itself, the sub-cluster bootstrap, with
#' a `bootcluster` finer than the clusters.
#'
#' The numbers are found in one pass over the residual columns; for designs of more than a million
#' entries they are those of the sizes of the clusters. Models estimated with `lean = TRUE` have no
#' note.
#'
#' @references Bradley (1978) \doi{10.1111/j.2044-8317.1978.tb00581.x}; Carter, Schnepel and
#'   Steigerwald (2017) \doi{10.1162/REST_a_00639}; MacKinnon and Webb (2018)
#'   \doi{10.1111/ectj.12107}; MacKinnon, Nielsen and Webb (2023)
#'   \doi{10.1016/j.jeconom.2022.04.001}; Pustejovsky and Tipton (2018)
#'   \doi{10.1080/07350015.2016.1247004}.
#' @name few_clusters
NULL

# -> lines for the print, or NULL
cluster_note <- function(m) {
  if (!check_flag(getOption("fepanel.cluster_note", TRUE), "options(fepanel.cluster_note)") ||
      !m$vcov_info$type %in% c("CR0", "CR1", "CR1S") || isTRUE(m$lean) ||
      !length(setdiff(names(m$coefficients), "(Intercept)"))) {
    return(NULL)
  }
  clusters <- model_clusters(m)
  worth <- lapply(clusters, function(coded) worth_of_clusters(m, coded))
  least <- which.min(vapply(worth, function(w) min(w$number), 0))
  worth <- worth[[least]]
  worth <- worth[expected_size(worth$number, df_of(m, worth$term)) > tolerated_size, ]
  if (!nrow(worth)) return(NULL)
  G <- m$vcov_info$G
  by <- names(G)
  better <- if (length(by) > 1L) "better: fe_boottest()" else better_types(m, clusters[[1L]], by)
  c(sprintf("Note: %d clusters of `%s`, worth %s", as.integer(G[[least]]), by[least],
            worth_text(worth)),
    paste0("      ", c(sprintf("With so few, tests with %s reject too often; %s%s",
                               m$vcov_info$type, better[1L],
                               if (length(better) == 1L) " (?few_clusters)" else ""), better[-1L])))
}

# What the model has in place of its type -> a line or two.
better_types <- function(m, coded, by) {
  alone <- slopes_of_one_cluster(m, coded)
  cr2 <- if (basis_fits(m, !are_nested(m$factors, coded), coded$n_levels)) sprintf("CR2 ~ %s", by)
  join <- function(...) paste(c(...), collapse = ", ")
  jackknife <- c(sprintf("CR3 ~ %s", by), cr2, "fe_boottest(bootstrap_type = \"33\")")
  if (is.null(alone)) {
    return(c(paste("better, if no slope rests on one cluster:", join(jackknife)),
             paste0("otherwise: ", join(cr2, "fe_boottest()"), " (?few_clusters)")))
  }
  if (!length(alone)) return(paste("better:", join(jackknife)))
  rest <- if (length(alone) < length(setdiff(names(m$x), "(Intercept)"))) {
    sprintf("for the others: %s ", join(cr2, "fe_boottest()"))
  }
  c(sprintf("%s cannot be estimated without one cluster:", quote_list(alone)),
    "no clustered variance holds its error; better: fe_boottest() with a finer `bootcluster`",
    paste0(rest, "(?few_clusters)"))
}

# Slopes that cannot be estimated without some cluster; NULL where finding them costs much.
slopes_of_one_cluster <- function(m, coded) {
  if (m$n_rows * length(m$x) > note_limit || is.null(plain_dummies(m, coded))) return(NULL)
  known <- leave_out_coefs(m, coded)$coef
  setdiff(colnames(known)[colSums(is.na(known)) > 0], "(Intercept)")
}

# Degrees of freedom of t for coefficients; NA for all of them together.
df_of <- function(m, term) {
  df <- m$vcov_info$df
  if (length(df) == 1L) df else if (anyNA(term)) max(df) else unname(df[term])
}

# How often a test at 5 % against t(df) rejects if the statistic is t(G* - 1).
expected_size <- function(worth, df) {
  2 * stats::pt(-stats::qt(0.975, df), pmax(worth - 1, 1e-3))
}

# The least effective number of one cluster variable for each slope -> data frame(number, of, term)
worth_of_clusters <- function(m, coded, limit = note_limit) {
  if (m$n_rows * length(m$x) > limit) {
    return(data.frame(number = participation(cluster_sizes(m, coded)^2), of = "by their sizes",
                      term = NA_character_))
  }
  worth <- effective_clusters(influence_sums(m, coded), c(0, 1))
  worth <- data.frame(number = apply(worth, 1L, min, na.rm = TRUE),
                      of = sprintf("for `%s`", names(m$x)), term = names(m$x))
  worth[names(m$x) != "(Intercept)", ]
}

# "9.2 equal ones for `pgdp`, 15.2 for `urban`", the least first.
worth_text <- function(worth) {
  worth <- worth[order(worth$number), ]
  shown <- utils::head(worth, 3L)
  unit <- rep(c(" equal ones", ""), c(1L, nrow(shown) - 1L))
  more <- nrow(worth) - nrow(shown)
  paste0(paste(sprintf("%.1f%s %s", shown$number, unit, shown$of), collapse = ", "),
         if (more) sprintf(" and %d more", more))
}
