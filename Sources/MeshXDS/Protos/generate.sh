#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
#
# Writes Generated/*.pb.swift and Generated/*.grpc.swift from the .proto files beside this script. The third kind of
# file there, KnownFieldNames.swift, is known_field_names.py's.
#
#   generate.sh           write them
#   generate.sh --check   change nothing; fail when they are not what the .proto files give
#
# Needs protoc (Debian: protobuf-compiler). The two plugins are built from the package's own dependencies, so that
# their versions are those that the package resolves.
#
#   PROTOC=<program>            another protoc
#   PROTOC_PLUGINS=<directory>  plugins that exist already: nothing is built
#   SCRATCH_PATH=<directory>    where to build them, when not in the package's .build
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
generated="$here/../Generated"
package="$(cd "$here/../../.." && pwd)"
protoc="${PROTOC:-protoc}"
options="Visibility=Package,UseAccessLevelOnImports=true,FileNaming=PathToUnderscores"

case "${1:-}" in
    "") check=false ;;
    --check) check=true ;;
    *) echo "usage: generate.sh [--check]" >&2; exit 64 ;;
esac

command -v "$protoc" > /dev/null || { echo "generate.sh: $protoc is not installed" >&2; exit 69; }

plugins="${PROTOC_PLUGINS:-}"
if [ -z "$plugins" ]; then
    build=(swift build --package-path "$package" --scratch-path "${SCRATCH_PATH:-$package/.build}")
    # One product at a time: asking for more would compile protoc itself, which is C++ and takes minutes.
    "${build[@]}" --product protoc-gen-swift >&2
    "${build[@]}" --product protoc-gen-grpc-swift-2 >&2
    plugins="$("${build[@]}" --show-bin-path)"
fi

output="$(mktemp -d)"
trap 'rm -rf "$output"' EXIT

# A plugin writes an empty file for a .proto that has nothing for it: each one sees only those that have something.
cd "$here"
messages=() services=()
while IFS= read -r proto; do
    if grep -qE '^(message|enum) ' "$proto"; then messages+=("$proto"); fi
    if grep -qE '^service ' "$proto"; then services+=("$proto"); fi
done < <(find envoy google istio spiffe udpa xds -name '*.proto' | LC_ALL=C sort)

"$protoc" --proto_path=. --plugin="$plugins/protoc-gen-swift" \
    --swift_out="$options:$output" "${messages[@]}"
"$protoc" --proto_path=. --plugin="$plugins/protoc-gen-grpc-swift-2" \
    --grpc-swift-2_out="$options:$output" "${services[@]}"
count="$(find "$output" -name '*.swift' | wc -l | tr -d ' ')"

if $check; then
    committed="$output/committed"
    mkdir "$committed"
    find "$generated" -maxdepth 1 \( -name '*.pb.swift' -o -name '*.grpc.swift' \) -exec cp {} "$committed" \;
    if ! diff -r -q -x committed "$committed" "$output"; then
        echo "generate.sh: Generated/ differs from what the .proto files give: run $0" >&2
        exit 1
    fi
    echo "Generated/ is what the .proto files give: $count files."
else
    mkdir -p "$generated"
    find "$generated" -maxdepth 1 \( -name '*.pb.swift' -o -name '*.grpc.swift' \) -delete
    mv "$output"/*.swift "$generated"
    echo "Wrote $count files."
fi
