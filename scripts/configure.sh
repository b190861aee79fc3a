#!/usr/bin/env bash
# scripts/configure.sh PRESET [OPTION...]: cmake --preset for who builds all of it once, as `make demo` and `make test`
# do. A folder build/PRESET that is not there yet is made with NARABI_UNITY, which halves the time of a whole build and
# is no help to one who edits single files; a folder that is there keeps what it has.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -f "build/$1/CMakeCache.txt" ] || set -- "$@" -DNARABI_UNITY=ON
log="/tmp/narabi-configure-$1.log"
cmake --preset "$@" >"$log" 2>&1 || { cat "$log"; exit 1; }
