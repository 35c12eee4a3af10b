#!/bin/sh
# Usage: tools/cargo_tool.sh NAME VERSION — makes sure that target/tools/bin has this cargo subcommand in this version.
# For tools that have no wheel: the first run compiles them.
set -eu
cd "$(dirname "$0")/.."
"target/tools/bin/cargo-$1" "$1" --version 2>/dev/null | grep -qF " $2" ||
  CARGO_TARGET_DIR=target/tools/build cargo install --quiet --locked --root target/tools --version "$2" "cargo-$1"
