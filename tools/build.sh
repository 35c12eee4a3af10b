#!/bin/sh
# Usage: tools/build.sh arm64|x86_64 — builds target/lambda/codeartifact-stack/bootstrap.zip.
#
# The pinned zig links it for the C library of Amazon Linux 2023, whatever this machine has.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
XDG_CACHE_HOME="$PWD/target/cache"
export XDG_CACHE_HOME

case $1 in
arm64) target=aarch64-unknown-linux-gnu flag=--arm64 ;;
x86_64) target=x86_64-unknown-linux-gnu flag=--x86-64 ;;
*) echo "ARCH is arm64 or x86_64, not $1" >&2; exit 2 ;;
esac
if ! [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ]; then
  echo "Rust's standard library for $target is not installed: rustup target add $target" >&2
  exit 1
fi
cargo lambda build --release --locked --output-format zip --bin codeartifact-stack "$flag"
zip=target/lambda/codeartifact-stack/bootstrap.zip
# The function has no symbols left: the library that was linked into it tells. tests/entropy.rs says why.
library=$(ls -t "target/$target"/release/build/aws-lc-sys-*/out/libaws_lc_*_crypto.a | head -n 1)
if ! grep -q _RAND_bytes "$library" || grep -q _jent_ "$library"; then
  echo "$library gathers jitter entropy: AWS_LC_SYS_NO_JITTER_ENTROPY did not reach its build" >&2
  exit 1
fi
python3 tools/release.py fits "$1=$zip"
ls -l "$zip"
