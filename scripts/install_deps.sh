#!/usr/bin/env bash
# Installs what narabi builds with and runs on, on Debian 12: packages by name, and the unidic-lite
# dictionary out of the Python package that carries it. Safe to run again; does nothing when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  g++ cmake ninja-build pkg-config
  libdnnl-dev libsentencepiece-dev libmecab-dev mecab-ipadic-utf8 libicu-dev
  nlohmann-json3-dev libcli11-dev libfmt-dev libboost1.81-dev zlib1g-dev liblzma-dev libzstd-dev
  libsqlite3-dev libxxhash-dev libfaiss-dev libopenblas-openmp-dev
  libgtest-dev libgmock-dev libbenchmark-dev
  python3 python3-pip python3-venv
  nginx-light openssl  # tests: the reverse proxy of deploy/
)

scripts/install_packages.sh "${packages[@]}"
scripts/install_dictionaries.sh
