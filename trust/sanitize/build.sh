# What trust/sanitize.sh and trust/valgrind.sh share; $check is the name of the check. $work is a
# folder that goes away with the shell, $failures counts the rows that failed.
. trust/record.sh
work=$(mktemp -d "${TMPDIR:-/tmp}/fepanel-$check.XXXXXX")
trap 'rm -rf "$work"' EXIT
failures=0

now() { date +%s; }
have() { command -v "$1" >/dev/null 2>&1; }

# row WHAT TIMES FAILED OUTCOME SINCE: records, and counts the failure.
row() {
  record "$check" "$1" "$2" "$3" "$4" "$(($(now) - $5))"
  [ "$3" -eq 0 ] || failures=$((failures + 1))
}

not_run() { record "$check" "$1" 0 0 "not run: $2" 0; }

# install LIBRARY CFLAGS LDFLAGS [COMPILER]: the package without byte code and help.
install() {
  mkdir -p "$1" "$work/source"
  rm -rf "$work/source/fepanel"
  mkdir "$work/source/fepanel"
  cp -R DESCRIPTION NAMESPACE R src data inst "$work/source/fepanel/"
  find "$work/source" -name '*.o' -o -name '*.so' | xargs rm -f
  printf 'CC = %s\nCFLAGS = -std=gnu11 %s\nLDFLAGS = %s\n' "${4:-gcc}" "$2" "$3" >"$work/Makevars"
  R_MAKEVARS_USER="$work/Makevars" MAKEFLAGS=-j2 R CMD INSTALL --no-docs --no-byte-compile \
    --no-test-load --library="$1" "$work/source/fepanel" >"$work/install" 2>&1 || {
    tail -n 20 "$work/install"
    return 1
  }
}

# build_tests COMPILER FLAGS FOLDER [NAMES]: the C tests, or those named, each linked with the whole
# core.
build_tests() {
  mkdir -p "$3"
  build="$1 -std=gnu11 -Isrc/core -pthread $2"
  ls src/core/*.c | xargs -P 2 -I{} sh -c "$build -c {} -o $3/core_\$(basename {} .c).o"
  names=${4:-$(ls tests/c | sed -n 's/^test_\(.*\)\.c$/\1/p')}
  printf 'tests/c/test_%s.c\n' $names |
    xargs -P 2 -I{} sh -c "$build {} $3/core_*.o -o $3/\$(basename {} .c) -lm"
}

# run_tests FOLDER COMMAND [INEXACT]: runs what build_tests() was to build -> $passed tests, $failed
# programs, $inexact tests of the programs in INEXACT that do not hold, which is no failure. What
# programs that failed said is shown.
run_tests() {
  passed=0
  failed=0
  inexact=0
  for name in $names; do
    $2 "$1/test_$name" >"$work/out" 2>&1
    status=$?
    held=$(sed -n 's/^\([0-9]*\) passed, [0-9]* failed$/\1/p' "$work/out")
    passed=$((passed + ${held:-0}))
    if [ $status -eq 1 ] && [ -n "$held" ] && echo " ${3:-} " | grep -qF " $name "; then
      inexact=$((inexact + $(sed -n 's/^[0-9]* passed, \([0-9]*\) failed$/\1/p' "$work/out")))
    elif [ $status -ne 0 ] || [ -z "$held" ]; then
      failed=$((failed + 1))
      echo "test_$name: status $status"
      tail -n 40 "$work/out"
    fi
  done
}
