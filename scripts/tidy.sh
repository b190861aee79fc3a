#!/usr/bin/env bash
# scripts/tidy.sh [FILE...]: clang-tidy-14 over src (or the files named), with the commands of build/release.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v clang-tidy-14 >/dev/null || { echo "needs: apt-get install clang-tidy-14" >&2; exit 1; }
[ -f build/release/compile_commands.json ] || cmake --preset release >/dev/null
# gcc's precompiled headers are nothing that clang can read.
mkdir -p build/tidy
sed -E 's# -include [^ ]*/cmake_pch\.hxx##g' build/release/compile_commands.json >build/tidy/compile_commands.json
if [ "$#" -eq 0 ]; then
  # Tests are GoogleTest's macros; the vector files need flags that clang-tidy takes badly; omp.h is gcc's.
  mapfile -t files < <(git ls-files --cached --others --exclude-standard 'src/*.cc' |
    grep -v -e '_test\.cc$' -e '_avx2\.cc$' -e '_avx512\.cc$' -e '/reference_gemm\.cc$')
else
  files=("$@")
fi
# gcc's own flags are unknown to clang; everything else in the database is understood.
printf '%s\0' "${files[@]}" |
  xargs -0 -n 1 -P "${JOBS:-$(nproc)}" clang-tidy-14 --quiet -p build/tidy \
    --extra-arg=-Wno-unknown-warning-option
