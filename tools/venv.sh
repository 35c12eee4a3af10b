#!/bin/sh
# Usage: tools/venv.sh DIR LOCK — makes the Python environment DIR hold what LOCK pins, checked by hash.
set -eu
dir=$1 lock=$2
python=${PYTHON:-python3}

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

command -v "$python" >/dev/null || fail "Python 3.11 or later is needed: no $python on the PATH."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "Python 3.11 or later is needed, and $python is $("$python" --version). Name another one: make PYTHON=python3.12"
"$python" -c 'import ensurepip' 2>/dev/null ||
  fail "$python has no ensurepip. On Debian and Ubuntu it is a package of its own: apt-get install python3-venv"

printf 'Installing %s into %s (once)\n' "$lock" "$dir" >&2
"$python" -m venv "$dir"
"$dir/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
  --no-deps --require-hashes --requirement "$lock"
touch "$dir/.stamp"
