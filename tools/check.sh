#!/bin/sh
# R CMD build with the vignettes and R CMD check --as-cran, in a temporary directory; fails on any
# ERROR, WARNING or NOTE except the note that a first submission always gets.
set -eu
cd "$(dirname "$0")/.."
top=$(pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/fepanel-check.XXXXXX")
trap 'rm -rf "$work"' EXIT

# Settings for what a machine, not the package, would be noted for: no clock and no CRAN to ask,
# and the compiler flags that Debian builds its R with.
export _R_CHECK_SYSTEM_CLOCK_=0
export _R_CHECK_CRAN_INCOMING_REMOTE_=false
export _R_CHECK_COMPILATION_FLAGS_KNOWN_="-Wformat -Werror=format-security -Wdate-time"
# A test or example may not use more than 2.5 times as much processor as clock time.
export _R_CHECK_EXAMPLE_TIMING_CPU_TO_ELAPSED_THRESHOLD_=2.5
export _R_CHECK_TEST_TIMING_CPU_TO_ELAPSED_THRESHOLD_=2.5

mkdir "$work/fepanel"
tar -cf - --exclude=./.git --exclude=./.lib --exclude=./replication --exclude='*.o' \
  --exclude='*.so' . | tar -xf - -C "$work/fepanel"
cd "$work"
echo "building the source package"
if ! R CMD build fepanel >build.log 2>&1; then
  cat build.log >&2
  exit 1
fi
echo "checking $(ls fepanel_*.tar.gz)"
R CMD check --as-cran --no-manual fepanel_*.tar.gz >check.log 2>&1 || true
Rscript "$top/tools/check-log.R" fepanel.Rcheck
