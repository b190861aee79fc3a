#!/usr/bin/env bash
# What takes too long for every run: 200 kills, and 8 readers beside a writer for 5 minutes.
# tests/nightly.sh [BINARY]; about 15 minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
NARABI=$(realpath "${1:-build/release/narabi}") NARABI_CRASHES=200 NARABI_READERS_SECONDS=300 \
  python3 tests/cli/index_crash_test.py -v
