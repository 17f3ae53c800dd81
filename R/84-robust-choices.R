# The choices of each dimension of a robustness table: a list of list(label, value), the baseline
# first.

new_choice <- function(label, value = NULL) list(label = label, value = value)

# Choices that are the same thing once; equal labels of different things are told apart.
distinct_choices <- function(choices) {
  values <- lapply(choices, function(one) {
    value <- one$value
    if (is.list(value) && length(value) && all(vapply(value, is.language, NA))) {
      vapply(value, deparse_one, "")
    } else if (is.language(value)) deparse_one(value) else value
  })
  choices <- choices[!duplicated(values)]
  labels <- make.unique(vapply(choices, `[[`, "", "label"), sep = " ")
  Map(function(one, label) {
    one$label <- label
    one
  }, unname(choices), labels)
}

check_tails <- function(tails) {
  known <- c("outcome", "focal", "controls")
  if (!is.character(tails) || !length(tails) || !all(tails %in% known)) {
    given <- if (is.character(tails) && length(tails)) quote_list(tails) else describe_value(tails)
    stop_arg("tails", sprintf("must be of %s, not %s", quote_list(known), given))
  }
  unique(tails)
}

# A list that is not empty, with a label for each element.
check_alternatives <- function(x, arg, example) {
  if (inherits(x, "formula")) x <- list(x)
  if (!is.list(x) || !length(x)) {
    stop_arg(arg, paste("must be a list with at least one element, not", describe_value(x)),
             paste("Write for instance", example))
  }
  if (is.null(names(x))) names(x) <- rep("", length(x))
  x
}

# The sum on the right of a one-sided formula, lags written out, as an expression. Its variables are
# known.
one_sided <- function(x, arg, base, role) {
  if (!inherits(x, "formula") || length(x) != 2L) {
    given <- if (inherits(x, "formula")) deparse_one(x) else describe_value(x)
    stop_arg(arg, paste("must hold one-sided formulas, not", given), "Write ~ a + b")
  }
  whole <- stats::as.formula(call("~", base$plan$outcome, x[[2L]]), env = environment(x))
  sum <- expand_lags(whole, base$frame$panel$spec)[[3L]]
  offer_lags(sum, base$frame)
  check_names_known(sum, base$frame, role, arg)
  sum
}

# Terms of names of columns or a one-sided formula, numbers left out.
terms_given <- function(x, arg, base, role) {
  if (is.character(x)) return(lapply(check_columns(x, base$frame$data, arg), as.name))
  Filter(Negate(is.numeric), split_sum(one_sided(x, arg, base, role)))
}

join_labels <- function(terms, none = "none") {
  if (length(terms)) paste(vapply(terms, deparse_one, ""), collapse = " + ") else none
}

outcome_choices <- function(outcomes, base) {
  given <- if (!is.null(outcomes)) terms_given(outcomes, "outcomes", base, "outcome")
  if (!is.null(outcomes) && !length(given)) stop_arg("outcomes", "is empty", "Write ~ y2 + y3")
  lapply(c(list(base$plan$outcome), given), function(y) new_choice(deparse_one(y), y))
}

lag_choices <- function(lags, base) {
  own <- new_choice(base$name, base$focal)
  if (is.null(lags)) return(list(own))
  k <- check_lags(lags, "lags")
  if (is.null(base$frame$panel)) {
    stop_arg("lags", "is given without `panel.id`", "Write panel.id = ~country + year")
  }
  c(list(own), lapply(k, function(one) {
    x <- plain_lag(base$focal, one, "l")
    offer_lags(x, base$frame)
    c(new_choice(deparse_one(x), x), lag = one)
  }))
}

# ---- controls and effects ------------------------------------------------------------------------

control_choices <- function(controls, always, base) {
  all <- base$controls
  own <- new_choice("baseline", all)
  if (is.null(controls)) {
    if (!is.null(always)) stop_arg("always", "is given without `controls`")
    return(list(own))
  }
  if (!is.character(controls)) return(c(list(own), given_controls(controls, always, base)))
  if (!length(controls)) stop_arg("controls", "is empty", "Write controls = \"drop\"")
  words <- c("none", "drop", "one", "step", "subsets")
  for (word in controls) check_choice(word, words, "controls")
  fixed <- always_kept(always, base)
  free <- which(!fixed)
  if (!length(free)) {
    stop_arg("controls", sprintf("is %s, but the formula has no control to vary",
                                 quote_list(controls)[1L]))
  }
  sets <- unlist(lapply(controls, control_sets, k = length(free)), recursive = FALSE)
  c(list(own), lapply(sets, function(at) {
    kept <- sort(c(which(fixed), free[at]))
    gone <- setdiff(seq_along(all), kept)
    label <- if (length(gone) == 1L && length(all) > 1L) {
      paste("without", deparse_one(all[[gone]]))
    } else if (length(kept)) paste("only", join_labels(all[kept])) else "no controls"
    new_choice(label, all[kept])
  }))
}

# Sets of positions among k free controls.
control_sets <- function(word, k) {
  each <- as.list(seq_len(k))
  if (word == "subsets" && k > 12L) {
    stop_arg("controls", sprintf("is \"subsets\", of %d controls: %s sets", k, format(2^k)),
             "Name those that stay in `always`, so that at most 12 vary")
  }
  switch(word, none = list(integer()), drop = lapply(each, function(j) setdiff(seq_len(k), j)),
         one = each, step = c(list(integer()), lapply(each, seq_len)),
         subsets = lapply(seq_len(2^k) - 1L, function(bits) {
           which(bitwAnd(bits, bitwShiftL(1L, seq_len(k) - 1L)) > 0L)
         }))
}

always_kept <- function(always, base) {
  names <- vapply(base$controls, deparse_one, "")
  offsets <- vapply(base$controls, is_call_of, NA, "offset")
  if (is.null(always)) return(offsets)
  wanted <- if (is.character(always)) always else {
    vapply(terms_given(always, "always", base, "control"), deparse_one, "")
  }
  absent <- setdiff(wanted, names)
  if (length(absent)) {
    stop_arg("always", paste("names", quote_list(absent), "which is no control of the formula"),
             paste("Its controls are", quote_list(names)))
  }
  offsets | names %in% wanted
}

given_controls <- function(controls, always, base) {
  if (!is.null(always)) {
    stop_arg("always", "is given, and `controls` is a list", "Write these controls in each formula")
  }
  controls <- check_alternatives(controls, "controls", "list(few = ~ z1, more = ~ z1 + z2)")
  offsets <- Filter(function(term) is_call_of(term, "offset"), base$controls)
  Map(function(x, label) {
    terms <- unique(c(terms_given(x, "controls", base, "control"), offsets))
    if (base$name %in% vapply(terms, deparse_one, "")) {
      stop_arg("controls", sprintf("has the focal regressor `%s` among the controls", base$name))
    }
    new_choice(if (nzchar(label)) label else join_labels(terms, "no controls"), terms)
  }, unname(controls), names(controls))
}

effect_choices <- function(effects, base) {
  own <- list(new_choice(join_labels(base$plan$effects, "no effects"), as.list(base$plan$effects)))
  if (is.null(effects)) return(own)
  effects <- check_alternatives(effects, "effects", "list(~ country, ~ country^year, none = ~0)")
  c(own, Map(function(x, label) {
    terms <- split_effects(one_sided(x, "effects", base, "fixed effect"))
    new_choice(if (nzchar(label)) label else join_labels(terms, "no effects"), terms)
  }, unname(effects), names(effects)))
}

# The last choice of words is no instrument at all: least squares.
instrument_choices <- function(instruments, base) {
  all <- base$instruments
  if (!length(all)) {
    if (is.null(instruments)) return(NULL)
    stop_arg("instruments", "is given, and the formula has no instruments",
             "Write y ~ x | country | endogenous ~ instrument")
  }
  own <- list(new_choice(join_labels(all), all))
  if (is.null(instruments)) return(list(instruments = own))
  given <- if (is.character(instruments)) instrument_sets(instruments, all) else {
    instruments <- check_alternatives(instruments, "instruments", "list(~ z1, ols = ~0)")
    Map(function(x, label) {
      terms <- terms_given(x, "instruments", base, "instrument")
      new_choice(if (nzchar(label)) label else join_labels(terms, "least squares"), terms)
    }, unname(instruments), names(instruments))
  }
  list(instruments = c(own, given))
}

instrument_sets <- function(words, all) {
  if (!length(words)) stop_arg("instruments", "is empty", "Write instruments = \"drop\"")
  for (word in words) check_choice(word, c("drop", "one", "ols"), "instruments")
  each <- seq_along(all)
  unlist(lapply(words, function(word) switch(word,
    drop = lapply(each, function(j) {
      new_choice(paste("without", deparse_one(all[[j]])), all[-j])
    })[length(all) > 1L],
    one = lapply(each, function(j) new_choice(paste("only", deparse_one(all[[j]])), all[j])),
    ols = list(new_choice("least squares", list())))), recursive = FALSE)
}

# ---- rows ----------------------------------------------------------------------------------------

outlier_choices <- function(winsor, trim) {
  one <- function(shares, arg, word) {
    if (is.null(shares)) return(NULL)
    if (!is.numeric(shares) || !length(shares)) {
      stop_arg(arg, paste("must hold shares of a tail, not", describe_value(shares)))
    }
    lapply(shares, function(p) {
      check_number(p, arg, 0, 0.5, open = TRUE)
      new_choice(sprintf("%s %s%%", word, format(100 * p)), list(kind = arg, p = p))
    })
  }
  c(list(new_choice("as they are")), one(winsor, "winsor", "winsorised"),
    one(trim, "trim", "trimmed"))
}

period_choices <- function(periods, time, base) {
  if (is.null(periods)) {
    if (!is.null(time)) stop_arg("time", "is given without `periods`")
    return(NULL)
  }
  periods <- check_alternatives(periods, "periods", "list(c(2008, 2013), late = c(2014, 2020))")
  t <- period_times(time, base)
  Map(function(ends, label) {
    if (!is.atomic(ends) || !length(ends) || anyNA(ends)) {
      stop_arg("periods", paste("holds", describe_value(ends)), "Write c(from, to)")
    }
    two <- length(ends) == 2L
    if (two && ends[1L] > ends[2L]) {
      stop_arg("periods", sprintf("goes from %s to %s", format(ends[1L]), format(ends[2L])),
               "Write c(from, to)")
    }
    inside <- if (two) t >= ends[1L] & t <= ends[2L] else t %in% ends
    run <- length(ends) > 2L && is.numeric(ends) && all(diff(ends) == 1)
    text <- if (run) paste(range(ends), collapse = "-") else
      paste(format(ends), collapse = if (two) "-" else ", ")
    new_choice(if (nzchar(label)) label else text, inside %in% TRUE)
  }, unname(periods), names(periods))
}

period_times <- function(time, base) {
  if (is.null(time)) {
    spec <- base$frame$panel$spec
    if (is.null(spec)) {
      stop_arg("time", "is missing, and so is `panel.id`", "Write time = \"year\"")
    }
    return(frame_variable(base$frame, spec$time, "time", "panel.id")$value)
  }
  if (length(check_columns(time, base$frame$data, "time")) != 1L) {
    stop_arg("time", "must name one column")
  }
  base$frame$data[[time]]
}

sample_choices <- function(samples, base) {
  if (is.null(samples)) return(NULL)
  samples <- check_alternatives(samples, "samples", "list(rich = ~ pgdp > 10)")
  Map(function(x, label) {
    if (inherits(x, "formula")) {
      sum <- one_sided(x, "samples", base, "condition")
      value <- resolve_argument(sum, base$frame$data, environment(x), "samples",
                                base$frame$panel)
      if (!nzchar(label)) label <- deparse_one(sum)
    } else value <- x
    if (!nzchar(label)) stop_arg("samples", "has an element without a name")
    new_choice(label, check_subset(value, base$frame$n, "samples", empty = TRUE))
  }, unname(samples), names(samples))
}

# ---- variances -----------------------------------------------------------------------------------

variance_list <- function(vcov) {
  if (is.character(vcov)) vcov <- as.list(vcov)
  if (!is.list(vcov)) vcov <- list(vcov)
  if (!length(vcov)) stop_arg("vcov", "is an empty list", "Write vcov = list(\"HC1\", ~country)")
  if (any(vapply(vcov, is.matrix, NA))) {
    stop_arg("vcov", "holds a matrix, which cannot be that of every specification",
             "Give a type, a formula or a function")
  }
  vcov
}

# Clusters that are the fixed effects by default are those of the baseline in every model. One that
# the baseline does not have says so when it is computed.
variance_choices <- function(vcov, base) {
  names <- if (is.null(names(vcov))) rep("", length(vcov)) else names(vcov)
  Map(function(v, label) {
    value <- tryCatch({
      asked <- suppressWarnings(restated(base$model, v))$vcov_request
      explicit_request(base$model, asked$vcov, asked$cluster)
    }, fe_error = function(e) list(vcov = v))
    text <- if (is.character(v)) v else if (is.function(v)) "function" else deparse_one(v)
    new_choice(if (nzchar(label)) label else text, value)
  }, unname(vcov), names)
}
