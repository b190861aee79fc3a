#!/usr/bin/env bash
# transformers and sentence-transformers, live, beside narabi: what it exports, and folders that only they can make.
# tests/reference/run.sh [TEST...]; about a minute and a half with the download. Their torch is that of narabi-train.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
export NARABI=${NARABI:-$root/build/release/narabi}
work=$root/build/reference
[ -x "$work/venv/bin/python" ] || python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check --no-deps -r requirements.txt

# Python's torch wants every CUDA library to be there, though without a GPU it calls none of them (4 GB; narabi-train
# does without). Where they are not, empty ones of the same names stand in; one variable is looked up while loading.
stand_ins=$work/cuda
if ! PYTHONPATH=$root/.deps/torch "$work/venv/bin/python" -c "import torch" 2>/dev/null; then
  mkdir -p "$stand_ins"
  echo "char nvshmem_selected_device_transport[64];" >"$stand_ins/empty.c"
  echo "NVSHMEM { global: *; };" >"$stand_ins/versions.map"
  for name in libcublas.so.13 libcublasLt.so.13 libcudnn.so.9 libcufft.so.12 libcufile.so.0 libcusparse.so.12 \
    libcusparseLt.so.0 libnccl.so.2 libnvrtc.so.13 libnvshmem_host.so.3; do
    gcc -shared -o "$stand_ins/$name" -Wl,-soname,"$name" -Wl,--version-script="$stand_ins/versions.map" \
      "$stand_ins/empty.c"
  done
fi
[ $# -gt 0 ] || set -- export_test modules_test
PYTHONPATH=$root/.deps/torch LD_LIBRARY_PATH=$stand_ins exec "$work/venv/bin/python" -W ignore -m unittest "$@"
