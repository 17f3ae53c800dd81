#!/bin/sh
# What compilers know about the C code: sanitizers, warnings, link-time optimisation, analysers.
#
#   sh trust/sanitize.sh [--quick] [--only=stage] [--skip=file,file]
#
# Stages, in this order (those with * are --quick):
#   warnings*  core and glue by gcc and clang, -Wall -Wextra -Wpedantic -Werror; --quick: gcc, what
#              it sees before it optimises
#   memory*    the C tests under AddressSanitizer (leaks too) and UndefinedBehaviorSanitizer, by gcc
#              and clang; --quick: gcc, and the tests in $at_risk
#   threads    the C tests under ThreadSanitizer
#   analysers  gcc -fanalyzer, cppcheck, clang-tidy with all that clang --analyze finds
#   lto        the package built with -flto by gcc and clang: it loads, and fits as without
#   suite      the whole testthat suite on a package built with both sanitizers. R itself and other
#              packages leave memory behind when they end, so leaks are not looked for here.
#              --skip names the test files to leave out, as --skip=figures,plot.
set -u
cd "$(dirname "$0")/.." || exit 1
LC_ALL=C
export LC_ALL # of what compilers say
quick=0
only=
skip=
at_risk="coder codes cr2 graph lags leave_out"
for argument in "$@"; do
  case $argument in
    --quick) quick=1 ;;
    --only=*) only=${argument#--only=} ;;
    --skip=*) skip=$(echo "${argument#--skip=}" | tr , ' ') ;;
    *) echo "unknown argument $argument" >&2; exit 2 ;;
  esac
done

check=sanitize
. trust/sanitize/build.sh
include=$(Rscript -e 'cat(R.home("include"))')
flags="-std=gnu11 -isystem $include -Isrc/core"

# Can this compiler build with this sanitizer, and does what it builds run?
can_sanitize() {
  echo 'int main(void) { return 0; }' >"$work/can.c"
  "$1" "-fsanitize=$2" "$work/can.c" -o "$work/can" 2>/dev/null && "$work/can" 2>/dev/null
}

# each_file WHAT COMMAND: the command with {} for each C file. What it finds and
# trust/sanitize/known.txt does not explain is a failure; $work/seen gathers all that was found.
each_file() {
  since=$(now)
  files=$(ls src/core/*.c src/*.c)
  echo "$files" | xargs -P 2 -I{} sh -c "$2 2>&1 || echo '{}: error: status '\$?" >"$work/log"
  grep -v '^#' trust/sanitize/known.txt | grep . >"$work/known"
  grep -E ': ((fatal )?error|warning): ' "$work/log" | sort -u |
    awk -f trust/sanitize/places.awk >"$work/found"
  cat "$work/found" >>"$work/seen"
  grep -vFf "$work/known" "$work/found" >"$work/new"
  new=$(wc -l <"$work/new")
  if [ "$new" -gt 0 ]; then
    cat "$work/log"
    echo "not in trust/sanitize/known.txt:"
    cat "$work/new"
  fi
  known=$(($(wc -l <"$work/found") - new))
  outcome="no finding in any file"
  [ $known -eq 0 ] || outcome="no finding but $known that trust/sanitize/known.txt explains"
  row "$1" "$(echo "$files" | wc -l)" "$new" "$outcome" "$since"
}

# ---- stages --------------------------------------------------------------------------------------

stage_warnings() {
  strict="$flags -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wvla -Werror"
  if [ $quick -eq 1 ]; then
    each_file "gcc -Wall -Wextra -Wpedantic -Werror -fsyntax-only, core and glue" \
      "gcc $strict -fsyntax-only {}"
    return
  fi
  for compiler in gcc clang; do
    what="$compiler -O2 -Wall -Wextra -Wpedantic -Werror, core and glue"
    if have $compiler; then each_file "$what" "$compiler $strict -O2 -c {} -o /dev/null"
    else not_run "$what" "$compiler is not installed"; fi
  done
}

# c_tests COMPILER SANITIZERS WHAT [NAMES]: a row for the C tests, or those named; a program stops
# at its first finding.
c_tests() {
  if ! have "$1"; then not_run "$3" "$1 is not installed"; return; fi
  if ! can_sanitize "$1" "$2"; then
    not_run "$3" "$1 lacks the library of -fsanitize=$2"
    return
  fi
  since=$(now)
  built="$work/tests-$1-$2"
  traced="-O1 -g -fno-omit-frame-pointer"
  build_tests "$1" "$traced -fsanitize=$2 -fno-sanitize-recover=all" "$built" "${4:-}"
  run_tests "$built" ""
  row "$3" "$passed" "$failed" "no finding, $passed tests pass" "$since"
}

stage_memory() {
  export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1
  export UBSAN_OPTIONS=print_stacktrace=1
  both="C tests under AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer"
  if [ $quick -eq 1 ]; then
    c_tests gcc address,undefined "$both, gcc: $at_risk" "$at_risk"
    return
  fi
  c_tests gcc address,undefined "$both, gcc"
  c_tests clang address,undefined "$both, clang"
}

stage_threads() {
  for compiler in gcc clang; do
    c_tests $compiler thread "C tests under ThreadSanitizer, $compiler"
  done
}

# What analysers get wrong stands in trust/sanitize/known.txt, with the reason. What stands there
# and is not found is said, for another version may find it.
stage_analysers() {
  : >"$work/seen"
  each_file "gcc -fanalyzer, core and glue" "gcc $flags -O2 -fanalyzer -c {} -o /dev/null"
  if have cppcheck; then
    each_file "cppcheck, core and glue" "cppcheck --quiet --std=c11 --language=c -Isrc/core \
      --enable=warning,performance,portability {}"
  else not_run "cppcheck, core and glue" "cppcheck is not installed"; fi
  if have clang-tidy; then
    each_file "clang-tidy (clang's analyzer, bugprone, cert), core and glue" \
      "clang-tidy --quiet --config-file=trust/sanitize/clang-tidy.yaml {} -- $flags 2>/dev/null"
  else not_run "clang-tidy, core and glue" "clang-tidy is not installed"; fi
  while read -r finding; do
    grep -qF "$finding" "$work/seen" || echo "not found here: $finding"
  done <"$work/known"
}

stage_lto() {
  for compiler in gcc clang; do
    what="package built with -flto by $compiler"
    if ! have $compiler; then not_run "$what" "$compiler is not installed"; continue; fi
    since=$(now)
    echo 'int main(void) { return 0; }' >"$work/can.c"
    if ! $compiler -O2 -flto "$work/can.c" -o "$work/can" 2>/dev/null; then
      not_run "$what" "$compiler can't link with -flto here (no plugin or no lld)"
      continue
    fi
    install "$work/lto-$compiler" "-O2 -flto" "-flto" $compiler &&
      R_LIBS="$work/lto-$compiler" Rscript trust/sanitize/fits.R "$work/lto-$compiler"
    row "$what" 1 $? "it loads and fits as lm() does" "$since"
  done
}

stage_suite() {
  what="testthat suite${skip:+ without $skip}, package under AddressSanitizer and"
  what="$what UndefinedBehaviorSanitizer, gcc"
  if ! can_sanitize gcc address,undefined; then
    not_run "$what" "gcc lacks libasan or libubsan"
    return
  fi
  since=$(now)
  library="$work/asan"
  both="-fsanitize=address,undefined"
  if ! install "$library" "-g -O1 -fno-omit-frame-pointer $both -fno-sanitize-recover=undefined" \
    "$both"; then
    row "$what" 0 1 "it can't be built" "$since"
    return
  fi
  cp -R tests "$work/"
  for name in $skip; do rm "$work/tests/testthat/test-$name.R" || exit 2; done
  root=$(pwd)
  (
    cd "$work" || exit 1
    export LD_PRELOAD="$(gcc -print-file-name=libasan.so):$(gcc -print-file-name=libubsan.so)"
    export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:detect_odr_violation=0
    export UBSAN_OPTIONS=print_stacktrace=1 R_LIBS="$library${R_LIBS:+:$R_LIBS}" LC_ALL=C.UTF-8
    Rscript "$root/tools/test.R" >"$work/suite" 2>&1
  )
  total=$(tail -n 1 "$work/suite")
  echo "$total"
  found=$(grep -cE 'AddressSanitizer|runtime error:' "$work/suite")
  [ "$found" -eq 0 ] || grep -E -A 20 'AddressSanitizer|runtime error:' "$work/suite" | head -n 60
  grep -E '^(Failure|Error) ' "$work/suite" # of the package or of what it is compared with
  passed=$(echo "$total" | sed -nE 's/^([0-9]+) passed.*/\1/p')
  [ -n "$passed" ] || found=$((found + 1))
  row "$what" "${passed:-0}" "$found" "no finding; $total" "$since"
}

stages="warnings memory"
[ $quick -eq 1 ] || stages="$stages threads analysers lto suite"
for stage in ${only:-$stages}; do
  echo "== $stage"
  "stage_$stage"
done
[ $failures -eq 0 ]
