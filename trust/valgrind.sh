#!/bin/sh
# Every access to memory watched by valgrind, without a rebuilt R: reads of what was never written,
# accesses out of bounds, blocks that nothing points to at the end.
#
#   sh trust/valgrind.sh [--quick] [--only=tests|entries]
#
# The C tests (--quick: those of three small files), and the cases of trust/alloc/cases.R, which
# reach every entry of the compiled code, in an R that valgrind runs. Of what valgrind finds there,
# what has a function of fepanel on its stack counts: R and its other libraries have findings too.
# valgrind computes long double in 64 bits: tests of scan and slopes that need more do not hold.
set -u
cd "$(dirname "$0")/.." || exit 1
check=valgrind
. trust/sanitize/build.sh
quick=0
only=
for argument in "$@"; do
  case $argument in
    --quick) quick=1 ;;
    --only=*) only=${argument#--only=} ;;
    *) echo "unknown argument $argument" >&2; exit 2 ;;
  esac
done
memcheck="valgrind --quiet --leak-check=full --show-leak-kinds=definite \
--errors-for-leak-kinds=definite --num-callers=40"

tests_in_c() {
  what="C tests under valgrind"
  names=""
  if [ $quick -eq 1 ]; then
    names="eigen hac vcov"
    what="$what: $names"
  fi
  since=$(now)
  build_tests gcc "-O1 -g" "$work/tests" "$names"
  run_tests "$work/tests" "$memcheck --error-exitcode=99" "scan slopes"
  outcome="no error, no block definitely lost; $passed tests pass"
  [ $inexact -eq 0 ] || outcome="$outcome, $inexact that need 80 bits of long double do not hold"
  row "$what" $((passed + inexact)) "$failed" "$outcome" "$since"
}

# Paragraphs of valgrind's report that name the package's library or files.
findings() {
  sed 's/^==[0-9]*== *//' "$work/report" |
    awk 'BEGIN { RS = "" } /fepanel\.so|\(glue[_a-z]*\.c:|\/fepanel\//'
}

entries_in_r() {
  what="cases that reach every entry, R under valgrind"
  since=$(now)
  install "$work/lib" "-g -O1" "" || { row "$what" 0 1 "it can't be built" "$since"; return; }
  R_LIBS="$work/lib${R_LIBS:+:$R_LIBS}" R --no-echo --no-restore --no-save \
    -d "$memcheck --log-file=$work/report" -f trust/valgrind/entries.R >"$work/out" 2>&1
  status=$?
  n=$(sed -n 's/^cases: //p' "$work/out")
  findings >"$work/found"
  failed=$(grep -cE '^(Invalid|Conditional|Use of|Syscall|Mism)|definitely lost' "$work/found")
  [ "$failed" -eq 0 ] || head -n 80 "$work/found"
  [ $status -eq 0 ] && [ -n "$n" ] || { tail -n 20 "$work/out"; failed=$((failed + 1)); }
  row "$what" "${n:-0}" "$failed" "no error, no block lost, by fepanel" "$since"
}

if ! have valgrind; then
  not_run "C tests and R" "valgrind is not installed"
  exit 0
fi
[ "$only" = entries ] || tests_in_c
[ $quick -eq 1 ] || [ "$only" = tests ] || entries_in_r
[ $failures -eq 0 ]
