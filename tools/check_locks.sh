#!/bin/sh
# Fails where a lock file is not tracked, or does not hold what the file that it locks asks for.
set -eu
cd "$(dirname "$0")/.."
git ls-files --error-unmatch Cargo.lock fuzz/Cargo.lock bench/functions/Cargo.lock >/dev/null
cargo metadata --locked --format-version 1 >/dev/null
cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null
cargo metadata --locked --format-version 1 --manifest-path bench/functions/Cargo.toml >/dev/null
for input in tools/*.in; do
  git ls-files --error-unmatch "${input%.in}.txt" >/dev/null
  grep -v '^#' "$input" | grep '==' | while read -r pin; do
    grep -qF "$pin " "${input%.in}.txt" || { echo "$input asks for $pin: run make lock" >&2; exit 1; }
  done
done
