# Hypotheses on coefficients -> restrictions.
#
# A list(estimate, null, jacobian, text): the value of each restricted expression at the estimates,
# its value under the null hypothesis, its derivatives (a row for each restriction, a column for
# each coefficient) and the hypothesis in words.

# hypothesis: text, a matrix, a formula or a function; b: named coefficients; se: their errors, the
# scale of numeric derivatives; columns: a function of a formula that names its coefficients.
restrictions <- function(hypothesis, rhs, b, se, columns) {
  if (inherits(hypothesis, "formula")) hypothesis <- quote_name(columns(hypothesis))
  if (is.function(hypothesis)) return(function_restrictions(hypothesis, rhs, b, se))
  if (is.numeric(hypothesis)) return(matrix_restrictions(hypothesis, rhs, b))
  if (!is.character(hypothesis) || !length(hypothesis) || anyNA(hypothesis)) {
    stop_arg("hypothesis", paste("must hold names of coefficients or equations, or be a matrix,",
                                 "a formula or a function, not", describe_value(hypothesis)),
             "Write for instance c(\"x1\", \"x2\") or \"x1 + 2*x2 = 1\"")
  }
  text_restrictions(hypothesis, rhs, b)
}

check_rhs <- function(rhs, q) {
  if (is.null(rhs)) return(numeric(q))
  if (!is.numeric(rhs) || !length(rhs) %in% c(1L, q) || !all(is.finite(rhs))) {
    stop_arg("rhs", sprintf("must hold one finite number, or one for each of %d hypotheses, not %s",
                            q, describe_value(rhs)))
  }
  rep(as.double(rhs), length.out = q)
}

quote_name <- function(names) {
  vapply(names, function(name) deparse(as.name(name), backtick = TRUE), "", USE.NAMES = FALSE)
}

# ---- matrices and functions ----------------------------------------------------------------------

# A row for each restriction. Columns with names may be some of the coefficients, in any order.
matrix_restrictions <- function(R, rhs, b) {
  if (!is.matrix(R)) R <- matrix(R, 1L, dimnames = list(NULL, names(R)))
  named <- colnames(R)
  wrong <- c(setdiff(named, names(b)), named[duplicated(named)])
  if (length(wrong)) {
    stop_arg("hypothesis", paste("has columns named", quote_list(wrong),
                                 "which are no coefficients, or named twice"),
             paste("The coefficients are", quote_list(names(b), 12L)))
  }
  if (is.null(named) && ncol(R) != length(b)) {
    stop_arg("hypothesis", sprintf("has %d columns for %d coefficients", ncol(R), length(b)),
             paste("Give the columns names, or one for each of", quote_list(names(b), 12L)))
  }
  if (!nrow(R) || !all(is.finite(R)) || any(rowSums(R != 0) == 0)) {
    stop_arg("hypothesis", "must have finite elements, and one that is not zero in every row")
  }
  J <- matrix(0, nrow(R), length(b), dimnames = list(NULL, names(b)))
  J[, if (is.null(named)) names(b) else named] <- R
  null <- check_rhs(rhs, nrow(J))
  list(estimate = as.vector(J %*% b), null = null, jacobian = J,
       text = sprintf("%s = %s", apply(J, 1L, describe_row), format_plain(null)))
}

# Each number by itself.
format_plain <- function(x, digits = 7L) {
  vapply(x, format, "", digits = digits, scientific = 2L, USE.NAMES = FALSE)
}

# "x1 - 2*x2"
describe_row <- function(row) {
  at <- which(row != 0)
  size <- abs(row[at])
  term <- paste0(ifelse(size == 1, "", paste0(format_plain(size), "*")), names(row)[at])
  sign <- ifelse(row[at] < 0, " - ", " + ")
  sub("^ \\+ ", "", sub("^ - ", "-", paste0(sign, term, collapse = "")))
}

# A function of the coefficients, its derivatives by the five-point rule, whose error is of the
# order of step^4.
function_restrictions <- function(f, rhs, b, se) {
  value <- function(b) {
    out <- tryCatch(f(b), error = function(e) {
      stop_arg("hypothesis", paste("is a function that failed:", conditionMessage(e)))
    })
    if (!is.numeric(out) || !length(out) || !all(is.finite(out))) {
      stop_arg("hypothesis", paste("is a function that gave", describe_value(out)),
               "It must return finite numbers")
    }
    out
  }
  estimate <- value(b)
  step <- 1e-3 * pmax(abs(b), se)
  J <- vapply(seq_along(b), function(j) {
    at <- function(s) as.double(value(replace(b, j, b[[j]] + s * step[[j]])))
    (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step[[j]])
  }, numeric(length(estimate)))
  J <- matrix(J, length(estimate), dimnames = list(NULL, names(b)))
  null <- check_rhs(rhs, length(estimate))
  list(estimate = as.double(estimate), null = null, jacobian = J,
       text = sprintf("%s = %s", value_labels(estimate, b), format_plain(null)))
}

# The names that a function gave its values. b[1] / b[2] inherits that of a coefficient, which it is
# not.
value_labels <- function(estimate, b) {
  label <- names(estimate)
  if (is.null(label)) label <- character(length(estimate))
  borrowed <- label %in% names(b)
  borrowed[borrowed] <- estimate[borrowed] != b[label[borrowed]]
  plain <- borrowed | !nzchar(label)
  label[plain] <- sprintf("f(b)[%d]", which(plain))
  label
}

# ---- text ----------------------------------------------------------------------------------------

text_restrictions <- function(text, rhs, b) {
  sides <- lapply(text, read_equation, known = names(b))
  open <- lengths(sides) == 1L
  if (!is.null(rhs) && !all(open)) {
    stop_arg("rhs", sprintf("is given, but the hypothesis %s has a right side of its own",
                            dQuote(text[!open][1L], FALSE)),
             "Give it in one of them")
  }
  right <- check_rhs(rhs, length(text))
  parts <- unlist(Map(function(text, sides, right) {
    if (length(sides) == 1L) {
      sides <- c(sides, list(right))
      text <- sprintf("%s = %s", text, format_plain(right))
    }
    pairs <- seq_along(sides)[-1L]
    if (length(pairs) > 1L) {
      words <- vapply(sides, spell, "", known = names(b))
      text <- paste(words[pairs - 1L], "=", words[pairs])
    }
    Map(function(left, right, text) one_restriction(left, right, text, b), sides[pairs - 1L],
        sides[pairs], trimws(text))
  }, text, sides, right), recursive = FALSE)
  pick <- function(name) vapply(parts, `[[`, 0, name, USE.NAMES = FALSE)
  list(estimate = pick("estimate"), null = pick("null"),
       jacobian = do.call(rbind, unname(lapply(parts, `[[`, "gradient"))),
       text = vapply(parts, `[[`, "", "text", USE.NAMES = FALSE))
}

# Elementary functions with known derivatives, of one argument.
elementary <- c("exp", "log", "sqrt", "log2", "log10", "log1p", "expm1", "sin", "cos", "tan",
                "sinh", "cosh", "asin", "acos", "atan", "pnorm", "dnorm")

# "x1 + 2*x2 = 1" -> its sides, in which b1, b2, ... stand for the coefficients. Text that spells a
# coefficient is that coefficient, whatever characters it has.
read_equation <- function(text, known) {
  expr <- tryCatch(parse(text = quote_known(text, known), keep.source = FALSE),
                   error = function(e) NULL)
  if (length(expr) != 1L) {
    stop_arg("hypothesis", sprintf("holds %s, which cannot be read", dQuote(text, FALSE)),
             paste("Write names of coefficients, or equations such as \"x1 = 2*x2\". The",
                   "coefficients are", quote_list(known, 12L)))
  }
  lapply(split_sides(expr[[1L]]), translate, known = known, text = text)
}

split_sides <- function(expr) {
  if (!is_call_of(expr, "=") && !is_call_of(expr, "==")) return(list(expr))
  c(split_sides(expr[[2L]]), split_sides(expr[[3L]]))
}

# Backticks around every coefficient whose name R would not read as one, the longest first.
quote_known <- function(text, known) {
  odd <- known[make.names(known) != known]
  if (!length(odd)) return(text)
  odd <- odd[order(nchar(odd), decreasing = TRUE)]
  escaped <- gsub("([][{}()+*^$|\\\\?.])", "\\\\\\1", odd)
  inside <- "[\\p{L}\\p{N}._]"
  before <- ifelse(grepl(paste0("^", inside), odd, perl = TRUE), sprintf("(?<!%s)", inside), "")
  after <- ifelse(grepl(paste0(inside, "$"), odd, perl = TRUE), sprintf("(?!%s)", inside), "")
  pattern <- paste(c(paste0(before, escaped, after), "`(?:[^`\\\\]|\\\\.)*`"), collapse = "|")
  found <- gregexpr(pattern, text, perl = TRUE)
  regmatches(text, found) <- lapply(regmatches(text, found), function(part) {
    ifelse(part %in% odd, quote_name(part), part)
  })
  text
}

# An expression with b1, b2, ... for the coefficients. Anything but numbers, coefficients and
# arithmetic is refused, so that nothing else is ever evaluated.
translate <- function(expr, known, text) {
  refuse <- function(what, remedy) {
    stop_arg("hypothesis", sprintf("holds %s, in which `%s` is %s", dQuote(text, FALSE),
                                   deparse_one(expr), what), remedy)
  }
  if (is.numeric(expr) && length(expr) == 1L && is.finite(expr)) return(as.double(expr))
  if (is.name(expr)) {
    at <- match(as.character(expr), known)
    if (!is.na(at)) return(as.name(paste0("b", at)))
    if (identical(expr, quote(pi))) return(pi)
    refuse("no coefficient", paste("The coefficients are", quote_list(known, 12L)))
  }
  if (!is.call(expr)) refuse("no number and no coefficient", NULL)
  head <- if (is.name(expr[[1L]])) as.character(expr[[1L]]) else ""
  n <- length(expr) - 1L
  fits <- (head %in% c("*", "/", "^") && n == 2L) || (head %in% c("+", "-") && n %in% 1:2) ||
    (head %in% c("(", elementary) && n == 1L)
  if (!fits || !is.null(names(expr))) {
    refuse("no arithmetic on coefficients",
           paste("Known are + - * / ^ and", paste0(elementary, "()", collapse = ", "),
                 "of one argument; write names with other characters in backticks"))
  }
  expr[-1L] <- lapply(expr[-1L], translate, known = known, text = text)
  expr
}

# The words of an expression in b1, b2, ...
spell <- function(expr, known) {
  names <- stats::setNames(lapply(known, as.name), paste0("b", seq_along(known)))
  gsub("`", "", deparse_one(do.call(substitute, list(expr, names))), fixed = TRUE)
}

# left = right, with a side that holds no coefficient as the null value.
one_restriction <- function(left, right, text, b) {
  if (!length(all.vars(right))) {
    expr <- left
    null <- evaluate(right, b)
  } else if (!length(all.vars(left))) {
    expr <- right
    null <- evaluate(left, b)
  } else {
    expr <- call("-", left, right)
    null <- 0
  }
  used <- all.vars(expr)
  if (!length(used)) {
    stop_arg("hypothesis", sprintf("holds %s, which names no coefficient", dQuote(text, FALSE)),
             paste("The coefficients are", quote_list(names(b), 12L)))
  }
  gradient <- stats::setNames(numeric(length(b)), names(b))
  at <- as.integer(sub("b", "", used, fixed = TRUE))
  gradient[at] <- vapply(used, function(v) as.double(evaluate(stats::D(expr, v), b)), 0)
  estimate <- evaluate(expr, b)
  if (!all(is.finite(c(estimate, null, gradient)))) {
    stop_arg("hypothesis", sprintf("holds %s, which is not finite at the estimates",
                                   dQuote(text, FALSE)))
  }
  list(estimate = estimate, null = null, gradient = gradient, text = text)
}

evaluate <- function(expr, b) {
  values <- stats::setNames(as.list(unname(b)), paste0("b", seq_along(b)))
  suppressWarnings(eval(expr, values, asNamespace("stats")))
}

# ---- dependent restrictions ----------------------------------------------------------------------

# Restrictions that follow from those before them are left out; those that contradict them are an
# error. se: errors of the coefficients, which make their units alike: dependent are restrictions
# that are so with and without them. -> list(restrictions, dropped (texts))
independent_restrictions <- function(r, se) {
  J <- r$jacobian %*% diag(ifelse(se > 0, se, 1), length(se))
  size <- sqrt(rowSums(J^2))
  if (any(size == 0)) {
    stop_arg("hypothesis", sprintf("holds %s, which no coefficient moves at the estimates",
                                   dQuote(r$text[size == 0][1L], FALSE)))
  }
  rows <- t(J / size)
  gap <- (r$estimate - r$null) / size
  q <- qr(rows, tol = 1e-10)
  if (max(q$rank, qr(t(r$jacobian), tol = 1e-10)$rank) == ncol(rows)) {
    return(list(restrictions = r, dropped = character()))
  }
  kept <- sort(q$pivot[seq_len(q$rank)])
  gone <- setdiff(seq_along(gap), kept)
  weight <- qr.coef(qr(rows[, kept, drop = FALSE]), rows[, gone, drop = FALSE])
  scale <- max(abs(c(r$estimate, r$null)) / size)
  off <- abs(gap[gone] - as.vector(crossprod(weight, gap[kept]))) > 1e-8 * scale
  if (any(off)) {
    stop_arg("hypothesis", sprintf("holds %s, which contradicts the others",
                                   dQuote(r$text[gone[off]][1L], FALSE)),
             paste("The others are", quote_list(r$text[kept], 12L)))
  }
  list(restrictions = list(estimate = r$estimate[kept], null = r$null[kept],
                           jacobian = r$jacobian[kept, , drop = FALSE], text = r$text[kept]),
       dropped = r$text[gone])
}
