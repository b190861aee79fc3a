#!/usr/bin/env bash
# Installs what training adds to scripts/install_deps.sh: yaml-cpp, gloo's headers, and the libtorch that pip's
# torch carries, into .deps/torch. Without torch's Python dependencies: nothing here runs Python. About 600 MB to load, 1.3 GB on
# disk. Safe to run again; does nothing when all is there.
#   NARABI_TORCH_CUDA=1   with the CUDA libraries that torch names (5 GB): training on a GPU
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install_deps.sh
target=.deps/torch
torch='torch==2.15.0'

scripts/install_packages.sh libyaml-cpp-dev libgloo-dev  # of gloo the headers only: libtorch holds the code

# A stamp, written last: an interrupted installation is done again.
wanted="$torch cuda=${NARABI_TORCH_CUDA:-0}"
if [ "$(cat "$target/.installed" 2>/dev/null)" = "$wanted" ]; then exit 0; fi
rm -rf "$target"
echo "installing $torch into $target"
if [ "${NARABI_TORCH_CUDA:-0}" = 1 ]; then
  python3 -m pip install --quiet --target "$target" "$torch"
else
  # The CPU library still asks the loader for the CUDA run time, and for the profiler's library.
  python3 -m pip install --quiet --no-deps --target "$target" "$torch" nvidia-cuda-runtime nvidia-cuda-cupti
fi
echo "$wanted" >"$target/.installed"
