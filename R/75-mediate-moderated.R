# Moderated mediation: effects at values of the moderator, and the index.

# Values at which effects are computed, in the units of the data -> data frame (value, label).
mediation_points <- function(v, m, values) {
  w <- row_weights(m)
  counts <- row_counts(m)
  if (is.null(values)) values <- if (length(unique(v)) == 2L) sort(unique(v)) else "sd"
  if (identical(values, "sd")) {
    middle <- stats::weighted.mean(v, w)
    spread <- sqrt(sum(w * (v - middle)^2) / (sum(w) * (1 - 1 / m$nobs)))
    return(data.frame(value = middle + c(-1, 0, 1) * spread, label = c("-1 sd", "mean", "+1 sd")))
  }
  if (identical(values, "quantiles")) {
    if (!is.null(counts)) v <- rep(v, counts)
    return(data.frame(value = stats::quantile(v, c(0.16, 0.5, 0.84), names = FALSE),
                      label = c("16th percentile", "median", "84th percentile")))
  }
  if (!is.numeric(values) || !length(values) || !all(is.finite(values)) || anyDuplicated(values)) {
    stop_arg("values", paste("must be NULL, \"sd\", \"quantiles\" or different finite numbers, not",
                             describe_value(values)))
  }
  label <- vapply(values, format, "", digits = 5L)
  named <- nzchar(names(values))
  if (length(named)) label[named] <- names(values)[named]
  data.frame(value = as.double(values), label = make.unique(label))
}

# The moderator in the data is the centred one; values are those of the data that were given.
centred <- function(x, value) value - x$center

conditional_effects <- function(x) {
  routes <- mediation_routes(x)
  parts <- lapply(seq_len(nrow(x$points)), function(r) effects_at(x, routes, x$points[r, ]))
  same <- x$edges[is.na(x$edges$by), ]
  parts <- c(parts, list(lapply(seq_len(nrow(same)), function(r) {
    new_effect(same$kind[r], same$mediator[r],
               list(new_product(list(edge_form(x, same$name[r])))))
  })))
  kinds <- c("total", "a", "d", "b", "direct", "indirect")
  effects <- unlist(parts, recursive = FALSE)
  effects <- effects[order(match(vapply(effects, `[[`, "", "effect"), kinds))]
  moderated <- vapply(routes, function(route) sum(is_moderated(x, route$edges)), 0L)
  c(effects, unlist(lapply(routes[moderated == 1L], index_of_route, x = x), recursive = FALSE),
    unlist(lapply(routes[moderated > 1L], differences_of_route, x = x), recursive = FALSE))
}

is_moderated <- function(x, edges) !is.na(x$edges$by[match(edges, x$edges$name)])

at_label <- function(x, label, point) {
  at <- paste0(x$moderator, "=", point$label)
  if (is.na(label)) at else paste0(label, "|", at)
}

# Moderated edges, and routes, at one value of the moderator.
effects_at <- function(x, routes, point) {
  w <- centred(x, point$value)
  one <- function(kind, mediator, product) {
    new_effect(kind, mediator, list(product), at_label(x, mediator, point), point$value)
  }
  moderated <- x$edges[!is.na(x$edges$by), ]
  edges <- lapply(seq_len(nrow(moderated)), function(r) {
    edge <- moderated[r, ]
    one(edge$kind, edge$mediator, new_product(list(edge_form(x, edge$name, w))))
  })
  indirect <- lapply(routes, function(route) {
    one("indirect", route$label, route_product(x, route, w))
  })
  if (x$type != "separate" && length(routes) > 1L) {
    all <- sum_of_effects(indirect)
    all$name <- paste0("indirect:", at_label(x, "all", point))
    indirect <- c(indirect, list(all))
  }
  c(edges, indirect)
}

# The slope of the indirect effect in the moderator, where only one of its paths is moderated and it
# is thus a straight line.
index_of_route <- function(x, route) {
  forms <- lapply(route$edges, function(edge) {
    if (!is_moderated(x, edge)) return(edge_form(x, edge))
    stats::setNames(1, paste0(edge, ":", x$moderator))
  })
  list(new_effect("index", route$label, list(new_product(forms))))
}

# Else differences between values of the moderator.
differences_of_route <- function(x, route) {
  n <- nrow(x$points)
  if (n < 2L) return(list())
  lapply(utils::combn(n, 2L, simplify = FALSE), function(at) {
    w <- centred(x, x$points$value[at])
    products <- list(route_product(x, route, w[2L]), route_product(x, route, w[1L], -1))
    new_effect("difference", route$label, products,
               sprintf("%s|%s=%s - %s", route$label, x$moderator, x$points$label[at[2L]],
                       x$points$label[at[1L]]))
  })
}

# ---- the moderator in the formula ----------------------------------------------------------------

# Its main effect is added where the formula has none. In the data it is centred, so that it may not
# stand inside other expressions.
moderated_controls <- function(terms, effects, request) {
  w <- request$moderator
  if (is.null(w)) return(terms)
  names <- vapply(terms, deparse_one, "")
  inside <- Filter(function(e) w %in% all.vars(e) && deparse_one(e) != w, c(terms, effects))
  if (request$centers && length(inside)) {
    stop_arg("center", sprintf("would change `%s` inside `%s`", w, deparse_one(inside[[1L]])),
             "Use center = FALSE")
  }
  if (coef_name(w) %in% names) terms else c(terms, list(as.name(w)))
}

check_mediation_moderator <- function(moderator, data, request) {
  if (is.null(moderator)) return(NULL)
  if (length(moderator) == 1L && is.character(moderator) && moderator %in% names(data) &&
      (is.factor(data[[moderator]]) || is.character(data[[moderator]]))) {
    stop_arg("moderator", sprintf("names %s, which is %s", dQuote(moderator, FALSE),
                                  describe_value(data[[moderator]])),
             "Give a numeric or logical column, such as the 0/1 indicator of one level")
  }
  check_numeric_columns(moderator, data, "moderator")
  if (length(moderator) != 1L) stop_arg("moderator", "must be the name of one column of `data`")
  if (moderator %in% c(request$treat, request$mediators)) {
    stop_arg("moderator", sprintf("is %s, the treatment or a mediator", dQuote(moderator, FALSE)),
             "Use interaction = TRUE for treatment and mediator")
  }
  v <- data[[moderator]]
  if (length(unique(v[!is.na(v)])) < 2L) stop_arg("moderator", "names a constant column")
  moderator
}
