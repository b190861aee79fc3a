#!/usr/bin/env bash
# Puts the unidic-lite dictionary (2.1.2, the one that Japanese BERT models were trained with) where
# narabi finds it: .deps/dictionaries/unidic-lite, or below the folder given.
set -euo pipefail
target=${1:-"$(cd "$(dirname "$0")/.." && pwd)/.deps/dictionaries"}
[ -f "$target/unidic-lite/sys.dic" ] && exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Debian's Python refuses system-wide pip installs; a virtual environment is the way it names.
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --target "$work/site" unidic-lite==1.0.8
mkdir -p "$target"
rm -rf "$target/unidic-lite.partial"
cp -r "$work/site/unidic_lite/dicdir" "$target/unidic-lite.partial"
rm -rf "$target/unidic-lite"
mv "$target/unidic-lite.partial" "$target/unidic-lite"
