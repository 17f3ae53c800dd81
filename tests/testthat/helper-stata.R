# Stata's default random numbers: the 64-bit Mersenne Twister of Nishimura (2000), from a seed.
# Words are eight bytes of 0 or 1, least significant bit first (logical vectors of length 64).

stata_uniforms <- function(n, seed) {
  state <- mt64_state(seed)
  out <- numeric()
  while (length(out) < n) {
    state <- mt64_twist(state)
    out <- c(out, mt64_numbers(mt64_temper(state)))
  }
  out[seq_len(n)]
}

# A matrix of 0 and 1, a row a word; mt64_right(x, k) shifts each word to the right.
mt64_right <- function(x, k) cbind(x[, -seq_len(k), drop = FALSE], matrix(0, nrow(x), k))
mt64_left <- function(x, k) {
  cbind(matrix(0, nrow(x), k), x[, seq_len(64L - k), drop = FALSE])
}
mt64_hex <- function(text) {
  digits <- rev(strtoi(strsplit(text, "")[[1L]], 16L))
  as.vector(vapply(digits, function(d) as.numeric(bitwAnd(d, c(1L, 2L, 4L, 8L)) > 0), numeric(4L)))
}

# Words as four limbs of 16 bits, for the multiplication modulo 2^64 of the seeding.
mt64_state <- function(seed) {
  factor <- c(0x7F2D, 0x4C95, 0xF42D, 0x5851) # 6364136223846793005
  word <- c(seed %% 65536, seed %/% 65536, 0, 0)
  state <- matrix(0, 312L, 64L)
  bits <- function(w) as.vector(vapply(w, function(v) v %/% 2^(0:15) %% 2, numeric(16L)))
  state[1L, ] <- bits(word)
  for (i in 1:311) {
    word[1L] <- bitwXor(word[1L], word[4L] %/% 16384) # the two highest bits, moved down
    product <- vapply(1:4, function(k) sum(word[1:k] * factor[k:1]), 0)
    product[1L] <- product[1L] + i
    for (k in 1:4) {
      if (k < 4L) product[k + 1L] <- product[k + 1L] + product[k] %/% 65536
      word[k] <- product[k] %% 65536
    }
    state[i + 1L, ] <- bits(word)
  }
  state
}

mt64_twist <- function(state) {
  matrix_a <- mt64_hex("B5026F5AA96619E9")
  for (i in 1:312) {
    following <- state[i %% 312 + 1L, ]
    x <- matrix(c(following[1:31], state[i, 32:64]), 1L)
    state[i, ] <- (state[(i + 155L) %% 312 + 1L, ] + mt64_right(x, 1L) + x[1L] * matrix_a) %% 2
  }
  state
}

mt64_temper <- function(x) {
  mask <- function(y, text) y * rep(mt64_hex(text), each = nrow(y))
  x <- (x + mask(mt64_right(x, 29L), "5555555555555555")) %% 2
  x <- (x + mask(mt64_left(x, 17L), "71D67FFFEDA60000")) %% 2
  x <- (x + mask(mt64_left(x, 37L), "FFF7EEE000000000")) %% 2
  (x + mt64_right(x, 43L)) %% 2
}

# The upper 52 bits, in the middle of their interval.
mt64_numbers <- function(x) as.vector((x[, 13:64] %*% 2^(0:51) + 0.5) / 2^52)

# The data of the public logs of Gelbach's b1x2.
gelbach_data <- function(seed) {
  z <- matrix(qnorm(stata_uniforms(2500, seed)), 500)
  d <- data.frame(x1 = z[, 1])
  d$x21 <- d$x1 + z[, 2]
  d$x22 <- 0.25 * d$x1 + 0.75 * d$x21 + z[, 3]
  d$x23 <- 0.4 * d$x1 + 0.6 * d$x21 + 0.4 * d$x22 + z[, 4]
  d$y <- d$x1 + 2 * d$x21 + 0.5 * d$x22 + 0.75 * d$x23 + z[, 5]
  d$cluster <- (0:499) %/% 50 + 1
  d
}
