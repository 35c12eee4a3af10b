#!/bin/sh
# Writes target/sbom/codeartifact-stack-ARCH.cdx.json for both architectures: what is linked into the function, as CycloneDX.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/target/tools/bin:$PATH"
tools/cargo_tool.sh cyclonedx 0.5.9
mkdir -p target/sbom
for architecture in arm64 x86_64; do
  case $architecture in
  arm64) target=aarch64-unknown-linux-gnu ;;
  x86_64) target=x86_64-unknown-linux-gnu ;;
  esac
  # It writes beside each manifest; what is not the function's goes again.
  cargo cyclonedx --quiet --format json --spec-version 1.5 --describe binaries --target "$target" --no-build-deps
  mv codeartifact-stack_bin.cdx.json "target/sbom/codeartifact-stack-$architecture.cdx.json"
  rm -f -- */*_bin.cdx.json
done
