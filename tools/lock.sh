#!/bin/sh
# Writes tools/*.txt anew from tools/*.in: every package pinned, every file by hash.
set -eu
cd "$(dirname "$0")/.."
"${PYTHON:-python3}" -m venv target/uv
target/uv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.8
for input in tools/*.in; do
  target/uv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
    --no-annotate --no-header --output-file "${input%.in}.txt" "$input"
done
