#!/bin/sh
# Usage: tools/test_zip.sh arm64|x86_64 [FILTER...] — runs the wire tests against the zip that tools/build.sh made.
#
# arm64 on another machine runs under qemu, with Graviton2's instructions: apt-get install qemu-user libc6-arm64-cross.
set -eu
cd "$(dirname "$0")/.."
arch=$1
shift
folder=$PWD/target/test-zip
rm -rf "$folder" && mkdir -p "$folder"
python3 -m zipfile -e target/lambda/codeartifact-stack/bootstrap.zip "$folder"
chmod +x "$folder/bootstrap"
FUNCTION_UNDER_TEST=$folder/bootstrap
if [ "$arch" = arm64 ] && [ "$(uname -m)" != aarch64 ]; then
  FUNCTION_UNDER_TEST=$folder/emulated
  printf '#!/bin/sh\nexec qemu-aarch64 -cpu neoverse-n1 -L /usr/aarch64-linux-gnu %s "$@"\n' \
    "$folder/bootstrap" >"$FUNCTION_UNDER_TEST"
  chmod +x "$FUNCTION_UNDER_TEST"
fi
export FUNCTION_UNDER_TEST
cargo test --locked --test wire -- --test-threads 2 "$@"
