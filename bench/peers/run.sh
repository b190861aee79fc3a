#!/usr/bin/env bash
# narabi beside sentence-transformers, ONNX Runtime and OpenVINO on this machine, to docs/performance.md.
#
#   bench/peers/run.sh                        everything: 6 models, 10 engines, 3 rounds (hours on two cores)
#   bench/peers/run.sh --quick --models tiny-v2
#   bench/peers/run.sh --prepare              what is not timed only: packages, folders, exports (20 GB, an hour)
#   bench/peers/run.sh --measure --seconds 280    timed only, stopping before 280 s; call until it exits with 0
#   bench/peers/run.sh --report               the tables and the plot again
#
# Other options go to drive.py: --models, --engines, --workloads, --rounds, --cores 0,1, --again (forget first what
# has been measured of these models); see drive.py --help.
# NARABI_PEERS_PYTHON: a Python with the packages, instead of .venv-peers.
set -euo pipefail
cd "$(dirname "$0")/../.."

stages=" install prepare measure report "
arguments=() models=()
while [ $# -gt 0 ]; do
  case "$1" in
    --prepare) stages=" install prepare " ;;
    --measure) stages=" measure " ;;
    --report) stages=" report " ;;
    --models)
      arguments+=("$1")
      while [ $# -gt 1 ] && [[ "$2" != --* ]]; do models+=("$2"); arguments+=("$2"); shift; done ;;
    *) arguments+=("$1") ;;
  esac
  shift
done

python=${NARABI_PEERS_PYTHON:-.venv-peers/bin/python}
if [[ $stages == *" install "* && -z ${NARABI_PEERS_PYTHON:-} && ! -f .venv-peers/complete ]]; then
  python3 -m venv .venv-peers
  .venv-peers/bin/pip install --quiet -r bench/peers/requirements.txt  # torch brings CUDA: 6 GB
  touch .venv-peers/complete
fi
if [[ $stages == *" prepare "* ]]; then
  [ -f build/release/build.ninja ] || cmake --preset release >/dev/null
  cmake --build build/release --target narabi random_folder peers_narabi_worker -- --quiet
  "$python" -W ignore bench/peers/prepare.py "${models[@]}"
fi
if [[ $stages == *" measure "* ]]; then "$python" bench/peers/drive.py "${arguments[@]}"; fi
if [[ $stages == *" report "* ]]; then "$python" bench/peers/report.py; fi
