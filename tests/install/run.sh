#!/usr/bin/env bash
# tests/install/run.sh BUILD_DIR: installs into a temporary prefix, builds the consumer with find_package and
# runs it and the installed binary.
set -euo pipefail
unset NARABI_DICTIONARIES
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$1" --prefix "$work/prefix" >/dev/null
cmake -S "$here" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" >/dev/null
cmake --build "$work/build" >/dev/null
"$work/build/consumer" "$root/models/prototype-modernbert-6l"
"$work/prefix/bin/narabi" --version
"$work/prefix/bin/narabi" inspect "$root/models/prototype-modernbert-6l" >/dev/null

# Dictionaries are found beside the program, whatever prefix the build was configured with. One that cannot be opened
# says which one was taken.
mkdir -p "$work/prefix/share/narabi/dictionaries/ipadic"
touch "$work/prefix/share/narabi/dictionaries/ipadic/sys.dic"
said=$(echo '{"text":"日本"}' | "$work/prefix/bin/narabi" tokenize --model "$root/tests/golden/bert-char-ipadic" --input - 2>&1) && exit 1
[[ $said == *"$work/prefix/share/narabi/dictionaries/ipadic: expected a MeCab dictionary"* ]] || { echo "$said"; exit 1; }
