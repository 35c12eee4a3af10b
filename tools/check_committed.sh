#!/bin/sh
# Fails where a lock file is not committed, or is not what the sources it locks ask for.
set -eu
cd "$(dirname "$0")/.."
git ls-files --error-unmatch Cargo.lock tools/requirements.txt tools/ministack.txt tools/sam.txt >/dev/null
git diff --quiet HEAD -- Cargo.lock 'tools/*.txt' || {
  echo "lock files differ from what is committed:" >&2
  git diff --stat HEAD -- Cargo.lock 'tools/*.txt' >&2
  exit 1
}
cargo metadata --locked --format-version 1 >/dev/null
for input in tools/*.in; do
  grep -v '^#' "$input" | grep '==' | while read -r pin; do
    grep -qF "$pin " "${input%.in}.txt" || { echo "$input asks for $pin: run make lock" >&2; exit 1; }
  done
done
