// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import SwiftProtobuf

/// The router, which ends every chain and is implied in ours (`envoy.extensions.filters.http.router.v3`).
struct RouterCodec: HTTPFilterCodec {
    private typealias Message = Envoy_Extensions_Filters_Http_Router_V3_Router
    private static let read = ReadFields(Message.self)

    /// The full name of its message.
    static var typeName: String { Message.protoMessageName }

    var typeName: String { Self.typeName }

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
        context.ignore(path, "the router has no settings for a route")
    }

    func disable(at path: FieldPath, in overrides: inout RouteOverrides, _ context: inout DecodingContext) {
        context.ignore(path, "the router cannot be switched off")
    }

    func encode(_ filter: HTTPFilter) -> Google_Protobuf_Any? { nil }

    /// The router as it ends a chain.
    static func encoded() throws -> Google_Protobuf_Any { try Google_Protobuf_Any(packing: Message()) }
}
