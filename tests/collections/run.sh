#!/usr/bin/env bash
# tools/collections.py on small parquet files with the real schemas (pyarrow), and narabi reproduce on what comes out.
# tests/collections/run.sh; about half a minute with the download.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
export NARABI=${NARABI:-$root/build/release/narabi}
work=$root/build/collections
[ -x "$work/venv/bin/python" ] || python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check -r requirements.txt
exec "$work/venv/bin/python" collections_test.py "$@"
