# Treatment and mediator interact: controlled and natural effects, from linear equations.

# Weighted means over the rows used of treatment and mediators: the averages in natural effects.
sample_averages <- function(x) {
  m <- x$models$total
  w <- row_weights(m)
  vars <- c(x$treat, x$mediators)
  means <- vapply(vars, function(v) stats::weighted.mean(take_rows(m$data[[v]], m$rows), w), 0)
  stats::setNames(means, paste0("mean:", vars))
}

# Rows x means: what each row adds to them. Frequency weights count rows, which HC variances take
# as so many terms.
mean_influences <- function(x) {
  m <- x$models$total
  w <- row_weights(m)
  vars <- sub("^mean:", "", names(x$means))
  columns <- vapply(seq_along(vars), function(j) {
    (as.double(take_rows(m$data[[vars[j]]], m$rows)) - x$means[[j]]) * w / sum(w)
  }, numeric(m$n_rows))
  dimnames(columns) <- list(NULL, names(x$means))
  columns
}

# The forms and products that all of these effects are made of, at levels t0 and t1.
natural_parts <- function(x, set) {
  t0 <- x$levels[["control"]]
  t1 <- x$levels[["treat"]]
  unit <- function(name, at = 1) stats::setNames(at, name)
  d <- paste0("interaction:", set)
  mean_t <- paste0("mean:", x$treat)
  # d_j E[M_j(t)] step, E[M_j(t)] = mean + a_j (t - mean of t)
  level <- function(j, t, scale) {
    a <- paste0("a:", set[j])
    list(new_product(list(unit(d[j]), unit(paste0("mean:", set[j]))), scale),
         new_product(list(unit(d[j]), unit(a)), scale * t),
         new_product(list(unit(d[j]), unit(a), unit(mean_t)), -scale))
  }
  slope <- function(j, t) {
    c(unit(paste0("b:", set[j])), if (t != 0) unit(d[j], t))
  }
  direct <- if (x$type == "separate") paste0("direct:", set) else "direct"
  list(t0 = t0, t1 = t1, step = t1 - t0, d = d, unit = unit, level = level, slope = slope,
       direct = unit(direct))
}

natural_effects <- function(x) {
  total <- list(new_effect("total", NA_character_,
                           list(new_product(list(edge_form(x, "total"))))))
  c(total, unlist(lapply(x$sets, function(set) natural_set(x, set)), recursive = FALSE))
}

# Effects of one outcome equation.
natural_set <- function(x, set) {
  p <- natural_parts(x, set)
  label <- if (x$type == "separate") set else NA_character_
  each <- seq_along(set)
  base <- new_product(list(p$direct), p$step)
  fixed <- lapply(each, function(j) {
    new_product(list(p$unit(p$d[j])), p$step * x$mediator_value[[set[j]]])
  })
  at <- function(t, scale = p$step) {
    unlist(lapply(each, p$level, t = t, scale = scale), recursive = FALSE)
  }
  through <- function(t) lapply(each, function(j) {
    new_product(list(p$unit(paste0("a:", set[j])), p$slope(j, t)), p$step)
  })
  reference <- c(at(p$t0), lapply(fixed, function(f) new_product(f$forms, -f$scale)))
  both <- lapply(each, function(j) {
    new_product(list(p$unit(p$d[j]), p$unit(paste0("a:", set[j]))), p$step^2)
  })
  one <- function(kind, products, ...) new_effect(kind, label, products, ...)
  whole <- c(list(base), at(p$t0), through(p$t1))
  c(list(one("cde", c(list(base), fixed)), one("nde.pure", c(list(base), at(p$t0))),
         one("nde.total", c(list(base), at(p$t1)))),
    indirect_at("nie.pure", set, through(p$t0)), indirect_at("nie.total", set, through(p$t1)),
    list(one("te", whole), one("int.ref", reference), one("int.med", both),
         one("share", through(p$t1), over = whole)))
}

# One effect a mediator, and their sum where there are several.
indirect_at <- function(kind, set, products) {
  out <- Map(function(m, p) new_effect(kind, m, list(p)), set, products)
  if (length(set) > 1L) out <- c(out, list(new_effect(kind, "all", products)))
  unname(out)
}
