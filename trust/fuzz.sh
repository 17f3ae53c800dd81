# Fuzzing of the core: libFuzzer under ASan and UBSan where clang has it; else random mutations of
# the corpus (trust/fuzz/driver.c) under the sanitizers of gcc.
#   sh trust/fuzz.sh [--quick] [--seconds=N] [--targets="absorb codes"] [--corpus=FOLDER] [--merge]
# Each target runs for N seconds: 8 with --quick, so that all of them take about a minute (60 was the
# wish; CI has no 10 minutes for it), else 1800. Inputs that reach something new are added to
# FOLDER/<target>, if given; --merge writes the shortest of those that reach the same to
# trust/fuzz/corpus. Budgets are wall-clock seconds: a loaded machine does fewer runs in them.
# An input that fails is written to the folder of the run, shown in hexadecimal, and is to become a
# test in tests/c. What a target reads and demands is said at the top of trust/fuzz/target_*.c.
. trust/record.sh

seconds=1800
targets=
corpus=
merge=
for argument; do
  case "$argument" in
    --quick) seconds=8 ;;
    --seconds=*) seconds=${argument#*=} ;;
    --targets=*) targets=${argument#*=} ;;
    --corpus=*) corpus=${argument#*=} ;;
    --merge) merge=1 ;;
    --seed=*) seed=${argument#*=} ;;
    *) echo "unknown argument $argument" >&2; exit 2 ;;
  esac
done
if [ -z "$targets" ]; then
  for file in trust/fuzz/target_*.c; do
    name=${file##*/target_}
    targets="$targets ${name%.c}"
  done
fi

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
echo 'int LLVMFuzzerTestOneInput(const unsigned char *x, unsigned long n);
int LLVMFuzzerTestOneInput(const unsigned char *x, unsigned long n) { return n > 1 && !x; }' \
  >"$dir/probe.c"

checks="-fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all"
flags="-std=gnu11 -O1 -g -fno-omit-frame-pointer -pthread -Wall -Wextra -Werror -Isrc/core"
export ASAN_OPTIONS=abort_on_error=1:allocator_may_return_null=1
export UBSAN_OPTIONS=abort_on_error=1:print_stacktrace=1
if clang -fsanitize=fuzzer,address "$dir/probe.c" -o "$dir/probe" 2>"$dir/why"; then
  cc=clang engine=libFuzzer of_core=-fsanitize=fuzzer-no-link of_target=-fsanitize=fuzzer
else
  why="clang has no libFuzzer here (Debian: clang, libclang-rt-14-dev)"
  command -v clang >/dev/null || why="clang is not installed"
  record fuzz "libFuzzer, all targets" 0 0 "not run: $why; random mutations instead" 0
  cc=${CC:-gcc} engine="random mutations" of_core= of_target=trust/fuzz/driver.c
  if ! $cc $checks "$dir/probe.c" trust/fuzz/driver.c trust/fuzz/decode.c -Isrc/core -Itrust/fuzz \
      -lm -o "$dir/probe" 2>"$dir/why"; then
    record fuzz "random mutations, all targets" 0 0 "not run: $cc has no sanitizers" 0
    exit 0
  fi
fi

build() {
  for file in src/core/*.c trust/fuzz/decode.c; do
    echo "$file"
  done | xargs -P 2 -I{} sh -c "$cc $flags $checks $of_core -c {} -o $dir/\$(basename {} .c).o" ||
    return 1
  for target in $targets; do
    $cc $flags $checks $of_target -Itrust/fuzz "trust/fuzz/target_$target.c" "$dir"/*.o \
      -o "$dir/$target" -lm || return 1
  done
}

echo "building $engine targets with $cc"
if ! build; then
  record fuzz "build of the targets" 1 1 "does not compile" 0
  exit 1
fi

# Runs one target; its log is $dir/$1.log.
run_target() {
  own=trust/fuzz/corpus/$1
  mkdir -p "$dir/found/$1"
  grown=${corpus:+$corpus/$1}
  [ -z "$grown" ] || mkdir -p "$grown"
  if [ "$engine" = libFuzzer ]; then
    [ -d "$own" ] || mkdir -p "$dir/none"
    [ -d "$own" ] || own=$dir/none
    "$dir/$1" -max_total_time="$seconds" -max_len=256 -timeout=60 -seed="${seed:-1}" \
      -print_final_stats=1 -artifact_prefix="$dir/$1-" "${grown:-$dir/found/$1}" "$own" \
      >"$dir/$1.log" 2>&1
  else
    "$dir/$1" -max_total_time="$seconds" -seed="${seed:-1}" -artifact_prefix="$dir/$1-" \
      "$own"/* >"$dir/$1.log" 2>&1
  fi
}

merge_target() {
  rm -rf "trust/fuzz/corpus/$1"
  mkdir -p "trust/fuzz/corpus/$1"
  "$dir/$1" -merge=1 -max_len=64 "trust/fuzz/corpus/$1" "$corpus/$1" >"$dir/$1.merge" 2>&1
  (cd "trust/fuzz/corpus/$1" && ls -S -r | tail -n +25 | xargs -r rm) # the 24 shortest
}

failed=0
for target in $targets; do
  start=$(date +%s)
  bad=0
  outcome="no crash, no sanitizer report, no demand broken ($engine)"
  run_target "$target" || bad=1
  times=$(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/$target.log" | tail -n 1)
  if [ "$bad" -ne 0 ]; then
    failed=1
    outcome="failed ($engine): see the log"
    grep -E "not true:|runtime error:|ERROR:|SUMMARY:" "$dir/$target.log" | head -n 5
    for file in "$dir/$target"-*; do
      [ -f "$file" ] && echo "input: $(od -An -v -tx1 "$file" | tr -d '\n')"
    done
  fi
  record fuzz "fuzzing, $target, every input" "${times:-0}" "$bad" "$outcome" \
    $(($(date +%s) - start))
  [ -z "$merge" ] || [ -z "$corpus" ] || merge_target "$target"
done
exit $failed
