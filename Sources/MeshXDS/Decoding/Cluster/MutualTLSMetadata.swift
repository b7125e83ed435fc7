// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import SwiftProtobuf

/// How Istio marks endpoints that speak its mutual TLS, and the transport sockets for them: `tlsMode: istio`.
enum MutualTLSMetadata {
    private static let namespace = "envoy.transport_socket_match"
    private static let key = "tlsMode"
    private static let value = "istio"

    /// Whether an endpoint has the mark.
    static func isSet(in metadata: Envoy_Config_Core_V3_Metadata) -> Bool {
        metadata.filterMetadata[namespace]?.fields[key]?.stringValue == value
    }

    /// Marks an endpoint.
    static func set(in metadata: inout Envoy_Config_Core_V3_Metadata) {
        metadata.filterMetadata[namespace] = criteria
    }

    /// The criteria that endpoints with the mark meet.
    static var criteria: Google_Protobuf_Struct {
        Google_Protobuf_Struct(fields: [key: Google_Protobuf_Value(stringValue: value)])
    }
}
