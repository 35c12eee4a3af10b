#!/bin/sh
# Writes target/sbom/codeartifact-stack.cdx.json: what is linked into the function, as CycloneDX.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/target/tools/bin:$PATH"
tools/cargo_tool.sh cyclonedx 0.5.9
# It writes beside each manifest; what is not the function's goes again.
cargo cyclonedx --quiet --format json --spec-version 1.5 --describe binaries --target aarch64-unknown-linux-gnu \
  --no-build-deps
mkdir -p target/sbom
mv codeartifact-stack_bin.cdx.json target/sbom/codeartifact-stack.cdx.json
rm -f -- */*_bin.cdx.json
