#!/bin/sh
# Writes target/sbom/codeartifact-stack.cdx.json: what is linked into the function, as CycloneDX.
# cargo-cyclonedx has no wheel: the first run compiles it into target/tools.
set -eu
cd "$(dirname "$0")/.."
version=0.5.9
PATH="$PWD/target/tools/bin:$PATH"
cargo cyclonedx --version 2>/dev/null | grep -qF " $version" ||
  CARGO_TARGET_DIR=target/tools/build cargo install --quiet --locked --root target/tools --version "$version" cargo-cyclonedx
# It writes beside each manifest; what is not the function's goes again.
cargo cyclonedx --quiet --format json --spec-version 1.5 --describe binaries --target aarch64-unknown-linux-gnu \
  --no-build-deps
mkdir -p target/sbom
mv codeartifact-stack_bin.cdx.json target/sbom/codeartifact-stack.cdx.json
rm -f -- */*_bin.cdx.json
