# What a vcov argument asks for -> list(type, clusters, ...).

# Variables that a vcov argument names, so that their missing values can be seen at estimation.
cluster_expressions <- function(vcov) {
  if (!inherits(vcov, "formula")) return(list())
  terms <- check_joined(split_sum(vcov[[length(vcov)]]), "vcov", "variables")
  unlist(lapply(terms, split_power), recursive = FALSE)
}

# What a message calls them.
variance_role <- function(vcov) {
  type <- if (length(vcov) == 3L) read_type(vcov[[2L]])$type
  role <- vcov_registry[[c(type, "CR1")[1L]]]$role
  if (is.null(role)) "cluster" else role
}

# What the model's own variance was asked for.
own_spec <- function(m) parse_vcov(m$vcov_request$vcov, m$vcov_request$cluster, m)

# The coded cluster variables of the model's variance; an empty list if it has none.
model_clusters <- function(m) if (length(m$vcov_info$G)) own_spec(m)$clusters else list()

# A request of a type with arguments is read by the type itself: request(asked, m) -> what it adds
# to list(type, clusters).
parse_vcov <- function(vcov, cluster, m) {
  asked <- read_request(vcov, cluster)
  entry <- vcov_registry[[asked$type]]
  if (!is.null(entry$request) && !entry$clustered) {
    if (!is.null(cluster)) {
      stop_arg("cluster", sprintf("is given, but %s does not cluster", asked$type),
               paste("Write", entry$usage))
    }
    return(c(list(type = asked$type, clusters = list()), entry$request(asked, m)))
  }
  if (length(asked$args) && is.null(entry$request)) {
    stop_arg("vcov", sprintf("gives arguments to %s, which takes none", asked$type))
  }
  if (!entry$clustered && (!is.null(cluster) || !is.null(asked$terms))) {
    stop_arg("cluster", sprintf("is given, but vcov = %s does not cluster",
                                dQuote(asked$type, FALSE)),
             "Use \"CR1\" or \"CR0\"")
  }
  if (!is.null(asked$terms)) {
    cluster <- stats::as.formula(call("~", join_sum(asked$terms)), env = asked$env)
  }
  arg <- if (is.null(asked$terms)) "cluster" else "vcov"
  by_rows <- isTRUE(entry$rows) && is.null(cluster) && !length(m$factors)
  clusters <- if (entry$clustered && !by_rows) {
    cluster_factors(cluster, m, if (identical(vcov, "twoway")) 2L else 1L, arg)
  }
  c(list(type = asked$type, clusters = clusters, arg = arg),
    if (!is.null(entry$request)) entry$request(asked, m, clusters))
}

# -> list(type (a name of the registry), args (expressions), terms (of the right side of a formula,
# else NULL), env)
read_request <- function(vcov, cluster) {
  if (inherits(vcov, "formula")) {
    if (!is.null(cluster)) {
      stop_arg("cluster", "is given although `vcov` is a formula",
               "Give the clusters in one of them")
    }
    type <- if (length(vcov) == 3L) vcov[[2L]] else "CR1"
    return(c(read_type(type),
             list(terms = check_joined(split_sum(vcov[[length(vcov)]]), "vcov", "variables"),
                  env = environment(vcov))))
  }
  if (is.null(vcov)) vcov <- if (is.null(cluster)) "HC1" else "CR1"
  if (!is.character(vcov) || length(vcov) != 1L || is.na(vcov)) {
    stop_arg("vcov", paste("must be a string, a formula, a function or a matrix, not",
                           describe_value(vcov)))
  }
  expr <- if (grepl("(", vcov, fixed = TRUE)) {
    tryCatch(str2lang(vcov), error = function(e) vcov)
  } else vcov
  check_constants(expr)
  c(read_type(expr), list(terms = NULL, env = globalenv()))
}

# Text is not evaluated: the arguments of a type in a string are numbers, words, TRUE and FALSE.
check_constants <- function(expr) {
  if (!is.call(expr)) return(invisible())
  constant <- function(e) is.atomic(e) || (is_call_of(e, "-") && all(vapply(as.list(e)[-1L],
                                                                            is.numeric, NA)))
  open <- Filter(function(e) !constant(e), as.list(expr)[-1L])
  if (!length(open)) return(invisible())
  stop_arg("vcov", sprintf("is the string %s, in which `%s` is no number, word, TRUE or FALSE",
                           dQuote(deparse_one(expr), FALSE), deparse_one(open[[1L]])),
           "Write it as a formula, whose arguments are evaluated: NW(2) ~ country + year")
}

# A type as a string, a name, or a call such as NW(2).
read_type <- function(expr) {
  head <- if (is.call(expr)) expr[[1L]] else expr
  name <- if (is.name(head) || is.character(head)) as.character(head) else ""
  known <- c(names(vcov_registry), names(vcov_aliases))
  if (!name %in% known) {
    text <- if (is.character(expr)) expr else deparse_one(expr)
    near <- if (nzchar(name)) known[utils::adist(name, known, ignore.case = TRUE) == 0]
    stop_arg("vcov", sprintf("is %s, which is no known type", dQuote(text, FALSE)),
             if (length(near)) paste("Did you mean", quote_list(near)) else
               paste("Known are", quote_list(known, 40L), "and formulas such as ~country,",
                     "NW(2) ~ country + year or conley(100) ~ lat + lon"))
  }
  list(type = if (name %in% names(vcov_aliases)) vcov_aliases[[name]] else name,
       args = if (is.call(expr)) as.list(expr)[-1L])
}

# Values of the arguments of a type. defaults: a named list, in the order of the arguments.
request_arguments <- function(asked, defaults) {
  known <- names(defaults)
  signature <- as.function(c(stats::setNames(rep(list(quote(expr = )), length(known)), known),
                             list(NULL)))
  given <- tryCatch(match.call(signature, as.call(c(as.name(asked$type), asked$args))),
                    error = function(e) {
    stop_arg("vcov", sprintf("holds %s, whose arguments cannot be matched",
                             deparse_one(as.call(c(as.name(asked$type), asked$args)))),
             paste0("They are ", quote_list(known), ", as in ", vcov_registry[[asked$type]]$usage))
  })
  for (name in names(given)[-1L]) {
    defaults[name] <- list(tryCatch(eval(given[[name]], asked$env), error = function(e) {
      stop_arg("vcov", sprintf("has the argument %s = %s of %s, which cannot be evaluated: %s",
                               name, deparse_one(given[[name]]), asked$type, conditionMessage(e)))
    }))
  }
  defaults
}

# ---- variables -----------------------------------------------------------------------------------

# Coded cluster variables over the rows of the model; arg: what a message calls the argument.
cluster_factors <- function(cluster, m, n_default, arg = "cluster") {
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
    check_columns(cluster, m$data, arg)
    cluster <- stats::as.formula(call("~", join_sum(lapply(cluster, as.name))), env = m$env)
  }
  if (!inherits(cluster, "formula")) return(list(cluster = cluster_vector(cluster, m, arg)))
  if (length(cluster) != 2L) {
    stop_arg(arg, "must be a one-sided formula, for instance ~country")
  }
  terms <- check_joined(split_sum(cluster[[2L]]), arg, "cluster variables")
  use <- if (arg == "vcov") "clusters by" else "names"
  coded_terms(terms, environment(cluster), m, "cluster", use, arg)
}

# Coded variables of the terms, over the rows of the model, by name. role and use: what a message
# calls them ("cluster"), and what the variance does with them ("clusters by").
coded_terms <- function(terms, env, m, role, use, arg = "vcov") {
  frame <- own_data_frame(m, env)
  out <- lapply(terms, function(term) {
    coded <- m$factors[[deparse_one(term)]]
    if (!is.null(coded) && all(all.vars(term) %in% names(m$data))) return(coded)
    parts <- lapply(split_power(term), function(part) frame_variable(frame, part, role, arg))
    code_factor(lapply(parts, cluster_values, m = m, use = use, arg = arg),
                vapply(parts, `[[`, "", "name"), arg, m$threads)
  })
  stats::setNames(out, vapply(terms, deparse_one, ""))
}

cluster_values <- function(variable, m, use, arg) {
  value <- take_rows(variable$value, m$rows)
  at <- which(unusable(bad_rows(value, m$threads)))
  if (length(at)) {
    stop_arg(arg, sprintf("%s `%s`, which is NA or infinite in %s of the estimation sample", use,
                          variable$name, quote_rows(data_rows(m, at))),
             paste("Give the variance to fe_lm() itself, which leaves such rows out; or use",
                   "`subset`; or fill them in"))
  }
  value
}

# Rows of the data, given rows of the sample.
data_rows <- function(m, at) if (is.null(m$rows)) at else m$rows[at]

# A vector as long as the data or as the estimation sample.
cluster_vector <- function(cluster, m, arg) {
  cluster <- plain_value(check_not_long(cluster, arg), "cluster")
  if (is.list(cluster) || !length(cluster) %in% c(m$n_data, m$n_rows)) {
    stop_arg(arg, sprintf(paste("must be a formula or hold %d (rows of data) or %d (rows used)",
                                "values, not %s"),
                          m$n_data, m$n_rows, describe_value(cluster)))
  }
  if (length(cluster) == m$n_rows) {
    return(code_ids(check_complete(cluster, arg), "cluster", arg))
  }
  code_ids(cluster_values(list(value = cluster, name = "cluster"), m, "is a vector", arg),
           "cluster", arg)
}

check_complete <- function(x, arg) {
  at <- which(unusable(bad_rows(x)))
  if (length(at)) stop_arg(arg, sprintf("is NA or infinite in %s", quote_rows(at)))
  x
}
