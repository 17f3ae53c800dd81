library(testthat)
library(fepanel)

test_check("fepanel")
