// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf

/// Cross-origin resource sharing (`envoy.extensions.filters.http.cors.v3`): the rules stand on routes only.
struct CORSCodec: HTTPFilterCodec {
    private typealias Message = Envoy_Extensions_Filters_Http_Cors_V3_Cors
    private typealias Policy = Envoy_Extensions_Filters_Http_Cors_V3_CorsPolicy
    private static let read = ReadFields(Message.self)

    var typeName: String { Message.protoMessageName }
    var overrideTypeName: String { Policy.protoMessageName }

    func decode(_ message: Google_Protobuf_Any, at path: FieldPath, _ context: inout DecodingContext) -> HTTPFilter? {
        guard let message = context.unpack(message, as: Message.self, at: path) else { return nil }
        context.ignoreOthers(in: message, at: path, read: Self.read)
        return nil
    }

    func decodeOverride(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        into overrides: inout RouteOverrides,
        _ context: inout DecodingContext
    ) {
        guard let message = context.unpack(message, as: Policy.self, at: path) else { return }
        overrides.cors = CORSRules(message, at: path, &context)
    }

    func disable(at path: FieldPath, in overrides: inout RouteOverrides, _ context: inout DecodingContext) {
        overrides.cors = .off
    }

    func encode(_ filter: HTTPFilter) -> Google_Protobuf_Any? { nil }

    /// The filter as Envoy needs it on the listener for a route's rules to work.
    static func encodedAnchor() throws -> Google_Protobuf_Any { try Google_Protobuf_Any(packing: Message()) }
}
