# Variances of panels whose errors are correlated over time: Newey-West and Driscoll-Kraay.

#' @section Correlation over time:
#' `NW(2) ~ unit + time` (Newey and West 1987), errors correlated within units over at most 2
#' periods: the meat is the sum of
#' \eqn{(1 - |t-r|/(L+1))\, s_{it} s_{ir}'}{(1 - |t-r|/(L+1)) s_it s_ir'} over pairs of rows of one
#' unit with \eqn{|t-r| \le L}{|t-r| <= L}, with the scores
#' \eqn{s_{it} = u_{it}\tilde x_{it}}{s_it = u_it x~_it}; `NW(2) ~ time` for a single series. Two
#' rows of one unit and period are an error. `DK(2) ~ time` (Driscoll and Kraay 1998), errors
#' correlated across units too: the same of the sums of scores of each period.
#'
#' `L` is `lag`, by default \eqn{\lfloor T^{1/4}\rfloor}{floor(T^(1/4))}, T the number of periods in
#' the sample (as in fixest and plm; fixest has another default for a single series). `"NW"` and
#' `"DK"` without a formula take the first fixed effect as the unit and the second as the time, if
#' it holds numbers or dates. Gaps count: a unit without a row in a period has no score there, and
#' a period that no unit has is still a period. A period is the smallest difference between two
#' times if all differences are its multiples, else, for whole numbers, their greatest common
#' divisor; dates on one day of the month or on its last are months, times at one time of day are
#' dates; levels of a factor that are no
#' numbers are consecutive, and so are times that fit none of this. A print says how many periods
#' there are. With frequency weights a row adds the scores of its observations.
#'
#' Factor and degrees of freedom are those of clusters with T in the place of G and all parameters
#' counted: \eqn{\frac{n-1}{n-K}\cdot\frac{T}{T-1}}{(n-1)/(n-K) * T/(T-1)} and t(T-1), by default
#' and under `ssc = "fixest"` (whose K counts levels), without factor and t(n-K) under `"plm"`.
#'
#' @references Newey and West (1987) \doi{10.2307/1913610}; Driscoll and Kraay (1998)
#'   \doi{10.1162/003465398557825}.
#' @examples
#' vcov(m, NW(2) ~ country + year)
#' vcov(m, DK ~ year)
#' @rdname vcov.fe_lm
#' @name NW
#' @aliases DK
NULL

# ---- what is asked for ---------------------------------------------------------------------------

# -> list(unit (NULL: one series), time, axis, lag, label)
nw_request <- function(asked, m) {
  need_full(m, "Newey-West standard errors")
  ids <- panel_variables(asked, m, 1:2, vcov_registry$NW$usage)
  time <- ids[[length(ids)]]
  unit <- if (length(ids) == 2L) ids[[1L]]
  order <- panel_order(unit, time, names(ids), m)
  by <- if (length(ids) == 2L) sprintf("%s over ", names(ids)[1L]) else ""
  out <- time_request(asked, time, names(ids)[length(ids)], m)
  out$label <- sprintf("Newey-West (%s%s)", by, out$label)
  c(list(unit = unit, order = order), out)
}

# -> list(time, axis, lag, label)
dk_request <- function(asked, m) {
  need_full(m, "Driscoll-Kraay standard errors")
  ids <- panel_variables(asked, m, 1L, vcov_registry$DK$usage)
  out <- time_request(asked, ids[[1L]], names(ids), m)
  out$label <- sprintf("Driscoll-Kraay (%s)", out$label)
  out
}

# The coded variables named, or else the first fixed effects: the last of them is the time.
panel_variables <- function(asked, m, sizes, usage) {
  if (is.null(asked$terms)) return(effects_as_panel(asked$type, m, usage))
  if (!length(asked$terms) %in% sizes) {
    stop_arg("vcov", sprintf("must name %s for %s, not %d variables",
                             if (length(sizes) == 1L) "the time" else "unit and time", asked$type,
                             length(asked$terms)), paste("Write", usage))
  }
  coded_terms(asked$terms, asked$env, m, vcov_registry[[asked$type]]$role, "orders rows by")
}

# The first fixed effect is the unit, the second the time, if it can be one.
effects_as_panel <- function(type, m, usage) {
  remedy <- paste("Name the variables:", usage)
  if (length(m$factors) < 2L) {
    stop_arg("vcov", sprintf(paste("is %s without a time variable, and the model has no second",
                                   "fixed effect to take for it"), dQuote(type, FALSE)), remedy)
  }
  if (is.null(time_values(m$factors[[2L]]))) {
    stop_arg("vcov", sprintf(paste("is %s without a time variable, and the second fixed effect,",
                                   "`%s`, holds neither numbers nor dates"), dQuote(type, FALSE),
                             names(m$factors)[2L]), remedy)
  }
  m$factors[if (type == "DK") 2L else 1:2]
}

time_request <- function(asked, time, name, m) {
  axis <- time_axis(time, name)
  span <- axis[length(axis)] + 1
  lag <- request_arguments(asked, list(lag = NULL))$lag
  lag <- if (is.null(lag)) floor(length(axis)^(1 / 4)) else check_count(lag, "lag", 0)
  if (lag >= span) {
    stop_arg("lag", sprintf("is %g, but `%s` spans %g periods", lag, name, span),
             "It must be less than these")
  }
  periods <- if (span == length(axis)) sprintf("%d periods", length(axis)) else
    sprintf("%d of %g periods", length(axis), span)
  list(time = time, axis = as.double(axis), lag = lag,
       label = sprintf("%s, %s; lag %g", name, periods, lag))
}

# Order of the rows; an error if two of them share unit and time.
panel_order <- function(unit, time, names, m) {
  code <- if (is.null(unit)) rep(1L, m$n_rows) else unit$code
  n_units <- if (is.null(unit)) 1L else unit$n_levels
  out <- .Call(C_panel_order, code, n_units, time$code, time$n_levels)
  twice <- out$duplicate
  if (is.null(twice)) return(out$order)
  where <- sprintf("%s = %s", names[length(names)], level_labels(time)[time$code[twice[1L]]])
  if (!is.null(unit)) {
    where <- sprintf("%s = %s, %s", names[1L], level_labels(unit)[code[twice[1L]]], where)
  }
  stop_arg("vcov", sprintf("needs one row for each %s, but %s are both of %s",
                           if (is.null(unit)) "period" else "unit and period",
                           quote_rows(data_rows(m, twice)), where),
           if (is.null(unit)) paste("Name the unit too:", vcov_registry$NW$usage) else
             "Name other variables, or use DK ~ time, which adds up the rows of a period")
}

# ---- the time axis -------------------------------------------------------------------------------

# Where the levels of a time lie on the axis, in periods from 0. A period is the smallest difference
# between two of them if all differences are its multiples; else, for whole numbers, the greatest
# common divisor of the differences; else the levels are taken to be consecutive.
time_axis <- function(time, name) {
  value <- time_values(time)
  if (is.null(value)) {
    stop_arg("vcov", sprintf("has the time `%s`, which is text without an order in time", name),
             "Use numbers, dates, or a factor whose levels are in the order of time")
  }
  if (length(value) < 2L) {
    stop_arg("vcov", sprintf("has the time `%s`, which has a single value in the sample", name),
             "Correlation over time needs at least two periods")
  }
  step <- common_period(value, is.null(time$like) && all(value == round(value)))
  if (is.null(step)) return(seq_along(value) - 1)
  round((value - value[1L]) / step)
}

# The levels of a time as increasing numbers, as those of a lag; NULL if they are text that holds no
# numbers. The levels of any factor that are no numbers are consecutive.
time_values <- function(time) {
  if (!is.null(time$like$parts)) return(NULL)
  rule <- time_kind(time, ordered = !is.null(time$like$levels))
  if (is.null(rule)) return(NULL)
  if (rule$kind == "level") as.double(seq_len(time$n_levels)) else time_numbers(time, rule)
}

# ---- variance ------------------------------------------------------------------------------------

nw_meat <- function(s) {
  unit <- s$spec$unit
  hac_meat(s$X, s$u, if (is.null(unit)) rep(1L, s$m$n_rows) else unit$code, s$spec$time$code,
           s$spec$order, s)
}

# The periods' sums of scores are one series.
dk_meat <- function(s) {
  time <- s$spec$time
  sums <- .Call(C_score_sums, s$X, s$u, time$code, time$n_levels, s$m$threads)
  periods <- seq_len(time$n_levels)
  hac_meat(sums, rep(1, time$n_levels), rep(1L, time$n_levels), periods, periods - 1L, s)
}

hac_meat <- function(x, u, unit, time, order, s) {
  .Call(C_hac_meat, x, as.double(u), unit, time, order, s$spec$axis, as.double(s$spec$lag),
        s$m$threads)
}

# Factor and degrees of freedom as for clusters, with the periods in the place of the clusters; all
# parameters count.
hac_factor <- function(s) {
  ssc <- count_all(s$ssc)
  parameter_factor(s$m, ssc, list()) * cluster_factor(s$m, ssc, s$spec$time$n_levels, list())
}

count_all <- function(ssc) {
  if (ssc$K.fixef == "nonnested") ssc$K.fixef <- "full"
  ssc
}

hac_df <- function(s) if (s$ssc$t.df == "residual") s$m$df.residual else s$spec$time$n_levels - 1
