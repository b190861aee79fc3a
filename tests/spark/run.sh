#!/usr/bin/env bash
# examples/spark with real pyspark in local mode over 4 partitions. Needs a JRE of 17 or newer (Debian:
# default-jre-headless). tests/spark/run.sh; a minute or two, most of it the download (400 MB), so not in CI.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
command -v java >/dev/null || { echo "needs: apt-get install default-jre-headless" >&2; exit 1; }
export NARABI=${NARABI:-$root/build/release/narabi}
work=$root/build/spark
[ -x "$work/bin/python" ] || python3 -m venv "$work"
"$work/bin/pip" install -q --disable-pip-version-check -r requirements.txt
exec "$work/bin/python" spark_test.py "$@"
