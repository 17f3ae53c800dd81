#!/bin/sh
# Installs the package into a library, from a copy: no compiled file is left in the tree.
#
#   tools/install.sh library
set -eu
lib=${1:?usage: tools/install.sh library}
mkdir -p "$lib"
lib=$(cd "$lib" && pwd)
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/fepanel-install.XXXXXX")
trap 'rm -rf "$work"' EXIT

mkdir "$work/fepanel"
for part in DESCRIPTION NAMESPACE NEWS.md R src man inst data; do
  if [ -e "$part" ]; then cp -R "$part" "$work/fepanel/"; fi
done
find "$work/fepanel" -name '*.o' -o -name '*.so' | while read -r product; do rm -f "$product"; done

echo "installing fepanel in $lib"
if ! R CMD INSTALL --library="$lib" "$work/fepanel" >"$work/log" 2>&1; then
  cat "$work/log" >&2
  exit 1
fi
