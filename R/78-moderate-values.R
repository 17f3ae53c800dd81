# Where the slopes of a moderation are looked at.

# The moderators in the rows used, as a named list.
moderator_rows <- function(object) {
  if (is.data.frame(object$observed)) return(as.list(object$observed))
  stats::setNames(list(object$observed), object$moderator)
}

# -> a named list: what `values` asks of each moderator.
check_values <- function(values, moderator, data) {
  several <- length(moderator) > 1L
  if (is.list(values)) {
    given <- names(values)
    if (is.null(given) || !all(given %in% moderator) || anyDuplicated(given)) {
      stop_arg("values", "is a list, whose names must be those of moderators",
               paste("They are", quote_list(moderator)))
    }
  } else if (several && !is.null(values) && !is_rule(values)) {
    stop_arg("values", sprintf("is %s, but there are %d moderators", describe_value(values),
                               length(moderator)),
             sprintf("Give a list by their names, such as list(%s = \"sd\")", moderator[1L]))
  } else values <- stats::setNames(rep(list(values), length(moderator)), moderator)
  lapply(stats::setNames(nm = moderator), function(name) {
    asked <- values[[name]]
    if (several && is_rule(asked) && !is.numeric(data[[name]])) asked <- NULL
    if (is.null(asked) && is.logical(data[[name]])) return(c(`FALSE` = 0, `TRUE` = 1))
    if (is.null(asked) && several) "plus-minus" else asked
  })
}

value_rules <- c("sd", "plus-minus", "quantiles")

is_rule <- function(values) is.character(values) && length(values) == 1L && values %in% value_rules

# -> list(points, combination, at (values of each moderator at each combination of them),
# labels (so), directions (of treat))
slope_places <- function(object, values) {
  seen <- moderator_rows(object)
  each <- lapply(seq_along(seen), function(k) {
    moderator_points(seen[[k]], object$kind[k], values[[k]], object$model)
  })
  index <- expand.grid(lapply(each, function(p) seq_len(nrow(p))), KEEP.OUT.ATTRS = FALSE)
  take <- function(what) Map(function(p, at) p[[what]][at], each, index)
  at <- stats::setNames(take("value"), object$moderator)
  labels <- stats::setNames(take("label"), object$moderator)
  directions <- treat_directions(object)
  combination <- do.call(rbind, lapply(seq_len(nrow(directions)), function(r) {
    slope_combination(object, at, directions[r, ])
  }))
  names <- c("value", if (length(at) > 1L) paste0("value", seq_along(at)[-1L]))
  points <- data.frame(stats::setNames(at, names), label = point_names(labels))
  times <- nrow(directions)
  points <- points[rep(seq_len(nrow(points)), times), , drop = FALSE]
  rownames(points) <- NULL
  if (object$treat_kind == "factor") {
    points <- data.frame(contrast = rep(rownames(directions), each = nrow(index)), points)
  }
  list(points = points, combination = combination, at = at, labels = labels,
       directions = directions)
}

# "mean", or of several moderators "m: mean, z: 0"
point_names <- function(labels) {
  if (length(labels) == 1L) return(labels[[1L]])
  parts <- Map(function(name, label) paste0(name, ": ", label), names(labels), labels)
  do.call(paste, c(unname(parts), sep = ", "))
}

# v: a moderator in the rows of model m -> data frame (value, label)
moderator_points <- function(v, kind, values, m) {
  if (kind == "factor") return(level_points(v, values))
  if (is.null(values) || identical(values, "plus-minus") && kind == "binary") {
    values <- if (kind == "binary") sort(unique(v)) else "sd"
  }
  if (is_rule(values)) {
    if (values == "quantiles") return(quartile_points(v, m))
    spread <- spread_points(v, m$weights, m$nobs)
    return(if (values == "sd") spread else spread[-2L, ])
  }
  if (!is.numeric(values) || !length(values) || !all(is.finite(values))) {
    stop_arg("values", sprintf("must be NULL, %s or finite numbers, not %s",
                               paste(dQuote(value_rules, FALSE), collapse = ", "),
                               describe_value(values)))
  }
  named <- if (is.null(names(values))) rep(FALSE, length(values)) else nzchar(names(values))
  data.frame(value = as.double(values), label = ifelse(named, names(values), point_labels(values)))
}

point_labels <- function(values) vapply(values, format, "", digits = 5L)

level_points <- function(v, values) {
  if (is.null(values) || is_rule(values) && !values %in% levels(v)) values <- levels(v)
  values <- as.character(values)
  bad <- setdiff(values, levels(v))
  if (length(bad) || !length(values)) {
    stop_arg("values", paste("names", quote_list(bad), "which is no level of the moderator"),
             paste("Its levels in the sample are", quote_list(levels(v), 12L)))
  }
  data.frame(value = values, label = values)
}

quartile_points <- function(v, m) {
  data.frame(value = stats::quantile(each_observation(v, m), c(0.25, 0.5, 0.75), names = FALSE),
             label = c("25th percentile", "median", "75th percentile"))
}

# Values of the rows, as often as they were observed.
each_observation <- function(v, m) {
  times <- row_counts(m)
  if (is.null(times)) v else rep(v, times)
}

# Weighted moments of n observations; with equal weights those of mean() and sd().
spread_points <- function(v, w, n) {
  if (is.null(w)) w <- rep(1, length(v))
  mean <- stats::weighted.mean(v, w)
  sd <- sqrt(stats::weighted.mean((v - mean)^2, w) * n / (n - 1))
  data.frame(value = mean + c(-1, 0, 1) * sd, label = c("mean - sd", "mean", "mean + sd"))
}
