#!/usr/bin/env bash
# Runs search.mjs against a narabi of the shipped model and a small embedder (random weights: the candidates are
# any, the order is the reranker's).
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
[ -d node_modules ] || npm install --no-audit --no-fund --loglevel=error
coproc SERVER { exec "${NARABI:-$root/build/release/narabi}" serve --model "$root/models/prototype-modernbert-6l" \
  --model "$root/tests/golden/embed-e5-small" --port 0 --json --log-format off; }
pid=$SERVER_PID
read -r -u "${SERVER[0]}" ready
url=$(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["url"])' "$ready")
lines=$(printf '%s\n' 京都は古い都である。 東京は日本の首都である。 猫は動物である。 北海道は北にある。 | node search.mjs "$url" 日本の首都はどこですか 4)
kill -TERM "$pid" && wait "$pid"
echo "$lines"
python3 - "$lines" <<'PYTHON'
import json, sys
hits = [json.loads(line) for line in sys.argv[1].splitlines()]
assert sorted(hit["id"] for hit in hits) == [0, 1, 2, 3], hits
assert hits[0]["id"] == 1, hits
assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True), hits
PYTHON
