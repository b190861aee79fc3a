#!/usr/bin/env bash
# The server under load; pairs of about 200 tokens, on loopback. MODEL: a folder (default: the shipped one).
#
#   bench/serve/run.sh                what it costs beside `narabi bench`; latency of 20 passages at 70% load
#   bench/serve/run.sh --overload     twice what it can take: memory, 429s, recovery (OVERLOAD_SECONDS, 60)
#   bench/serve/run.sh --install      infinity-emb and FastAPI + sentence-transformers, into .venv-serve-* (torch: 6 GB)
#   bench/serve/run.sh --peers [...]  narabi beside them; options: bench/serve/beside.py --help
#
# NARABI_SERVE_TORCH: a site-packages folder that holds torch already, so that --install does not fetch it.
set -euo pipefail
cd "$(dirname "$0")/../.."

install_peer() {
  local venv=.venv-serve-$1
  [ -f "$venv/complete" ] && return
  python3 -m venv "$venv"
  [ -z "${NARABI_SERVE_TORCH:-}" ] || echo "$NARABI_SERVE_TORCH" >"$("$venv/bin/python" -c 'import site; print(site.getsitepackages()[0])')/torch.pth"
  "$venv/bin/pip" install --quiet -r "bench/serve/requirements-$1.txt"
  touch "$venv/complete"
}

case "${1:-}" in
  --install) install_peer infinity; install_peer fastapi ;;
  --peers)
    shift
    model=${MODEL:-build/bench/serve/xsmall-v2}
    if [ ! -d "$model" ]; then
      mkdir -p "$(dirname "$model")"
      build/release/bench/random_folder xsmall-v2 "$model"
    fi
    exec python3 bench/serve/beside.py --model "$model" "$@" ;;
  *) exec python3 bench/serve/load.py "$@" ;;
esac
