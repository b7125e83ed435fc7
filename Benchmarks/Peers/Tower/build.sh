#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Part of swift-service-mesh.
#
# Builds the peer from Debian's crates, without a network, and prints where it is.
#   build.sh DIRECTORY      what it makes goes there
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
target="${1:?the directory for what it makes}"
crates=/usr/share/cargo/registry
[ -d "$crates" ] || { echo "there are no crates in $crates: install librust-tower-dev and librust-tokio-dev" >&2; exit 1; }
mkdir -p "$target/source"
# Cargo writes a lock file beside the manifest, which must not happen in the sources.
cp -R "$here/Cargo.toml" "$here/src" "$target/source/"
cd "$target/source"
cargo build --quiet --release --offline --target-dir "$target" \
    --config 'source.crates-io.replace-with = "debian"' --config "source.debian.directory = '$crates'" >&2
echo "$target/release/tower-peer"
