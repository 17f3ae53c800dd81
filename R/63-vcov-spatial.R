# Variance of errors that are correlated over space: Conley.

#' @section Correlation over space:
#' `conley(100) ~ lat + lon` (Conley 1999), errors correlated between places that are at most 100 km
#' apart: the meat is \eqn{\sum_{ij} w(d_{ij}) s_i s_j'}{sum_ij w(d_ij) s_i s_j'} over all pairs of
#' rows with \eqn{d_{ij}}{d_ij} at most `cutoff`. Arguments: `cutoff`; `distance`,
#' `"great-circle"` (default; also `"spherical"`: degrees, a sphere with a radius of 6376 km as in
#' fixest) or `"cartesian"` (`conley(5, distance = "cartesian") ~ x + y`: the cut-off is in the unit
#' of x and y); `kernel`, `"uniform"` (default: w = 1) or `"bartlett"`
#' (\eqn{w = 1 - d/\mathrm{cutoff}}{w = 1 - d/cutoff}). Rows at one place are at distance zero,
#' whatever their period. Distances are exact, across the date line and at the poles too, so that
#' results differ from fixest's default `distance = "triangular"`, a planar approximation, and from
#' its `"spherical"` where that overlooks pairs whose longitudes are far apart.
#'
#' The factor is n/(n-K), all parameters counted, and t has n-K degrees of freedom, by default and
#' under `ssc = "fixest"`; 1 if the convention has `K.adj = FALSE`. A variance that is not positive
#' semi-definite has its negative eigenvalues set to zero, with a warning.
#'
#' @references Conley (1999) \doi{10.1016/S0304-4076(98)00084-0}.
#' @rdname vcov.fe_lm
#' @name conley
NULL

earth_radius <- 6376 # km, fixest's

conley_distances <- c(`great-circle` = "great-circle", spherical = "great-circle",
                      cartesian = "cartesian")

# -> list(place (coded), a, b (coordinates of each place), sphere, bartlett, cutoff, label)
conley_request <- function(asked, m) {
  need_full(m, "Conley standard errors")
  usage <- vcov_registry$conley$usage
  args <- request_arguments(asked, list(cutoff = NULL, distance = "great-circle",
                                        kernel = "uniform"))
  if (is.null(args$cutoff)) {
    stop_arg("vcov", "asks for \"conley\" without a cut-off", paste("Write", usage))
  }
  cutoff <- check_number(args$cutoff, "cutoff")
  if (cutoff <= 0) stop_arg("cutoff", sprintf("must be above zero, not %g", cutoff))
  check_choice(args$distance, names(conley_distances), "distance")
  check_choice(args$kernel, c("uniform", "bartlett"), "kernel")
  if (length(asked$terms) != 2L) {
    stop_arg("vcov", sprintf("must name two coordinates for conley, not %d", length(asked$terms)),
             paste("Write", usage))
  }
  sphere <- conley_distances[[args$distance]] == "great-circle"
  out <- places(asked, m, sphere)
  label <- sprintf("Conley (%s within %s%s, %s kernel; %d places)",
                   if (sphere) "great-circle" else "Cartesian", format(cutoff, digits = 6L),
                   if (sphere) " km" else "", args$kernel, out$place$n_levels)
  c(out, list(sphere = sphere, bartlett = args$kernel == "bartlett", cutoff = cutoff,
              label = label))
}

# Rows at one place are one.
places <- function(asked, m, sphere) {
  frame <- own_data_frame(m, asked$env)
  coordinates <- lapply(asked$terms, coordinate, frame = frame, m = m)
  if (sphere) {
    check_degrees(coordinates[[1L]], "latitude", 90, m)
    check_degrees(coordinates[[2L]], "longitude", 360, m)
  }
  coded <- lapply(coordinates, function(x) code_ids(x$value, x$name, "vcov", m$threads))
  place <- cross_codes(coded[[1L]], coded[[2L]], m$threads)
  list(place = place, a = as.double(coded[[1L]]$level)[place$level$a],
       b = as.double(coded[[2L]]$level)[place$level$b])
}

coordinate <- function(term, frame, m) {
  variable <- frame_variable(frame, term, vcov_registry$conley$role, "vcov")
  if (!is_plain_number(variable$value)) {
    stop_arg("vcov", sprintf("has the coordinate `%s`, which is %s", variable$name,
                             describe_value(variable$value)), "Coordinates must be numbers")
  }
  list(value = as.double(cluster_values(variable, m, "measures distances by", "vcov")),
       name = variable$name)
}

check_degrees <- function(x, kind, most, m) {
  bad <- which(abs(x$value) > most)
  if (!length(bad)) return(invisible())
  stop_arg("vcov", sprintf("has the %s `%s`, which is %s in %s; it must lie between %d and %d",
                           kind, x$name, format(x$value[bad[1L]], digits = 15L),
                           quote_rows(data_rows(m, bad)), -most, most),
           paste("The order is ~ latitude + longitude, in degrees; for coordinates in a plane use",
                 "distance = \"cartesian\""))
}

conley_meat <- function(s) {
  spec <- s$spec
  n <- spec$place$n_levels
  sums <- .Call(C_score_sums, s$X, s$u, spec$place$code, n, s$m$threads)
  out <- .Call(C_conley_meat, spec$a, spec$b, sums, spec$sphere, spec$bartlett, spec$cutoff,
               earth_radius, s$m$threads)
  if (!spec$bartlett && out$pairs >= n * (n - 1) / 2) {
    stop_arg("cutoff", sprintf(paste("is %g, and no two places are farther apart: all scores are",
                                     "added up, and their sum is zero"), spec$cutoff),
             "Use a smaller one")
  }
  out$meat
}

# n / (n - K), all parameters counted.
conley_factor <- function(s) {
  if (!s$ssc$K.adj) return(1)
  s$m$nobs / (s$m$nobs - count_parameters(s$m, count_all(s$ssc), list()))
}
