#!/bin/bash
# Builds the zip for arm64 in a chroot of Debian, with its Rust, and runs the wire tests against it under qemu. As root, on
# a Debian for amd64, in 7 to 13 minutes: apt-get install mmdebstrap qemu-user libc6-arm64-cross git
#
# Where `rustup target add aarch64-unknown-linux-gnu` works, this is not needed: make build ARCH=arm64, make test-zip ARCH=arm64.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD/target/arm64/root
zip=target/lambda/codeartifact-stack/bootstrap.zip

[ -e "$root/usr/bin/rustc" ] || mmdebstrap --quiet --variant=minbase --architectures=amd64,arm64 \
  --include=rustc,cargo,libstd-rust-dev:arm64,gcc,libc6-dev,make,git,python3-venv,ca-certificates sid "$root"
rm -rf "$root/src"
git clone --quiet . "$root/src"
cp /etc/resolv.conf "$root/etc/"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
export root
# Its own mounts end with it, also if it is interrupted.
unshare --mount bash -euc 'mount --rbind /dev "$root/dev"; mount -t proc proc "$root/proc"
  exec chroot "$root" env -i HOME=/root PATH=/usr/bin:/bin:/usr/sbin:/sbin LANG=C.UTF-8 \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt make -C /src build ARCH=arm64'

mkdir -p "$(dirname "$zip")"
cp "$root/src/$zip" "$zip"
tools/test_zip.sh arm64 "$@"
