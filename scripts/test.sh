#!/usr/bin/env bash
# scripts/test.sh [all|release|debug|asan-ubsan|tsan]: builds a preset and runs its tests; "all" is what
# CI runs: release, asan-ubsan, tsan.
set -euo pipefail
cd "$(dirname "$0")/.."

build() {  # preset, options...
  scripts/configure.sh "$@"
  cmake --build "build/$1" -- --quiet
}

# libtorch's own code is not built for sanitizers, so training is tested in release alone. What it needs is loaded
# while all the rest is compiled.
build_with_training() {
  local log=/tmp/narabi-train-deps.log
  scripts/install_train_deps.sh >"$log" 2>&1 &
  trap "wait $! || true" EXIT  # whatever happens, nothing is left behind
  local installing=$!
  build "$1" -DNARABI_TRAIN=OFF
  wait "$installing" || { cat "$log"; return 1; }
  build "$1" -DNARABI_TRAIN=ON
}

run_preset() {
  echo "== $1: configure, build, test"
  if [ "$1" = release ]; then build_with_training "$1"; else build "$1" -DNARABI_TRAIN=OFF; fi
  ctest --preset "$1"
}

case "${1:-all}" in
  all)
    for preset in release asan-ubsan tsan; do run_preset "$preset"; done
    ;;
  *)
    run_preset "$1"
    ;;
esac
