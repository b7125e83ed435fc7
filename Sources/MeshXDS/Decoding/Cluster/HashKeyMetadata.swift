// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import SwiftProtobuf

/// The key that the metadata of an endpoint gives it among consistent balancers, as Envoy has it.
enum HashKeyMetadata {
    private static let namespace = "envoy.lb"
    private static let key = "hash_key"

    /// The key; empty if there is none.
    static func key(in metadata: Envoy_Config_Core_V3_Metadata) -> String {
        metadata.filterMetadata[namespace]?.fields[key]?.stringValue ?? ""
    }

    /// Gives an endpoint a key.
    static func set(_ text: String, in metadata: inout Envoy_Config_Core_V3_Metadata) {
        metadata.filterMetadata[namespace, default: Google_Protobuf_Struct()].fields[key] =
            Google_Protobuf_Value(stringValue: text)
    }
}
