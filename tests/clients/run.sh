#!/usr/bin/env bash
# Real clients, unmodified, from their registries, against a running narabi: Python, JavaScript (where node
# is), Go (where go is). tests/clients/run.sh [all|python|quick|js|go]; "quick" is what CI can afford: cohere,
# voyageai and openai, about half a minute with the download.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
export NARABI=${NARABI:-$root/build/release/narabi}
work=$root/build/clients
mkdir -p "$work"

python_tests() {  # requirements..., then -- test names
  local packages=() && while [ $# -gt 0 ] && [ "$1" != -- ]; do packages+=("$1"); shift; done
  shift
  [ -x "$work/venv/bin/python" ] || python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install -q --disable-pip-version-check "${packages[@]}"
  "$work/venv/bin/python" -W ignore clients_test.py "$@"
}

with_server() {
  coproc SERVER { exec "$NARABI" serve --model "$root/models/prototype-modernbert-6l" --port 0 --json \
    --api-key a-key --log-format off; }
  local ready pid=$SERVER_PID
  read -r -u "${SERVER[0]}" ready
  NARABI_URL=$(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["url"])' "$ready")
  export NARABI_URL
  local code=0
  "$@" || code=$?
  kill -TERM "$pid" && wait "$pid"
  return "$code"
}

js_tests() {
  command -v node >/dev/null || { echo "needs: node 18 or newer" >&2; return 1; }
  rm -rf "$work/js" && cp -r js "$work/js"
  (cd "$work/js" && npm install --no-audit --no-fund --loglevel=error && node --test cohere_test.mjs)
}

go_tests() {
  command -v go >/dev/null || { echo "needs: go 1.21 or newer" >&2; return 1; }
  (cd go && go test -count=1 ./...)
}

case "${1:-all}" in
  quick) python_tests $(grep -E '^(cohere|voyageai|openai)==' requirements.txt) -- \
    Clients.test_cohere_v1 Clients.test_cohere_v2 Clients.test_cohere_reads_our_refusals Clients.test_voyage \
    Clients.test_openai_embeddings ;;
  python) python_tests -r requirements.txt -- ;;
  js) with_server js_tests ;;
  go) with_server go_tests ;;
  all) python_tests -r requirements.txt -- ; with_server js_tests; with_server go_tests ;;
  *) echo "usage: tests/clients/run.sh [all|python|quick|js|go]" >&2; exit 2 ;;
esac
