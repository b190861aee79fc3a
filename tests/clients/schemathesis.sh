#!/usr/bin/env bash
# schemathesis makes up requests from /openapi.json, valid and not: no 5xx, and every answer as it is described.
# EXAMPLES (50) a route. Needs the environment of run.sh, or SCHEMATHESIS.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
schemathesis=${SCHEMATHESIS:-$root/build/clients/venv/bin/schemathesis}
coproc SERVER { exec "${NARABI:-$root/build/release/narabi}" serve --model "$root/models/prototype-modernbert-6l" \
  --model "$root/tests/golden/embed-e5-small" --corpus "$root/data/kyoto/kyoto-sample.jsonl.xz" --port 0 --json \
  --log-format off; }
pid=$SERVER_PID
read -r -u "${SERVER[0]}" ready
url=$(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["url"])' "$ready")
code=0
"$schemathesis" run "$url/openapi.json" --max-examples "${EXAMPLES:-50}" --seed 7 --phases examples,coverage,fuzzing \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
  --request-timeout 60 || code=$?
kill -TERM "$pid" && wait "$pid"
exit "$code"
