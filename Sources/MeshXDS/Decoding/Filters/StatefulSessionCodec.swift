// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import SwiftProtobuf

/// Sessions that stay at their endpoint (`envoy.extensions.filters.http.stateful_session.v3`).
struct StatefulSessionCodec: HTTPFilterCodec {
    private typealias Message = Envoy_Extensions_Filters_Http_StatefulSession_V3_StatefulSession
    private typealias Override = Envoy_Extensions_Filters_Http_StatefulSession_V3_StatefulSessionPerRoute
    private static let read = ReadFields(
        Message.self,
        "session_state",
        "strict",
        "stat_prefix",
        "status_on_strict_destination_not_found"
    )

    var typeName: String { Message.protoMessageName }
    var overrideTypeName: String { Override.protoMessageName }

    func decode(_ message: Google_Protobuf_Any, at path: FieldPath, _ context: inout DecodingContext) -> HTTPFilter? {
        guard let message = context.unpack(message, as: Message.self, at: path) else { return nil }
        return filter(message, at: path, &context).map(HTTPFilter.statefulSession)
    }

    private func filter(
        _ message: Message,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> StatefulSessionFilter? {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        var filter = StatefulSessionFilter(nil, isStrict: message.strict)
        if message.hasSessionState {
            guard let state = SessionState(message.sessionState, at: path["session_state"], &context) else {
                return nil
            }
            filter.state = state
        }
        if message.statusOnStrictDestinationNotFound != 0 {
            filter.statusIfUnknown = Int(message.statusOnStrictDestinationNotFound)
        }
        let decoded = filter
        guard
            context.attempt(path, { () throws(ConfigurationError) in try decoded.validate() }) != nil
        else { return nil }
        return filter
    }

    func decodeOverride(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        into overrides: inout RouteOverrides,
        _ context: inout DecodingContext
    ) {
        guard let message = context.unpack(message, as: Override.self, at: path) else { return }
        switch message.override {
        case .disabled(true): overrides.filters.statefulSession = .disabled
        case .statefulSession(let session):
            let path = path["stateful_session"]
            overrides.filters.statefulSession = filter(session, at: path, &context).map { .settings($0) }
        case .disabled(false), nil: context.reject(path, "needs disabled: true or stateful_session")
        }
    }

    func disable(at path: FieldPath, in overrides: inout RouteOverrides, _ context: inout DecodingContext) {
        overrides.filters.statefulSession = .disabled
    }

    func encode(_ filter: HTTPFilter) throws -> Google_Protobuf_Any? {
        guard case .statefulSession(let filter) = filter else { return nil }
        return try Google_Protobuf_Any(packing: try Self.message(filter))
    }

    /// A place's settings, in place of the listener's.
    static func encoded(_ settings: StatefulSessionFilter) throws -> Google_Protobuf_Any {
        var message = Override()
        message.statefulSession = try Self.message(settings)
        return try Google_Protobuf_Any(packing: message)
    }

    private static func message(_ filter: StatefulSessionFilter) throws -> Message {
        var message = Message()
        if let state = filter.state { message.sessionState = try .init(state) }
        message.strict = filter.isStrict
        if filter.statusIfUnknown != 503 {
            message.statusOnStrictDestinationNotFound = UInt32(clamping: filter.statusIfUnknown)
        }
        return message
    }
}

extension SessionState {
    private typealias InCookie = Envoy_Extensions_Http_StatefulSession_Cookie_V3_CookieBasedSessionState
    private typealias InHeader = Envoy_Extensions_Http_StatefulSession_Header_V3_HeaderBasedSessionState

    /// Decodes where a session is kept.
    /// - Returns: `nil`, with a problem that names the extension, if it is not supported.
    fileprivate init?(
        _ message: Envoy_Config_Core_V3_TypedExtensionConfig,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        let config = message.typedConfig
        let path = path["typed_config"]
        switch typeName(ofTypeURL: config.typeURL) {
        case InCookie.protoMessageName:
            guard let state = context.unpack(config, as: InCookie.self, at: path) else { return nil }
            let path = path["cookie"]
            guard context.require(name: state.cookie.name, at: path["name"]),
                let lifetime = Nanoseconds(state.cookie.ttl, at: path["ttl"], &context)
            else { return nil }
            self = .cookie(
                Cookie(
                    state.cookie.name,
                    lifetime: lifetime,
                    path: state.cookie.path,
                    attributes: state.cookie.attributes.map { .init($0.name, $0.value) }
                )
            )
        case InHeader.protoMessageName:
            guard let state = context.unpack(config, as: InHeader.self, at: path),
                let name = context.headerName(state.name, at: path["name"])
            else { return nil }
            self = .header(name)
        case let type:
            context.reject(path, type.isEmpty ? "is missing" : "the session state \(type) is not supported")
            return nil
        }
    }
}

extension Envoy_Config_Core_V3_TypedExtensionConfig {
    fileprivate init(_ state: SessionState) throws {
        self.init()
        switch state {
        case .cookie(let cookie):
            var message = Envoy_Extensions_Http_StatefulSession_Cookie_V3_CookieBasedSessionState()
            message.cookie.name = cookie.name
            if cookie.lifetime != .zero { message.cookie.ttl = Google_Protobuf_Duration(cookie.lifetime) }
            message.cookie.path = cookie.path
            message.cookie.attributes = cookie.attributes.map { attribute in
                var message = Envoy_Type_Http_V3_CookieAttribute()
                message.name = attribute.name
                message.value = attribute.value
                return message
            }
            name = "envoy.http.stateful_session.cookie"
            typedConfig = try Google_Protobuf_Any(packing: message)
        case .header(let header):
            var message = Envoy_Extensions_Http_StatefulSession_Header_V3_HeaderBasedSessionState()
            message.name = header.lowercased
            name = "envoy.http.stateful_session.header"
            typedConfig = try Google_Protobuf_Any(packing: message)
        }
    }
}
