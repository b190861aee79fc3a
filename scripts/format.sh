#!/usr/bin/env bash
# clang-format over all C++ files; --check only says which differ.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=(-i)
[ "${1:-}" = --check ] && mode=(--dry-run --Werror)
git ls-files '*.cc' '*.h' '*.inc' | xargs clang-format-14 "${mode[@]}"
