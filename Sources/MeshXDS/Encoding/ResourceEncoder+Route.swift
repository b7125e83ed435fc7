// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import SwiftProtobuf

extension ResourceEncoder {
    /// Encodes a route.
    func route(_ route: Route) throws -> Envoy_Config_Route_V3_Route {
        var message = Envoy_Config_Route_V3_Route()
        message.name = route.name
        message.match = try Envoy_Config_Route_V3_RouteMatch(route.match)
        message.set(route.headers)
        switch route.action {
        case .forward(let forward):
            var forward = forward
            if let retry = route.policies.hedging?.retryPolicy {
                // Retries and hedges are one thing in xDS.
                forward.retry = retry
                message.route.hedgePolicy.hedgeOnPerTryTimeout = true
            }
            try set(forward, in: &message.route)
            if let replay = forward.retry?.replay, replay == .always || route.policies.hedging != nil {
                RetryReplayMetadata.set(replay, in: &message.metadata)
            }
        case .redirect(let redirect): message.redirect = Envoy_Config_Route_V3_RedirectAction(redirect)
        case .directResponse(let reply):
            message.directResponse.status = UInt32(clamping: reply.status)
            if !reply.body.isEmpty { message.directResponse.body.inlineString = reply.body }
            // A reply's fields are there before its route adds its own.
            message.responseHeadersToAdd =
                reply.headers.map { Envoy_Config_Core_V3_HeaderValueOption($0) } + message.responseHeadersToAdd
            if !reply.headers.isEmpty { ReplyHeaderMetadata.set(reply.headers.count, in: &message.metadata) }
        case .nonForwarding: message.nonForwardingAction = Envoy_Config_Route_V3_NonForwardingAction()
        }
        try setFilters(of: route, in: &message)
        return message
    }

    private func setFilters(of route: Route, in message: inout Envoy_Config_Route_V3_Route) throws {
        if let fault = route.fault { message.typedPerFilterConfig[FilterNames.fault] = try FaultCodec.encoded(fault) }
        if let limit = route.rateLimit {
            message.typedPerFilterConfig[FilterNames.rateLimit] = try RateLimitCodec.encoded(limit)
        }
        if let cors = route.cors {
            message.typedPerFilterConfig[FilterNames.cors] = try Google_Protobuf_Any(
                packing: Envoy_Extensions_Filters_Http_Cors_V3_CorsPolicy(cors)
            )
        }
        try message.typedPerFilterConfig.add(route.filters)
        let switchedOff = [
            (FilterNames.admissionControl, route.policies.admissionControl?.mode),
            (FilterNames.adaptiveConcurrency, route.policies.adaptiveLimit?.mode),
        ]
        for (filter, mode) in switchedOff where mode == .disabled {
            message.typedPerFilterConfig[filter] = try .switchedOff()
        }
    }

    private func set(_ forward: RouteAction.Forward, in message: inout Envoy_Config_Route_V3_RouteAction) throws {
        switch forward.target {
        case .header(let name): message.clusterHeader = name.lowercased
        case .clusters(let clusters):
            if let single = clusters.single, forward.clusterFaults.isEmpty, forward.clusterFilters.isEmpty {
                message.cluster = single
            } else {
                message.weightedClusters = try .init(
                    clusters,
                    faults: forward.clusterFaults,
                    filters: forward.clusterFilters
                )
            }
        }
        message.clusterNotFoundResponseCode =
            switch forward.missingClusterStatus {
            case 404: .notFound
            case 500: .internalServerError
            default: .serviceUnavailable
            }
        try setRewrites(of: forward, in: &message)
        setTimeouts(of: forward, in: &message)
        message.priority = forward.priority == .high ? .high : .default
        if !forward.endpointLabels.isEmpty { LabelMetadata.set(forward.endpointLabels, in: &message.metadataMatch) }
        message.hashPolicy = forward.hashPolicies.map { .init($0) }
        message.requestMirrorPolicies = (forward.mirrors ?? []).map { .init($0) }
        message.rateLimits = forward.rateLimits.map { .init($0) }
        if forward.includesHostRateLimits { message.includeVhRateLimits = Google_Protobuf_BoolValue(true) }
        if let policy = forward.internalRedirects { message.internalRedirectPolicy = try .init(policy) }
        if let retry = forward.retry { message.retryPolicy = Envoy_Config_Route_V3_RetryPolicy(retry) }
    }

    private func setRewrites(
        of forward: RouteAction.Forward,
        in message: inout Envoy_Config_Route_V3_RouteAction
    ) throws {
        switch forward.pathRewrite {
        case .prefix(let prefix): message.prefixRewrite = prefix
        case .regularExpression(let rewrite): message.regexRewrite = .init(rewrite)
        case .template(let rewrite): message.pathRewritePolicy = try .init(rewrite)
        case nil: break
        }
        switch forward.hostRewrite {
        case .literal(let host): message.hostRewriteLiteral = host
        case .endpoint: message.autoHostRewrite = Google_Protobuf_BoolValue(true)
        case .header(let name): message.hostRewriteHeader = name.lowercased
        case .path(let rewrite): message.hostRewritePathRegex = .init(rewrite)
        case nil: break
        }
        message.appendXForwardedHost = forward.appendsForwardedHost
    }

    private func setTimeouts(of forward: RouteAction.Forward, in message: inout Envoy_Config_Route_V3_RouteAction) {
        if let timeout = forward.timeout {
            // Envoy reads the first, gRPC the second (gRFC A31).
            message.timeout = Google_Protobuf_Duration(timeout)
            if !forward.sparesCalls { message.maxStreamDuration.maxStreamDuration = message.timeout }
        } else {
            // Left out, it would be 15 s, in Envoy and here; gRPC does not read it.
            message.timeout = Google_Protobuf_Duration(.zero)
        }
        if let idle = forward.idleTimeout { message.idleTimeout = Google_Protobuf_Duration(idle) }
        guard let limits = forward.streamDuration else { return }
        if let longest = limits.maximum {
            message.maxStreamDuration.maxStreamDuration = Google_Protobuf_Duration(longest)
        }
        if let longest = limits.maximumOfHeader {
            message.maxStreamDuration.grpcTimeoutHeaderMax = Google_Protobuf_Duration(longest)
        }
        if limits.headerOffset != .zero {
            message.maxStreamDuration.grpcTimeoutHeaderOffset = Google_Protobuf_Duration(limits.headerOffset)
        }
    }
}

extension WeightedClusters {
    /// The one cluster, if it is one, by name, and nothing is said of its share.
    fileprivate var single: String? {
        guard shares.count == 1, choice == .random, runtimeKeyPrefix.isEmpty else { return nil }
        guard shares[0] == WeightedCluster(shares[0].cluster) else { return nil }
        return shares[0].clusterHeader == nil ? shares[0].cluster : nil
    }
}

extension Envoy_Config_Core_V3_HeaderValueOption {
    /// Encodes a header field of a direct response.
    fileprivate init(_ field: LocalReply.Header) {
        self.init()
        header.key = field.name.lowercased
        // The value is a format string.
        header.value = field.value.replacing("%", with: "%%")
        keepEmptyValue = field.value.isEmpty
    }
}
