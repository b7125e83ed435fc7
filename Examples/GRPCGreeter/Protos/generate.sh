#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
#
# Writes Generated/*.swift from greeter.proto, with the plugins that PROTOC_PLUGINS has: those that
# `swift build --product protoc-gen-swift` and `--product protoc-gen-grpc-swift-2` build here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
options="Visibility=Internal,UseAccessLevelOnImports=true"
"${PROTOC:-protoc}" --proto_path=. \
    --plugin="$PROTOC_PLUGINS/protoc-gen-swift" --swift_out="$options:../Generated" \
    --plugin="$PROTOC_PLUGINS/protoc-gen-grpc-swift-2" --grpc-swift-2_out="$options:../Generated" \
    greeter.proto
