#!/usr/bin/env bash
# Tokens a second of training, beside PyTorch eager: bench/train/run.sh [--rounds N --steps N --threads N --model DIR]
# NARABI_PEERS_PYTHON: a Python with bench/train/requirements.txt, instead of .venv-train.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=${NARABI_PEERS_PYTHON:-.venv-train/bin/python}
if [[ -z ${NARABI_PEERS_PYTHON:-} && ! -f .venv-train/complete ]]; then
  python3 -m venv .venv-train
  .venv-train/bin/pip install --quiet -r bench/train/requirements.txt  # torch brings CUDA: 5 GB
  touch .venv-train/complete
fi
[ -f build/release/build.ninja ] || cmake --preset release >/dev/null
cmake --build build/release --target narabi narabi-train -- --quiet
exec "$python" bench/train/run.py "$@"
