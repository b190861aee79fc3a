#!/usr/bin/env bash
# tools/tokenizers/run.sh train|diff ARGUMENTS: in a virtual environment with pinned versions (about 400 MB).
#   run.sh train --text FILE... OUT    tokenizers of real size, for tokenizer_bench and for diff
#   run.sh diff [FOLDER...]            narabi's ids against those of transformers and tokenizers
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ ! -f .venv-tokenizers/complete ]; then
  python3 -m venv .venv-tokenizers
  .venv-tokenizers/bin/pip install --quiet -r tools/tokenizers/requirements.txt
  touch .venv-tokenizers/complete
fi
case "${1:-}" in
  train) shift; exec .venv-tokenizers/bin/python tools/tokenizers/train_large.py "$@" ;;
  diff) shift; exec .venv-tokenizers/bin/python tools/tokenizers/differential.py "$@" ;;
  *) sed -n '2,4p' "$0" >&2; exit 2 ;;
esac
