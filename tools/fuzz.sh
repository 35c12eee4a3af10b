#!/bin/sh
# Usage: tools/fuzz.sh SECONDS [TARGET...] — looks for inputs that break a promise, so long for each target of fuzz/.
#
# A crash, a hang and memory that grows end it; the input is then in fuzz/target/. What opened new ways through the
# code goes to fuzz/target/found/. The few inputs in fuzz/corpus/ are replayed by `make test`.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/target/tools/bin:$PATH"
tools/cargo_tool.sh fuzz 0.13.2
seconds=$1
shift
[ $# -gt 0 ] || set -- envelope properties policies
# No sanitizer: the code of ours has no unsafe block to watch, and without one it is several times as fast.
cargo +nightly fuzz build --sanitizer none
cd fuzz
for target in "$@"; do
  mkdir -p "target/found/$target"
  echo "$target, $seconds s:"
  "target/$(rustc -vV | sed -n 's/^host: //p')/release/$target" "target/found/$target" "corpus/$target" \
    -dict=words.dict -max_total_time="$seconds" -max_len=16384 -timeout=5 -rss_limit_mb=512 -malloc_limit_mb=64 \
    -artifact_prefix="target/$target-" -verbosity=0 -print_final_stats=1
done
