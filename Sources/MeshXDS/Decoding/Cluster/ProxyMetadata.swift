// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

/// The proxy that the metadata of an endpoint or of a locality names, for Envoy's `http_11_proxy` transport socket.
struct ProxyMetadata {
    private static let key = "envoy.http11_proxy_transport_socket.proxy_address"

    /// The proxy; `nil` if the metadata names none.
    let address: EndpointAddress?

    /// Decodes it.
    /// - Returns: `nil`, with a problem, if what is named is no address: to connect directly would pass a proxy over
    ///   that was meant to be used.
    init?(_ metadata: Envoy_Config_Core_V3_Metadata, at path: FieldPath, _ context: inout DecodingContext) {
        guard let any = metadata.typedFilterMetadata[Self.key] else {
            address = nil
            return
        }
        let path = path["typed_filter_metadata", key: Self.key]
        guard typeName(ofTypeURL: any.typeURL) == Envoy_Config_Core_V3_Address.protoMessageName else {
            context.reject(path, "is a \(typeName(ofTypeURL: any.typeURL)), not an address")
            return nil
        }
        guard let message = context.unpack(any, as: Envoy_Config_Core_V3_Address.self, at: path),
            let address = EndpointAddress(message, at: path, &context)
        else { return nil }
        self.address = address
    }

    /// Names a proxy.
    static func set(_ address: EndpointAddress, in metadata: inout Envoy_Config_Core_V3_Metadata) throws {
        metadata.typedFilterMetadata[key] = try Google_Protobuf_Any(packing: Envoy_Config_Core_V3_Address(address))
    }
}
