#!/usr/bin/env bash
# scripts/format.sh [--check]: clang-format-14 over every C++ file; --check changes nothing and fails instead.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v clang-format-14 >/dev/null || { echo "needs: apt-get install clang-format-14" >&2; exit 1; }
mapfile -t files < <(git ls-files --cached --others --exclude-standard '*.cc' '*.h' '*.inc' |
  while read -r file; do [ -f "$file" ] && echo "$file"; done)
case "${1:-}" in
  --check) clang-format-14 --dry-run --Werror "${files[@]}" ;;
  '') clang-format-14 -i "${files[@]}" ;;
  *) echo "usage: scripts/format.sh [--check]" >&2; exit 2 ;;
esac
