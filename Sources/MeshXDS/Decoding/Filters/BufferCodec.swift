// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf

/// A bound for requests that are held back until they are whole (`envoy.extensions.filters.http.buffer.v3`).
struct BufferCodec: HTTPFilterCodec {
    private typealias Message = Envoy_Extensions_Filters_Http_Buffer_V3_Buffer
    private typealias Override = Envoy_Extensions_Filters_Http_Buffer_V3_BufferPerRoute
    private static let read = ReadFields(Message.self, "max_request_bytes")

    var typeName: String { Message.protoMessageName }
    var overrideTypeName: String { Override.protoMessageName }

    func decode(_ message: Google_Protobuf_Any, at path: FieldPath, _ context: inout DecodingContext) -> HTTPFilter? {
        guard let message = context.unpack(message, as: Message.self, at: path) else { return nil }
        return filter(message, at: path, &context).map(HTTPFilter.buffer)
    }

    private func filter(_ message: Message, at path: FieldPath, _ context: inout DecodingContext) -> BufferFilter? {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        guard message.hasMaxRequestBytes, message.maxRequestBytes.value > 0 else {
            context.reject(path["max_request_bytes"], "must be at least 1")
            return nil
        }
        return BufferFilter(maximumRequestBytes: message.maxRequestBytes.value)
    }

    func decodeOverride(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        into overrides: inout RouteOverrides,
        _ context: inout DecodingContext
    ) {
        guard let message = context.unpack(message, as: Override.self, at: path) else { return }
        switch message.override {
        case .disabled(true): overrides.filters.buffer = .disabled
        case .buffer(let buffer):
            overrides.filters.buffer = filter(buffer, at: path["buffer"], &context).map { .settings($0) }
        case .disabled(false), nil: context.reject(path, "needs disabled: true or buffer")
        }
    }

    func disable(at path: FieldPath, in overrides: inout RouteOverrides, _ context: inout DecodingContext) {
        overrides.filters.buffer = .disabled
    }

    func encode(_ filter: HTTPFilter) throws -> Google_Protobuf_Any? {
        guard case .buffer(let filter) = filter else { return nil }
        return try Google_Protobuf_Any(packing: Self.message(filter))
    }

    /// A place's settings, in place of the listener's.
    static func encoded(_ settings: BufferFilter) throws -> Google_Protobuf_Any {
        var message = Override()
        message.buffer = Self.message(settings)
        return try Google_Protobuf_Any(packing: message)
    }

    private static func message(_ filter: BufferFilter) -> Message {
        var message = Message()
        message.maxRequestBytes = Google_Protobuf_UInt32Value(filter.maximumRequestBytes)
        return message
    }
}
