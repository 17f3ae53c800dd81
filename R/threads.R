#' Number of threads
#'
#' Results do not depend on it: the same data and the same seed give the same numbers, bit for bit,
#' on any number of threads.
#'
#' @param n `NULL` to ask, or a whole number of at least 1 to set it for this session.
#' @return the number in force, invisibly when it is set. The default is the option
#'   `fepanel.threads`, or else 2.
#' @examples
#' fe_threads()
#' @export
fe_threads <- function(n = NULL) {
  if (!is.null(n)) {
    options(fepanel.threads = check_threads(n, "n"))
    return(invisible(getOption("fepanel.threads")))
  }
  set <- getOption("fepanel.threads")
  if (!is.null(set)) return(check_threads(set, "options(fepanel.threads)"))
  2L
}

check_threads <- function(n, arg = "threads") {
  if (is.null(n)) return(fe_threads())
  as.integer(check_count(n, arg, 1, 1024))
}
