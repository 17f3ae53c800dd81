#!/bin/sh
# Installs what a target of the Makefile needs and the machine lacks; quick when nothing is missing.
#
#   tools/setup.sh replicate|test|check|trust
#
# Two modes:
#   system  root, on Debian or a derivative, where R is missing or is Debian's own. Debian packages
#           come through apt-get; what Debian lacks or has too old comes from CRAN into R's site
#           library.
#   user    no root, or an R that Debian's package manager did not install. Nothing of the system is
#           touched: R packages are built from CRAN in R_LIBS_USER. Without pandoc the report is
#           made by the package litedown, and Word files are left out.
# FEPANEL_SETUP=user asks for the second where the first would be taken.
# shellcheck disable=SC2086 # lists of package names are split on purpose
set -eu
cd "$(dirname "$0")/.."
purpose=${1:?usage: tools/setup.sh replicate|test|check|trust}
log=$(mktemp "${TMPDIR:-/tmp}/fepanel-setup.XXXXXX")
trap 'rm -f "$log"' EXIT

die() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# Runs a command quietly, and a second time if it fails: networks do. A second failure ends the
# set-up and shows the end of the output.
quietly() {
  "$@" >>"$log" 2>&1 </dev/null && return
  sleep 5
  "$@" >>"$log" 2>&1 </dev/null && return
  tail -n 30 "$log" >&2
  die "this failed twice: $*"
}

# Is R, if there is one, the file that Debian's package r-base-core installed?
debian_r() {
  have R || return 0
  grep -qxF "$(readlink -f "$(command -v R)")" /var/lib/dpkg/info/r-base-core.list 2>/dev/null
}

setup_mode() {
  if [ "${FEPANEL_SETUP:-system}" = system ] && [ "$(id -u)" = 0 ] && have apt-get && debian_r; then
    echo system
  else
    echo user
  fi
}

missing_r() { Rscript tools/missing.R "$purpose" "$mode" "$@"; }

apt_install() {
  echo "installing from Debian, with what they need: $*"
  DEBIAN_FRONTEND=noninteractive
  export DEBIAN_FRONTEND
  if ! ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1; then quietly apt-get -q update; fi
  apt-get -qy install --no-install-recommends "$@" >>"$log" 2>&1 </dev/null && return
  quietly apt-get -q update
  quietly apt-get -qy install --no-install-recommends "$@"
}

# Builds what is still missing, and tries again what is missing after a failed download. What cannot
# be had is found out afterwards: it may be something that can be done without.
cran_install() {
  packages=$(missing_r)
  if [ -z "$packages" ]; then return; fi
  echo "building from CRAN in $1, with what they need:" $packages
  Rscript tools/cran.R "$1" $packages >>"$log" 2>&1 </dev/null && return
  if grep -qE 'cannot open URL|download.* failed|unable to access index' "$log"; then
    packages=$(missing_r)
    Rscript tools/cran.R "$1" $packages >>"$log" 2>&1 </dev/null || true
  fi
}

site_library() { Rscript -e 'cat(.libPaths()[1])'; }

# The first folder of R_LIBS_USER, whether or not it exists already.
user_library() {
  Rscript -e 'cat(strsplit(path.expand(Sys.getenv("R_LIBS_USER")), ":")[[1]][1])'
}

# Debian packages other than R packages: R, a compiler, certificates to reach CRAN, pandoc.
missing_programs() {
  have R || echo r-base-core
  have gcc || echo gcc
  [ -e /usr/include/stdio.h ] || echo libc6-dev
  [ -e /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates
  have pandoc || echo pandoc
  [ "$purpose" = replicate ] || have g++ || echo g++
  [ "$purpose" != check ] || have qpdf || echo qpdf
  [ "$purpose" != trust ] || trust_programs
}

# What the checks of trust/ run with; one that is not there costs its rows, which say so.
trust_programs() {
  have clang || echo clang
  have valgrind || echo valgrind
  have python3 || echo python3
  [ -e /usr/share/i18n/locales/tr_TR ] || echo locales
  ls /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a >/dev/null 2>&1 ||
    echo libclang-rt-14-dev
}

# R packages that others, built from CRAN, would otherwise pull in as sources.
companions() {
  case $1 in
    fixest) echo rcpp numderiv nlme sandwich ;;
    modelsummary) echo glue backports base64enc htmltools knitr ;;
    texreg) echo httr ;;
  esac
}

# The Debian packages, as far as there are any not yet installed, of the R packages given.
debian_names() {
  known=$(apt-cache pkgnames r-cran-)
  for package in "$@"; do
    for name in "$package" $(companions "$package"); do
      echo "r-cran-$name" | tr '[:upper:]' '[:lower:]'
    done
  done | sort -u | while read -r name; do
    [ -e "/var/lib/dpkg/info/$name.list" ] || echo "$known" | grep -xF "$name" || true
  done
}

setup_system() {
  programs=$(missing_programs)
  if [ -n "$programs" ]; then apt_install $programs; fi
  packages=$(missing_r)
  if [ -z "$packages" ]; then return; fi
  binaries=$(debian_names $packages)
  if [ -n "$binaries" ]; then apt_install $binaries; fi
  cran_install "$(site_library)"
  verify
}

setup_user() {
  have R || die "R is missing and only root can install it: as root, apt-get install r-base-core"
  have gcc || have cc || die "a C compiler is missing and only root can install it: gcc, libc6-dev"
  packages=$(missing_r)
  if [ -z "$packages" ]; then return; fi
  # These need a C++ compiler, themselves or in what they import.
  in_cxx=$(missing_r required | grep -xE 'ggplot2|testthat' || true)
  if [ -n "$in_cxx" ] && ! have g++ && ! have c++; then
    die "a C++ compiler is missing and only root can install it: g++; it is needed to build" $in_cxx
  fi
  cran_install "$(user_library)"
  verify
}

# What is still missing after an installation.
verify() {
  packages=$(missing_r required)
  if [ -n "$packages" ]; then
    tail -n 30 "$log" >&2
    die "these R packages could not be installed:" $packages
  fi
  packages=$(missing_r)
  if [ -n "$packages" ]; then
    echo "could not be built here, the tests that compare with them are skipped:" $packages
  fi
}

mode=$(setup_mode)
"setup_$mode"
