# What a vcov argument asks for -> list(type, clusters, ...).

# Variables that a vcov argument names, so that their missing values can be seen at estimation.
cluster_expressions <- function(vcov) {
  if (!inherits(vcov, "formula")) return(list())
  terms <- check_joined(split_sum(vcov[[length(vcov)]]), "vcov", "cluster variables")
  unlist(lapply(terms, split_power), recursive = FALSE)
}

parse_vcov <- function(vcov, cluster, m) {
  if (inherits(vcov, "formula")) {
    if (!is.null(cluster)) {
      stop_arg("cluster", "is given although `vcov` is a formula",
               "Give the clusters in one of them")
    }
    type <- if (length(vcov) == 3L) deparse_one(vcov[[2L]]) else "CR1"
    cluster <- stats::as.formula(call("~", vcov[[length(vcov)]]), env = environment(vcov))
    vcov <- type
  }
  if (is.null(vcov)) vcov <- if (is.null(cluster)) "HC1" else "CR1"
  if (!is.character(vcov) || length(vcov) != 1L || is.na(vcov)) {
    stop_arg("vcov", paste("must be a string, a one-sided formula, a function or a matrix, not",
                           describe_value(vcov)))
  }
  known <- c(names(vcov_registry), names(vcov_aliases))
  if (!vcov %in% known) {
    stop_arg("vcov", sprintf("is %s, which is no known type", dQuote(vcov, FALSE)),
             paste("Known are", quote_list(known, 30L), "and formulas such as ~country"))
  }
  type <- if (vcov %in% names(vcov_aliases)) vcov_aliases[[vcov]] else vcov
  if (!vcov_registry[[type]]$clustered && !is.null(cluster)) {
    stop_arg("cluster", sprintf("is given, but vcov = %s does not cluster", dQuote(vcov, FALSE)),
             "Use \"CR1\" or \"CR0\"")
  }
  clusters <- if (vcov_registry[[type]]$clustered) {
    cluster_factors(cluster, m, if (vcov == "twoway") 2L else 1L)
  }
  list(type = type, clusters = clusters)
}

# Coded cluster variables over the rows of the model.
cluster_factors <- function(cluster, m, n_default) {
  if (is.null(cluster)) {
    if (length(m$factors) < n_default) {
      stop_arg("vcov", sprintf("needs %d cluster variable%s, and the model has %d fixed effect%s",
                               n_default, if (n_default > 1L) "s" else "", length(m$factors),
                               if (length(m$factors) == 1L) "" else "s"),
               "Name them: vcov = ~country")
    }
    return(m$factors[seq_len(n_default)])
  }
  need_full(m, "clustered standard errors")
  if (is.character(cluster) && !length(cluster) %in% c(m$n_data, m$n_rows)) {
    check_columns(cluster, m$data, "cluster")
    cluster <- stats::as.formula(call("~", join_sum(lapply(cluster, as.name))), env = m$env)
  }
  if (!inherits(cluster, "formula")) return(list(cluster = cluster_vector(cluster, m)))
  if (length(cluster) != 2L) {
    stop_arg("cluster", "must be a one-sided formula, for instance ~country")
  }
  terms <- check_joined(split_sum(cluster[[2L]]), "vcov", "cluster variables")
  frame <- new_frame(m$data, environment(cluster), m$threads)
  out <- lapply(terms, function(term) {
    coded <- m$factors[[deparse_one(term)]]
    if (!is.null(coded) && all(all.vars(term) %in% names(m$data))) return(coded)
    parts <- lapply(split_power(term), function(part) {
      frame_variable(frame, part, "cluster", "vcov")
    })
    code_factor(lapply(parts, cluster_values, m = m), vapply(parts, `[[`, "", "name"), "vcov",
                m$threads)
  })
  stats::setNames(out, vapply(terms, deparse_one, ""))
}

cluster_values <- function(variable, m) {
  value <- take_rows(variable$value, m$rows)
  at <- which(unusable(bad_rows(value, m$threads)))
  if (length(at)) {
    rows <- if (is.null(m$rows)) at else m$rows[at]
    stop_arg("vcov",
             sprintf("clusters by `%s`, which is NA or infinite in %s of the estimation sample",
                     variable$name, quote_rows(rows)),
             paste("Give the clusters to fe_lm() itself, which leaves such rows out; or use",
                   "`subset`; or fill them in"))
  }
  value
}

# A vector as long as the data or as the estimation sample.
cluster_vector <- function(cluster, m) {
  cluster <- plain_value(cluster, "cluster")
  if (is.list(cluster) || !length(cluster) %in% c(m$n_data, m$n_rows)) {
    stop_arg("cluster", sprintf(paste("must be a formula or hold %d (rows of data) or %d (rows",
                                      "used) values, not %s"),
                                m$n_data, m$n_rows, describe_value(cluster)))
  }
  if (length(cluster) == m$n_rows) {
    return(code_ids(check_complete(cluster, "cluster"), "cluster", "cluster"))
  }
  code_ids(cluster_values(list(value = cluster, name = "cluster"), m), "cluster", "cluster")
}

check_complete <- function(x, arg) {
  at <- which(unusable(bad_rows(x)))
  if (length(at)) stop_arg(arg, sprintf("is NA or infinite in %s", quote_rows(at)))
  x
}
