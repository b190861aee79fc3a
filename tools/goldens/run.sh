#!/usr/bin/env bash
# Makes tests/golden again: two virtual environments with pinned versions (about 6 GB), then the script.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ ! -x .venv-golden4/bin/python ]; then
  python3 -m venv .venv-golden4
  .venv-golden4/bin/pip install --quiet -r tools/goldens/requirements-4.txt
fi
if [ ! -x .venv-golden5/bin/python ]; then
  python3 -m venv .venv-golden5
  .venv-golden5/bin/pip install --quiet -r tools/goldens/requirements-5.txt
  # torch and the rest come from the first environment.
  (cd .venv-golden4/lib/python3*/site-packages && pwd) >"$(echo .venv-golden5/lib/python3*/site-packages)/golden4.pth"
fi
.venv-golden4/bin/python tools/goldens/make_goldens.py "$@"
[ $# -gt 0 ] || .venv-golden4/bin/python tools/goldens/make_tokenizer_cases.py
[ $# -gt 0 ] || .venv-golden5/bin/python tools/goldens/make_goldens.py
