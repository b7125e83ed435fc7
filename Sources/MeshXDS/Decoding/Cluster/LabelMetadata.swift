// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

/// The labels in metadata by which subsets are chosen: an endpoint's own, and those that a route asks for.
enum LabelMetadata {
    private static let namespace = "envoy.lb"
    /// What stands among the labels and is none.
    private static let others: Set = ["hash_key"]

    /// The labels.
    static func labels(in metadata: Envoy_Config_Core_V3_Metadata) -> [String: MetadataValue] {
        guard let fields = metadata.filterMetadata[namespace]?.fields else { return [:] }
        return fields.filter { !others.contains($0.key) }.mapValues { MetadataValue($0) }
    }

    /// Gives somebody labels.
    static func set(_ labels: [String: MetadataValue], in metadata: inout Envoy_Config_Core_V3_Metadata) {
        for (key, value) in labels {
            metadata.filterMetadata[namespace, default: Google_Protobuf_Struct()].fields[key] = value.proto
        }
    }
}
