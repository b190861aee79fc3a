#!/usr/bin/env bash
# f32 speed on the shapes of xsmall-v1 beside the GEMM rate of this machine, and the load time and memory of
# a folder of its size (428 MB, random weights: enough for speed, not for quality).
set -euo pipefail
cd "$(dirname "$0")/.."
threads=${THREADS:-2}
folder=build/bench/xsmall-v1
[ -f "$folder/model.safetensors" ] || build/release/bench/random_folder xsmall-v1 "$folder"
build/release/narabi bench --model "$folder" --pairs 100 --tokens 200 --threads "$threads" "$@"
build/release/narabi bench --model "$folder" --pairs 100 --tokens mixed --threads "$threads" "$@"
