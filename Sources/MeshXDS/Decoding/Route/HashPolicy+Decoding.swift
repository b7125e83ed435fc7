// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import SwiftProtobuf

extension HashPolicy {
    private typealias Message = Envoy_Config_Route_V3_RouteAction.HashPolicy
    private static let read = ReadFields(
        Message.self,
        "header",
        "cookie",
        "connection_properties",
        "query_parameter",
        "filter_state",
        "terminal"
    )
    private static let channelKey = "io.grpc.channel_id"

    /// Decodes the sources of a route's hash; those that are not supported are left out (gRFC A42).
    /// - Returns: `nil`, with a problem, if one of them is bad.
    static func list(
        _ messages: [Envoy_Config_Route_V3_RouteAction.HashPolicy],
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> [HashPolicy]? {
        var policies: [HashPolicy] = []
        for (position, message) in messages.enumerated() {
            let path = path["hash_policy", position]
            let others = context.ignoreOthers(in: message, at: path, read: read)
            guard let specifier = message.policySpecifier else {
                guard !others.isEmpty else {
                    context.reject(path, "has no source")
                    return nil
                }
                continue
            }
            // It says that the address does not count: there is no source then.
            if case .connectionProperties(let properties) = specifier, !properties.sourceIp { continue }
            guard let source = Source(specifier, at: path, &context) else { return nil }
            policies.append(HashPolicy(source, isTerminal: message.terminal))
        }
        return policies
    }

    /// The key by which gRPC asks for one hash a channel.
    static var keyOfChannel: String { channelKey }
}

extension HashPolicy.Source {
    fileprivate init?(
        _ specifier: Envoy_Config_Route_V3_RouteAction.HashPolicy.OneOf_PolicySpecifier,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        switch specifier {
        case .header(let header):
            let path = path["header"]
            guard let name = context.headerName(header.headerName, at: path["header_name"]) else { return nil }
            var rewrite: RegexSubstitution?
            if header.hasRegexRewrite {
                rewrite = RegexSubstitution(header.regexRewrite, at: path["regex_rewrite"], &context)
                guard rewrite != nil else { return nil }
            }
            self = .header(name, rewrite: rewrite)
        case .cookie(let cookie):
            guard let source = HashPolicy.CookieSource(cookie, at: path["cookie"], &context) else { return nil }
            self = .cookie(source)
        case .connectionProperties: self = .sourceAddress
        case .queryParameter(let parameter):
            guard context.require(name: parameter.name, at: path["query_parameter"]["name"]) else { return nil }
            self = .queryParameter(parameter.name)
        case .filterState(let state):
            guard context.require(name: state.key, at: path["filter_state"]["key"]) else { return nil }
            self = state.key == HashPolicy.keyOfChannel ? .channel : .filterState(state.key)
        }
    }
}

extension HashPolicy.CookieSource {
    fileprivate init?(
        _ message: Envoy_Config_Route_V3_RouteAction.HashPolicy.Cookie,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        guard context.require(name: message.name, at: path["name"]) else { return nil }
        self.init(message.name, path: message.path)
        if message.hasTtl {
            guard let lifetime = Nanoseconds(message.ttl, at: path["ttl"], &context) else { return nil }
            self.lifetime = lifetime
        }
        for (position, attribute) in message.attributes.enumerated() {
            let path = path["attributes", position]
            guard context.require(name: attribute.name, atMost: 16_384, at: path["name"]) else { return nil }
            attributes.append(Attribute(attribute.name, attribute.value))
        }
    }
}

extension Envoy_Config_Route_V3_RouteAction.HashPolicy {
    /// Encodes a source of the hash.
    init(_ policy: HashPolicy) {
        self.init()
        terminal = policy.isTerminal
        switch policy.source {
        case .header(let name, let rewrite):
            header.headerName = name.lowercased
            if let rewrite { header.regexRewrite = Envoy_Type_Matcher_V3_RegexMatchAndSubstitute(rewrite) }
        case .cookie(let source):
            cookie.name = source.name
            if let lifetime = source.lifetime { cookie.ttl = Google_Protobuf_Duration(lifetime) }
            cookie.path = source.path
            cookie.attributes = source.attributes.map { attribute in
                var message = CookieAttribute()
                message.name = attribute.name
                message.value = attribute.value
                return message
            }
        case .sourceAddress: connectionProperties.sourceIp = true
        case .queryParameter(let name): queryParameter.name = name
        case .channel: filterState.key = HashPolicy.keyOfChannel
        case .filterState(let key): filterState.key = key
        }
    }
}
