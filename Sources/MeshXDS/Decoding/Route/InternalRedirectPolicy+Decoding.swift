// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import SwiftProtobuf

extension InternalRedirectPolicy {
    private static let read = ReadFields(
        Envoy_Config_Route_V3_InternalRedirectPolicy.self,
        "max_internal_redirects",
        "redirect_response_codes",
        "predicates",
        "allow_cross_scheme_redirect",
        "response_headers_to_copy"
    )
    private static let followed: Set<Int> = [301, 302, 303, 307, 308]

    /// Decodes a policy. A predicate that is not known is an error: without it more redirects would be followed.
    /// - Returns: `nil`, with a problem, if a part of it is bad.
    init?(
        _ message: Envoy_Config_Route_V3_InternalRedirectPolicy,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        guard message.redirectResponseCodes.count <= 5 else {
            context.reject(path["redirect_response_codes"], "must have at most 5 elements")
            return nil
        }
        guard
            let predicates = context.list(message.predicates, at: path, "predicates", Predicate.init),
            let copied = context.list(
                message.responseHeadersToCopy,
                at: path,
                "response_headers_to_copy",
                { $2.changeableName($0, at: $1) }
            )
        else { return nil }
        guard Set(message.responseHeadersToCopy).count == message.responseHeadersToCopy.count else {
            context.reject(path["response_headers_to_copy"], "names a header twice")
            return nil
        }
        self.init(
            predicates: predicates,
            allowsCrossScheme: message.allowCrossSchemeRedirect,
            copiedHeaders: copied
        )
        if message.hasMaxInternalRedirects { maximumRedirects = message.maxInternalRedirects.value }
        guard !message.redirectResponseCodes.isEmpty else { return }
        statuses = []
        for (position, code) in message.redirectResponseCodes.enumerated() {
            if Self.followed.contains(Int(code)) {
                statuses.insert(Int(code))
            } else {
                context.ignore(path["redirect_response_codes", position], "\(code) is no redirect that can be followed")
            }
        }
    }
}

extension InternalRedirectPolicy.Predicate {
    private typealias Previous = Envoy_Extensions_InternalRedirect_PreviousRoutes_V3_PreviousRoutesConfig
    private typealias Allowed = Envoy_Extensions_InternalRedirect_AllowListedRoutes_V3_AllowListedRoutesConfig
    private typealias Safe = Envoy_Extensions_InternalRedirect_SafeCrossScheme_V3_SafeCrossSchemeConfig

    fileprivate init?(
        _ message: Envoy_Config_Core_V3_TypedExtensionConfig,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        let config = message.typedConfig
        let path = path["typed_config"]
        switch typeName(ofTypeURL: config.typeURL) {
        case Previous.protoMessageName: self = .previousRoutes
        case Safe.protoMessageName: self = .safeCrossScheme
        case Allowed.protoMessageName:
            guard let allowed = context.unpack(config, as: Allowed.self, at: path) else { return nil }
            self = .allowListed(allowed.allowedRouteNames)
        case let type:
            context.reject(path, type.isEmpty ? "is missing" : "the predicate \(type) is not supported")
            return nil
        }
    }

    /// The predicate as an extension.
    fileprivate func encoded() throws -> Envoy_Config_Core_V3_TypedExtensionConfig {
        var message = Envoy_Config_Core_V3_TypedExtensionConfig()
        switch self {
        case .previousRoutes:
            message.name = "envoy.internal_redirect_predicates.previous_routes"
            message.typedConfig = try Google_Protobuf_Any(packing: Previous())
        case .safeCrossScheme:
            message.name = "envoy.internal_redirect_predicates.safe_cross_scheme"
            message.typedConfig = try Google_Protobuf_Any(packing: Safe())
        case .allowListed(let names):
            var allowed = Allowed()
            allowed.allowedRouteNames = names
            message.name = "envoy.internal_redirect_predicates.allow_listed_routes"
            message.typedConfig = try Google_Protobuf_Any(packing: allowed)
        }
        return message
    }
}

extension Envoy_Config_Route_V3_InternalRedirectPolicy {
    /// Encodes a policy.
    init(_ policy: InternalRedirectPolicy) throws {
        self.init()
        maxInternalRedirects = Google_Protobuf_UInt32Value(policy.maximumRedirects)
        redirectResponseCodes = policy.statuses.sorted().map { UInt32(clamping: $0) }
        predicates = try policy.predicates.map { try $0.encoded() }
        allowCrossSchemeRedirect = policy.allowsCrossScheme
        responseHeadersToCopy = policy.copiedHeaders.map(\.lowercased)
    }
}
