#!/bin/sh
# Usage: tools/build.sh arm64|x86_64 — builds target/lambda/codeartifact-stack/bootstrap.zip.
#
# For this machine's own architecture rustc's own target and linker do; the other one needs its std and is linked by
# the pinned zig, for the C library of Amazon Linux 2023.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
host=$(uname -m | sed 's/aarch64/arm64/')
case $1 in
arm64) target=aarch64-unknown-linux-gnu ;;
x86_64) target=x86_64-unknown-linux-gnu ;;
*) echo "ARCH is arm64 or x86_64, not $1" >&2; exit 2 ;;
esac
if [ "$1" = "$host" ]; then
  set -- --compiler cargo
elif [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ]; then
  set -- --target "$target"
else
  echo "$target is not installed: rustup target add $target" >&2
  exit 1
fi
exec cargo lambda build --release --locked --output-format zip --bin codeartifact-stack "$@"
