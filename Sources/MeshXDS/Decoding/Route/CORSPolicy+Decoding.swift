// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import SwiftProtobuf

/// What one level of the route table says about other origins; the levels below it win field by field, as in Envoy.
struct CORSRules: Hashable, Sendable {
    private typealias Message = Envoy_Extensions_Filters_Http_Cors_V3_CorsPolicy
    private static let read = ReadFields(
        Message.self,
        "allow_origin_string_match",
        "allow_methods",
        "allow_headers",
        "expose_headers",
        "max_age",
        "allow_credentials",
        "filter_enabled",
        "shadow_enabled",
        "allow_private_network_access",
        "forward_not_matching_preflights"
    )

    /// What is said so far.
    private(set) var policy: CORSPolicy
    /// Whether anything is said about preflights of other origins.
    private var saysPreflights: Bool
    /// Whether the filter is switched off: what levels above say does not count then.
    private var isOff = false

    /// The filter is switched off.
    static var off: CORSRules {
        var rules = CORSRules(policy: CORSPolicy(origins: []), saysPreflights: true)
        rules.isOff = true
        return rules
    }

    private init(policy: CORSPolicy, saysPreflights: Bool) {
        self.policy = policy
        self.saysPreflights = saysPreflights
    }

    /// Decodes the filter's settings for a level.
    /// - Returns: `nil`, with a problem, if a part of them is bad.
    init?(
        _ message: Envoy_Extensions_Filters_Http_Cors_V3_CorsPolicy,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        guard
            let origins = context.list(
                message.allowOriginStringMatch,
                at: path,
                "allow_origin_string_match",
                StringMatcher.init
            )
        else { return nil }
        policy = CORSPolicy(
            origins: origins,
            methods: message.allowMethods,
            headers: message.allowHeaders,
            exposedHeaders: message.exposeHeaders,
            maximumAge: message.maxAge,
            allowsCredentials: message.hasAllowCredentials ? message.allowCredentials.value : nil,
            allowsPrivateNetwork: message.hasAllowPrivateNetworkAccess
                ? message.allowPrivateNetworkAccess.value : nil
        )
        saysPreflights = message.hasForwardNotMatchingPreflights
        if saysPreflights { policy.forwardsOtherPreflights = message.forwardNotMatchingPreflights.value }
        if message.hasFilterEnabled {
            let path = path["filter_enabled"]
            guard let share = RuntimeFraction(message.filterEnabled, at: path, &context) else { return nil }
            policy.enabled = share
        }
        if message.hasShadowEnabled {
            let path = path["shadow_enabled"]
            guard let share = RuntimeFraction(message.shadowEnabled, at: path, &context) else { return nil }
            policy.observed = share
        }
    }

    /// Decodes the older fields of routes and virtual hosts, which say the same.
    init?(_ message: Envoy_Config_Route_V3_CorsPolicy, at path: FieldPath, _ context: inout DecodingContext) {
        var same = Message()
        same.allowOriginStringMatch = message.allowOriginStringMatch
        same.allowMethods = message.allowMethods
        same.allowHeaders = message.allowHeaders
        same.exposeHeaders = message.exposeHeaders
        same.maxAge = message.maxAge
        if message.hasAllowCredentials { same.allowCredentials = message.allowCredentials }
        if case .filterEnabled(let share) = message.enabledSpecifier { same.filterEnabled = share }
        if message.hasShadowEnabled { same.shadowEnabled = message.shadowEnabled }
        if message.hasAllowPrivateNetworkAccess {
            same.allowPrivateNetworkAccess = message.allowPrivateNetworkAccess
        }
        if message.hasForwardNotMatchingPreflights {
            same.forwardNotMatchingPreflights = message.forwardNotMatchingPreflights
        }
        self.init(same, at: path, &context)
    }

    /// These rules, with the fields of a level above where they say nothing. Which share they are in force for, the level
    /// that says most about the route says alone.
    func completed(by other: CORSRules?) -> CORSRules {
        guard let other, !isOff, !other.isOff else { return self }
        var rules = self
        if policy.origins.isEmpty { rules.policy.origins = other.policy.origins }
        if policy.methods.isEmpty { rules.policy.methods = other.policy.methods }
        if policy.headers.isEmpty { rules.policy.headers = other.policy.headers }
        if policy.exposedHeaders.isEmpty { rules.policy.exposedHeaders = other.policy.exposedHeaders }
        if policy.maximumAge.isEmpty { rules.policy.maximumAge = other.policy.maximumAge }
        rules.policy.allowsCredentials = policy.allowsCredentials ?? other.policy.allowsCredentials
        rules.policy.allowsPrivateNetwork = policy.allowsPrivateNetwork ?? other.policy.allowsPrivateNetwork
        if !saysPreflights {
            rules.policy.forwardsOtherPreflights = other.policy.forwardsOtherPreflights
            rules.saysPreflights = other.saysPreflights
        }
        return rules
    }

    /// What the route does; `nil` where the filter is off.
    var effective: CORSPolicy? { isOff ? nil : policy }
}

extension Envoy_Extensions_Filters_Http_Cors_V3_CorsPolicy {
    /// Encodes a policy.
    init(_ policy: CORSPolicy) {
        self.init()
        allowOriginStringMatch = policy.origins.map { Envoy_Type_Matcher_V3_StringMatcher($0) }
        allowMethods = policy.methods
        allowHeaders = policy.headers
        exposeHeaders = policy.exposedHeaders
        maxAge = policy.maximumAge
        if let allows = policy.allowsCredentials { allowCredentials = Google_Protobuf_BoolValue(allows) }
        if let allows = policy.allowsPrivateNetwork { allowPrivateNetworkAccess = Google_Protobuf_BoolValue(allows) }
        if !policy.forwardsOtherPreflights { forwardNotMatchingPreflights = Google_Protobuf_BoolValue(false) }
        if policy.enabled != RuntimeFraction(.all) {
            filterEnabled = Envoy_Config_Core_V3_RuntimeFractionalPercent(policy.enabled)
        }
        if policy.observed != RuntimeFraction(.none) {
            shadowEnabled = Envoy_Config_Core_V3_RuntimeFractionalPercent(policy.observed)
        }
    }
}
