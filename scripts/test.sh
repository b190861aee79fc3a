#!/usr/bin/env bash
# scripts/test.sh [all|release|debug|asan-ubsan|tsan]: builds a preset and runs its tests; "all" is what
# CI runs: release, asan-ubsan, tsan.
set -euo pipefail
cd "$(dirname "$0")/.."

run_preset() {
  echo "== $1: configure, build, test"
  local training=OFF  # libtorch's own code is not built for sanitizers, so training is tested in release alone
  if [ "$1" = release ]; then
    scripts/install_train_deps.sh
    training=ON
  fi
  cmake --preset "$1" -DNARABI_TRAIN=$training >"/tmp/narabi-configure-$1.log" 2>&1 || { cat "/tmp/narabi-configure-$1.log"; return 1; }
  cmake --build "build/$1" -- --quiet
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
