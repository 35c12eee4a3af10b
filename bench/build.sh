#!/bin/sh
# Usage: bench/build.sh [function|all] — puts what the benchmark runs into target/bench/: the function and the emulator,
# and with `all` the functions it is compared with, all made as the release is.
set -eu
cd "$(dirname "$0")/.."
out=$PWD/target/bench
case $(uname -m) in
aarch64 | arm64) arch=arm64 flag=--arm64 ;;
*) arch=x86_64 flag=--x86-64 ;;
esac
mkdir -p "$out"

tools/build.sh "$arch" >&2
cargo build --release --locked --package codeartifact-emulator --target-dir "$out/emulator" >&2
unpack() {
  cp "$1" "$out/$2.zip"
  .venv/bin/python -m zipfile -e "$1" "$out/$2"
  chmod +x "$out/$2/bootstrap"
}
unpack target/lambda/codeartifact-stack/bootstrap.zip function
test "${1:-all}" = all || exit 0

PATH="$PWD/.venv/bin:$PATH"
XDG_CACHE_HOME="$PWD/target/cache"
CARGO_TARGET_DIR="$out/functions"
export XDG_CACHE_HOME CARGO_TARGET_DIR
for name in bare default-sdk; do
  cargo lambda build --release --locked --output-format zip --manifest-path bench/functions/Cargo.toml \
    --package "$name" --bin "$name" --lambda-dir "$out/lambda" "$flag" >&2
  unpack "$out/lambda/$name/bootstrap.zip" "$name"
done
