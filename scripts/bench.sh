#!/usr/bin/env bash
# scripts/bench.sh [OPTIONS OF narabi bench]: speed beside the GEMM rate of this machine.
#
# The shapes of xsmall-v1 (428 MB of random weights: enough for speed, load time and memory, not for quality), then one
# request after another to the shipped model: a question and 100 passages of 400 characters.
set -euo pipefail
cd "$(dirname "$0")/.."
threads=${THREADS:-2}
folder=build/bench/xsmall-v1
[ -f "$folder/model.safetensors" ] || build/release/bench/random_folder xsmall-v1 "$folder"
passages=build/bench/passages-400.txt
[ -f "$passages" ] || xz -dc data/kyoto/kyoto-sample.jsonl.xz | python3 -c '
import json, sys
text = "".join(json.loads(line)["text"] for line in sys.stdin)
for i in range(100): print(text[400 * i:400 * (i + 1)])' >"$passages"
bench() { build/release/narabi bench --threads "$threads" "$@"; }
bench --model "$folder" --pairs 100 --tokens 200 "$@"
bench --model "$folder" --pairs 100 --tokens mixed "$@"
bench --model models/narabi-xsmall --passages "$passages" --query 五重塔の高さは何メートルか --rounds 100 "$@"
