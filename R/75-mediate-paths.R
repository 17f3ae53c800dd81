# The coefficients on which all effects depend (theta), and effects as sums of products of linear
# forms in them: what gives values, gradients, and bootstrap and Monte Carlo replicates alike.

all_equations <- function(x) c(list(x$models$total), unname(x$models$a), unname(x$models$b))

# The outcome equation that a mediator stands in.
outcome_equation <- function(x, mediator) x$models$b[[if (x$type != "separate") 1L else mediator]]

# Rows of theta: name, equation, term (name of the coefficient). An edge has one, and a second one,
# `name:moderator`, if it is moderated; an interaction adds `interaction:mediator`.
path_coefficients <- function(x) {
  edges <- x$edges
  models <- all_equations(x)
  main <- data.frame(name = edges$name, equation = edges$equation,
                     term = vapply(edges$term, coef_name, ""))
  more <- edges[!is.na(edges$by), ]
  if (nrow(more)) {
    main <- rbind(main, data.frame(name = paste0(more$name, ":", more$by), equation = more$equation,
                                   term = product_terms(models, more$equation, more$term, more$by)))
  }
  if (x$interaction) {
    b <- edges[edges$kind == "b", ]
    main <- rbind(main, data.frame(name = paste0("interaction:", b$mediator), equation = b$equation,
                                   term = product_terms(models, b$equation, b$term, x$treat)))
  }
  rownames(main) <- NULL
  main
}

# A product's coefficient is called u:v or v:u, in the order of the formula.
product_terms <- function(models, equation, u, v) {
  mapply(function(e, u, v) {
    both <- paste0(c(coef_name(u), coef_name(v)), ":", c(coef_name(v), coef_name(u)))
    found <- intersect(both, c(names(models[[e]]$coefficients), models[[e]]$collinear))
    if (length(found)) found[1L] else both[1L]
  }, equation, u, v, USE.NAMES = FALSE)
}

check_paths_estimable <- function(x) {
  models <- all_equations(x)
  for (r in seq_len(nrow(x$theta))) {
    term <- x$theta$term[r]
    if (!term %in% models[[x$theta$equation[r]]]$collinear) next
    arg <- if (grepl(":", gsub("`[^`]*`", "", term), fixed = TRUE)) {
      if (x$interaction) "interaction" else "moderator"
    } else if (term == coef_name(x$treat)) "treat" else "mediators"
    stop_arg(arg, paste(if (arg %in% c("treat", "mediators")) "names" else "gives",
                        quote_list(term),
                        "which is collinear with the other regressors and fixed effects"))
  }
}

theta_values <- function(x) {
  models <- all_equations(x)
  b <- vapply(seq_len(nrow(x$theta)), function(r) {
    models[[x$theta$equation[r]]]$coefficients[[x$theta$term[r]]]
  }, 0)
  c(stats::setNames(b, x$theta$name), x$means)
}

# ---- linear forms, products, effects -------------------------------------------------------------

# The coefficient of an edge as a form, where its moderator has the value w.
edge_form <- function(x, name, w = 0) {
  by <- x$edges$by[match(name, x$edges$name)]
  out <- stats::setNames(1, name)
  if (is.na(by) || w == 0) return(out)
  c(out, stats::setNames(w, paste0(name, ":", by)))
}

# scale times the product of forms (named numbers: weights of elements of theta).
new_product <- function(forms, scale = 1) list(scale = scale, forms = forms)

# effect: its kind; at: the moderator's value; over: `NULL`, or products whose sum it is divided by.
new_effect <- function(effect, mediator, products, label = mediator, at = NA_real_, over = NULL) {
  name <- if (is.na(label)) effect else paste0(effect, ":", label)
  list(name = name, effect = effect, mediator = mediator, at = at, products = products, over = over)
}

form_values <- function(form, theta) {
  if (length(form) == 1L && form == 1) return(theta[, names(form)])
  as.vector(theta[, names(form), drop = FALSE] %*% form)
}

# theta: a row a draw -> numbers
product_sums <- function(products, theta) {
  Reduce(`+`, lapply(products, function(p) {
    p$scale * Reduce(`*`, lapply(p$forms, form_values, theta))
  }))
}

# -> draws x effects
effect_values <- function(effects, theta) {
  out <- vapply(effects, function(e) {
    value <- product_sums(e$products, theta)
    if (is.null(e$over)) value else value / product_sums(e$over, theta)
  }, numeric(nrow(theta)))
  matrix(out, nrow(theta), dimnames = list(NULL, vapply(effects, `[[`, "", "name")))
}

as_draw <- function(theta) matrix(theta, 1L, dimnames = list(NULL, names(theta)))

# d effect / d theta, by the product rule.
effect_gradient <- function(effect, theta) {
  above <- products_gradient(effect$products, theta)
  if (is.null(effect$over)) return(above)
  row <- as_draw(theta)
  below <- product_sums(effect$over, row)
  ratio <- product_sums(effect$products, row) / below
  (above - ratio * products_gradient(effect$over, theta)) / below
}

products_gradient <- function(products, theta) {
  row <- as_draw(theta)
  out <- stats::setNames(numeric(length(theta)), names(theta))
  for (p in products) {
    values <- vapply(p$forms, form_values, 0, row)
    for (k in seq_along(p$forms)) {
      form <- p$forms[[k]]
      out[names(form)] <- out[names(form)] + p$scale * prod(values[-k]) * form
    }
  }
  out
}

# ---- routes --------------------------------------------------------------------------------------

# Every way from treatment to outcome through mediators: list(label, edges).
mediation_routes <- function(x) {
  if (x$type != "serial") {
    return(lapply(x$mediators, function(m) list(label = m, edges = paste0(c("a:", "b:"), m))))
  }
  k <- length(x$mediators)
  chosen <- unlist(lapply(seq_len(k), function(size) utils::combn(k, size, simplify = FALSE)),
                   recursive = FALSE)
  lapply(chosen, function(at) {
    m <- x$mediators[at]
    between <- if (length(m) > 1L) paste0("d:", m[-length(m)], "->", m[-1L])
    list(label = paste(m, collapse = "->"),
         edges = c(paste0("a:", m[1L]), between, paste0("b:", m[length(m)])))
  })
}

route_product <- function(x, route, w = 0, scale = 1) {
  new_product(lapply(route$edges, function(edge) edge_form(x, edge, w)), scale)
}

# ---- effects of a plain mediation ----------------------------------------------------------------

# What is estimated: a list of effects, in the order in which they are shown.
define_effects <- function(x) {
  if (x$interaction) return(natural_effects(x))
  lapply(if (is.null(x$moderator)) plain_effects(x) else conditional_effects(x), of_change,
         step = treatment_step(x))
}

# By how much the treatment changes. The natural effects of an interaction count it themselves.
treatment_step <- function(x) if (x$interaction) 1 else x$levels[["treat"]] - x$levels[["control"]]

# An effect of such a change: the first form of each product that begins at the treatment.
of_change <- function(effect, step) {
  if (step == 1 || !effect$effect %in% c("total", "direct", "indirect", "contrast", "index",
                                         "difference")) return(effect)
  effect$products <- lapply(effect$products, function(p) {
    p$forms[[1L]] <- step * p$forms[[1L]]
    p
  })
  effect
}

plain_effects <- function(x) {
  routes <- mediation_routes(x)
  total <- edge_form(x, "total")
  direct <- x$edges[x$edges$kind == "direct", ]
  paths <- c(list(new_effect("total", NA_character_, list(new_product(list(total))))),
             lapply(direct$name, function(name) {
               new_effect("direct", direct$mediator[direct$name == name],
                          list(new_product(list(edge_form(x, name)))))
             }))
  indirect <- lapply(routes, function(route) {
    new_effect("indirect", route$label, list(route_product(x, route)))
  })
  if (x$type != "separate" && length(routes) > 1L) {
    indirect <- c(indirect, list(sum_of_effects(indirect)))
  }
  c(paths, indirect, shares_of(indirect, total), contrasts_of(x, indirect))
}

sum_of_effects <- function(effects, scale = rep(1, length(effects)), effect = effects[[1L]]$effect,
                           label = "all", at = effects[[1L]]$at) {
  products <- Map(function(e, s) lapply(e$products, function(p) {
    p$scale <- s * p$scale
    p
  }), effects, scale)
  new_effect(effect, label, unlist(unname(products), recursive = FALSE), at = at)
}

shares_of <- function(indirect, total) {
  lapply(indirect, function(e) {
    new_effect("share", e$mediator, e$products, over = list(new_product(list(total))))
  })
}

# Differences of the indirect effects of one outcome equation, all pairs of up to seven.
contrasts_of <- function(x, indirect) {
  specific <- Filter(function(e) e$mediator != "all", indirect)
  if (x$type == "separate" || length(specific) < 2L || length(specific) > 7L) return(list())
  lapply(utils::combn(length(specific), 2L, simplify = FALSE), function(at) {
    pair <- specific[at]
    sum_of_effects(pair, c(1, -1), "contrast",
                   paste(pair[[1L]]$mediator, "-", pair[[2L]]$mediator))
  })
}
