#!/usr/bin/env bash
# scripts/tidy.sh [FILE...]: clang-tidy-14 over src (or the files named), with the commands of a release build.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v clang-tidy-14 >/dev/null || { echo "needs: apt-get install clang-tidy-14" >&2; exit 1; }
# A folder of its own: build/release may compile several files as one. What training needs is there or not.
training=$([ -e .deps/torch/.installed ] && echo ON || echo OFF)
cmake --preset release -B build/tidy -DNARABI_UNITY=OFF -DNARABI_TRAIN="$training" >/dev/null
# gcc's precompiled headers are nothing that clang can read.
sed -i -E 's# -include [^ ]*/cmake_pch\.hxx##g' build/tidy/compile_commands.json
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
