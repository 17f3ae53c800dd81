# Indirect effects: Hayes' example of a manipulated cover story (Tal-Or and others 2010, in psych),
# and the example of Stata's sgmediation on UCLA's pages: science on math through read, 200 pupils,
# of which the sums of squares and products are given (package faraway holds the data, as hsb).
hayes <- function(d) {
  x <- fe_mediate(reaction ~ cond, d, treat = "cond", mediators = "pmi", R = 0, vcov = "iid")
  paths <- tidy(x, "all")
  of <- function(effect, column) paths[[column]][paths$effect == effect][1L]
  d$z <- (d$import - mean(d$import)) / stats::sd(d$import)
  import <- fe_lm(z ~ cond, d, vcov = "iid")
  rbind(
    compare("Hayes, Introduction to Mediation (psych: Tal.Or)",
            c("a", "SE a", "b", "SE b", "c'", "c", "ab"),
            c(".4765252", ".2356913", ".5064485", ".0970483", ".2543542", ".4956897", ".2413355"),
            c(of("a", "estimate"), of("a", "std.error"), of("b", "estimate"), of("b", "std.error"),
              of("direct", "estimate"), of("total", "estimate"), of("indirect", "estimate"))),
    compare("Hayes, PROCESS output", paste("import, standardised, on cond:", c("b", "SE", "t",
                                                                               "p")),
            c(".3609", ".1784", "2.0234", ".0452"), unlist(tidy(import)[2L, 2:5])))
}

ucla <- function() {
  sums <- c(10529, 10446, 10370)
  products <- c(571765, 562589, 557571, 566514, 554355, 557192)
  pairs <- outer(sums, sums) / 200
  d <- rows_with(products - pairs[lower.tri(pairs, TRUE)], c("math", "read", "science"), 200)
  x <- fe_mediate(science ~ math, d, mediators = "read", R = 0, vcov = "iid")
  paths <- tidy(x, "sobel")
  values <- paths[match(c("total", "a", "b", "direct", "indirect"), paths$effect), ]
  compare("UCLA, sgmediation on hsbdemo",
          c("c", "a", "b", "c'", "ab", "SE c", "SE a", "SE ab (Sobel)"),
          c(".66658", ".724807", ".3654205", ".4017207", ".264859", ".0582822", ".0582745",
            ".05258136"),
          c(values$estimate, values$std.error[c(1, 2, 5)]),
          note = "from the sums of squares and products")
}

group <- list(
  title = "Mediation: Hayes and UCLA",
  needs = "psych",
  run = function() rbind(hayes(data_of("Tal.Or", "psych")), ucla()))
