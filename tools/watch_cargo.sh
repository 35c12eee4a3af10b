#!/bin/sh
# What `cargo lambda watch` takes for cargo. It would have the function compiled with features of its own, and the SDK
# below it: here it runs what make builds for everything else.
set -eu
[ "$1" = run ] || exec cargo "$@"
cd "$(dirname "$0")/.."
make --no-print-directory binaries
exec target/debug/codeartifact-stack
