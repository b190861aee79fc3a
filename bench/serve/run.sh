#!/usr/bin/env bash
# What the server costs beside `narabi bench`, and the latency of 20-passage requests at 70% load. Same model, same
# pairs of about 200 tokens, same run on loopback. SECONDS_EACH (10), MODEL.
# bench/serve/run.sh [--overload]: twice the load that it can take; memory, 429s, recovery (OVERLOAD_SECONDS, 60).
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python3 bench/serve/load.py "$@"
