# Where the labels of a path diagram stand on their arrows, so that they cover neither each other
# nor nodes.

# Half the width and height of a label and of a node, as shares of the figure.
label_half <- c(0.062, 0.042)
node_half <- c(0.075, 0.045)

# Arrows of one panel with at_x, at_y moved along the arrow where its text is `free`: labels are put
# one after the other to their best place given the others, until none moves.
spread_labels <- function(arrows, nodes) {
  size <- c(diff(range(nodes$x)) + 0.6, max(nodes$y) + 0.65)
  box <- label_half * size
  shares <- seq(0.1, 0.9, by = 0.04)
  for (sweep in 1:6) {
    before <- arrows[c("at_x", "at_y")]
    for (r in which(arrows$free)) {
      x <- arrows$x[r] + shares * (arrows$xend[r] - arrows$x[r])
      y <- arrows$y[r] + shares * (arrows$yend[r] - arrows$y[r])
      cost <- label_overlap(x, y, arrows$at_x[-r], arrows$at_y[-r], box, box) +
        label_overlap(x, y, nodes$x, nodes$y, box, node_half * size) +
        0.1 * crossed_arrows(x, y, arrows[-r, ], box) + 0.02 * abs(shares - 0.5)
      arrows$at_x[r] <- x[which.min(cost)]
      arrows$at_y[r] <- y[which.min(cost)]
    }
    if (identical(before, arrows[c("at_x", "at_y")])) break
  }
  arrows
}

# The share of a box about each (x, y) that boxes about (x2, y2) cover, summed over these.
label_overlap <- function(x, y, x2, y2, half, half2) {
  across <- pmax(half[1L] + half2[1L] - abs(outer(x, x2, `-`)), 0)
  along <- pmax(half[2L] + half2[2L] - abs(outer(y, y2, `-`)), 0)
  rowSums(across * along) / (4 * prod(half))
}

# How many arrows run through a box about each (x, y).
crossed_arrows <- function(x, y, arrows, half) {
  at <- seq(0, 1, length.out = 41L)
  through <- vapply(seq_len(nrow(arrows)), function(r) {
    px <- arrows$x[r] + at * (arrows$xend[r] - arrows$x[r])
    py <- arrows$y[r] + at * (arrows$yend[r] - arrows$y[r])
    inside <- abs(outer(x, px, `-`)) < half[1L] & abs(outer(y, py, `-`)) < half[2L]
    rowSums(inside) > 0
  }, logical(length(x)))
  rowSums(matrix(through, length(x)))
}
