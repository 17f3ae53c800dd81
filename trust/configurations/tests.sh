# In a fresh Debian file system with the repository at /fepanel: R from Debian, the package, its
# tests with the suggested packages that Debian has as binaries.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 R_LIBS=/library
apt-get -q update
apt-get -qy install --no-install-recommends r-base-core gcc make libc6-dev \
  r-cran-formula r-cran-generics r-cran-nlme r-cran-testthat r-cran-withr r-cran-tibble \
  r-cran-ggplot2 r-cran-bit64 r-cran-data.table r-cran-broom r-cran-sandwich r-cran-lmtest
R --version
mkdir /library
cd /fepanel
sh tools/install.sh /library
Rscript tools/test.R
