# Methods of wild bootstrap tests.

#' @rdname fe_boottest
#' @order 2
#' @param x a result of class `fe_boottest`.
#' @param conf.int should `tidy` give the range of the confidence set?
#' @param conf.level,level for `tidy` and `confint`: the level of the set; another one is an error.
#' @param ... unused.
#' @export
print.fe_boottest <- function(x, ...) {
  cat(x$method, "\n", x$data.name, "\n\n", sep = "")
  name <- names(x$statistic)
  cat(sprintf("%s = %.6g (null value %g)\n", names(x$estimate), x$estimate, x$null.value), sep = "")
  cat(sprintf("%s = %.5g, p = %.5g%s\n", name, x$statistic, x$p.value,
              if (x$p_val_type == "two-tailed") "" else sprintf(" (%s)", x$p_val_type)))
  cat(sprintf("Variance: factor %.5g (%s)\n", x$factor,
              if (endsWith(x$bootstrap_type, "3")) "jackknife" else x$ssc))
  if (x$failed > 0) {
    cat(sprintf("%d replicates without a positive variance are left out\n", as.integer(x$failed)))
  }
  if (!is.null(x$conf.set)) {
    sets <- sprintf("[%.6g, %.6g]", x$conf.set[, 1L], x$conf.set[, 2L])
    cat(sprintf("%g%% confidence set: %s%s\n", 100 * attr(x$conf.int, "conf.level"),
                paste(sets, collapse = " and "),
                if (length(sets) > 1L) " (not connected)" else ""))
  }
  invisible(x)
}

# The level of the confidence set is fixed once it is computed.
check_set_level <- function(x, level, arg) {
  has <- attr(x$conf.int, "conf.level")
  if (!is.null(has) && !isTRUE(all.equal(level, has))) {
    stop_arg(arg, "differs from the level of the confidence set",
             "Ask for it in fe_boottest(conf_level = )")
  }
}

#' @rdname fe_boottest
#' @order 2
#' @export
tidy.fe_boottest <- function(x, conf.int = TRUE, conf.level = attr(x$conf.int, "conf.level"), ...) {
  check_dots(...)
  check_set_level(x, conf.level, "conf.level")
  ci <- if (is.null(x$conf.int)) c(NA_real_, NA_real_) else as.vector(x$conf.int)
  out <- data.frame(term = names(x$estimate), estimate = unname(x$estimate),
                    std.error = x$std.error, statistic = unname(x$statistic), p.value = x$p.value)
  if (check_flag(conf.int, "conf.int")) {
    out$conf.low <- ci[1L]
    out$conf.high <- ci[2L]
  }
  out
}

#' @rdname fe_boottest
#' @order 2
#' @export
glance.fe_boottest <- function(x, ...) {
  check_dots(...)
  data.frame(B = x$B, failed = x$failed, enumerated = x$enumerated, G = min(x$G),
             bootclusters = x$n_bootclusters, weights = x$weights,
             bootstrap_type = x$bootstrap_type, impose_null = x$impose_null)
}

#' @rdname fe_boottest
#' @order 2
#' @param parm unused: there is one hypothesis.
#' @export
confint.fe_boottest <- function(object, parm, level = attr(object$conf.int, "conf.level"), ...) {
  check_dots(...)
  if (is.null(object$conf.int)) {
    stop_arg("object", "has no confidence set", "Test one hypothesis with conf_int = TRUE")
  }
  check_set_level(object, level, "level")
  ends <- c((1 - level) / 2, 1 - (1 - level) / 2)
  matrix(object$conf.int, 1L,
         dimnames = list(names(object$estimate), paste(format(100 * ends, trim = TRUE), "%")))
}

#' @rdname fe_boottest
#' @order 2
#' @param type of the figure: `"t"`, the replicates of the statistic; `"p"`, the p-value as a
#'   function of the null value (see [fe_p_values()]) with the confidence set.
#' @export
plot.fe_boottest <- function(x, type = c("t", "p"), ...) {
  check_dots(...)
  need_ggplot()
  type <- check_first(type, c("t", "p"), "type")
  if (type == "p") p_figure(x) else replicate_figure(x)
}

replicate_figure <- function(x) {
  draws <- data.frame(t = x$t_boot[is.finite(x$t_boot)])
  joint <- length(x$estimate) > 1L
  at <- if (joint) x$statistic else c(-1, 1) * abs(x$statistic)
  ggplot2::ggplot(draws, name_aes(x = "t")) +
    ggplot2::geom_histogram(bins = 60, fill = "grey80", colour = "grey55", linewidth = 0.2) +
    ggplot2::geom_vline(xintercept = at, linetype = "dashed") +
    ggplot2::labs(x = sprintf("bootstrap %s of %s under the null hypothesis", names(x$statistic),
                              paste(names(x$estimate), collapse = ", ")),
                  y = "replicates", caption = sprintf("%s; p = %.4g", x$data.name, x$p.value)) +
    theme_fepanel()
}

p_figure <- function(x) {
  curve <- fe_p_values(x)
  level <- 1 - attr(x$conf.int, "conf.level")
  ends <- x$conf.set[is.finite(x$conf.set)]
  ggplot2::ggplot(curve, name_aes(x = "r", y = "p.value")) +
    ggplot2::geom_step(direction = "mid", linewidth = 0.5) +
    ggplot2::geom_hline(yintercept = level, linetype = "dashed", colour = "grey40") +
    ggplot2::geom_vline(xintercept = ends, linetype = "dotted", colour = "grey40") +
    ggplot2::labs(x = sprintf("null value of %s", names(x$estimate)), y = "p-value",
                  caption = sprintf("%s; %s", x$method, x$data.name)) +
    theme_fepanel()
}
