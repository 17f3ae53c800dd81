#!/bin/sh
# What compilers know about the C code: sanitizers, warnings, link-time optimisation, analysers.
#
#   sh trust/sanitize.sh [--quick] [--only=stage]
#
# Stages, in this order (those with * are --quick):
#   warnings*  core and glue by gcc and clang, -Wall -Wextra -Wpedantic -Werror
#   memory*    the C tests under AddressSanitizer (leaks too) and UndefinedBehaviorSanitizer: gcc;
#              without --quick clang as well
#   threads    the C tests under ThreadSanitizer
#   analysers  gcc -fanalyzer, clang --analyze, cppcheck, clang-tidy
#   lto        the package built with -flto by gcc and clang: it loads, and fits as without
#   suite      the whole testthat suite on a package built with both sanitizers. R itself and other
#              packages leave memory behind when they end, so leaks are not looked for here.
set -u
cd "$(dirname "$0")/.." || exit 1
LC_ALL=C
export LC_ALL # of what compilers say
quick=0
only=
for argument in "$@"; do
  case $argument in
    --quick) quick=1 ;;
    --only=*) only=${argument#--only=} ;;
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
# trust/sanitize/known.txt does not explain is a failure.
each_file() {
  since=$(now)
  files=$(ls src/core/*.c src/*.c)
  echo "$files" | xargs -P 2 -I{} sh -c "$2 2>&1 || echo '{}: error: status '\$?" >"$work/log"
  grep -v '^#' trust/sanitize/known.txt | grep . >"$work/known"
  grep -E ': ((fatal )?error|warning): ' "$work/log" | sort -u |
    grep -vFf "$work/known" >"$work/new"
  [ ! -s "$work/new" ] || cat "$work/log"
  row "$1" "$(echo "$files" | wc -l)" "$(wc -l <"$work/new")" "no finding in any file" "$since"
}

# ---- stages --------------------------------------------------------------------------------------

stage_warnings() {
  strict="$flags -O2 -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wvla -Werror"
  for compiler in gcc clang; do
    what="$compiler -Wall -Wextra -Wpedantic -Werror, core and glue"
    if have $compiler; then each_file "$what" "$compiler $strict -c {} -o /dev/null"
    else not_run "$what" "$compiler is not installed"; fi
  done
}

# c_tests COMPILER SANITIZERS WHAT: a row for the C tests; they stop at the first finding.
c_tests() {
  if ! have "$1"; then not_run "$3" "$1 is not installed"; return; fi
  if ! can_sanitize "$1" "$2"; then
    not_run "$3" "$1 lacks the library of -fsanitize=$2"
    return
  fi
  since=$(now)
  built="$work/tests-$1-$2"
  build_tests "$1" "-O1 -g -fno-omit-frame-pointer -fsanitize=$2 -fno-sanitize-recover=all" "$built"
  run_tests "$built" ""
  row "$3" "$passed" "$failed" "no finding, $passed tests pass" "$since"
}

stage_memory() {
  export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1
  export UBSAN_OPTIONS=print_stacktrace=1
  both="C tests under AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer"
  c_tests gcc address,undefined "$both, gcc"
  [ $quick -eq 1 ] || c_tests clang address,undefined "$both, clang"
}

stage_threads() {
  for compiler in gcc clang; do
    c_tests $compiler thread "C tests under ThreadSanitizer, $compiler"
  done
}

# What analysers get wrong stands in trust/sanitize/known.txt, with the reason.
stage_analysers() {
  each_file "gcc -fanalyzer, core and glue" "gcc $flags -O2 -fanalyzer -c {} -o /dev/null"
  if have clang; then
    each_file "clang --analyze, core and glue" \
      "clang $flags --analyze -Xclang -analyzer-output=text {} -o /dev/null"
  else not_run "clang --analyze, core and glue" "clang is not installed"; fi
  if have cppcheck; then
    each_file "cppcheck, core and glue" "cppcheck --quiet --std=c11 --language=c -Isrc/core \
      --enable=warning,performance,portability {}"
  else not_run "cppcheck, core and glue" "cppcheck is not installed"; fi
  if have clang-tidy; then
    each_file "clang-tidy (analyzer, bugprone, cert), core and glue" \
      "clang-tidy --quiet --config-file=trust/sanitize/clang-tidy.yaml {} -- $flags 2>/dev/null"
  else not_run "clang-tidy, core and glue" "clang-tidy is not installed"; fi
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
  what="testthat suite, package under AddressSanitizer and UndefinedBehaviorSanitizer, gcc"
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
