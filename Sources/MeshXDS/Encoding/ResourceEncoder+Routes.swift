// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import SwiftProtobuf

extension ResourceEncoder {
    /// Encodes a route configuration.
    func routeConfiguration(_ routes: RouteConfiguration) throws -> Envoy_Config_Route_V3_RouteConfiguration {
        var message = Envoy_Config_Route_V3_RouteConfiguration()
        message.name = routes.name
        message.virtualHosts = try routes.virtualHosts.map { host in
            var message = Envoy_Config_Route_V3_VirtualHost()
            message.name = host.name
            message.domains = host.domains.map(\.text)
            message.routes = try host.routes.map(route)
            return message
        }
        // Envoy refuses longer bodies unless it is told how long they are.
        let longestBody = routes.virtualHosts.lazy.flatMap(\.routes).map(\.bodyLength).max() ?? 0
        if longestBody > 4096 {
            message.maxDirectResponseBodySizeBytes = Google_Protobuf_UInt32Value(UInt32(clamping: longestBody))
        }
        return message
    }

    private func route(_ route: Route) throws -> Envoy_Config_Route_V3_Route {
        var message = Envoy_Config_Route_V3_Route()
        message.name = route.name
        message.match = Envoy_Config_Route_V3_RouteMatch(route.match)
        switch route.action {
        case .forward(let forward):
            message.route = try action(forward)
            if forward.retry?.replay == .always { RetryReplayMetadata.set(in: &message.metadata) }
        case .directResponse(let reply):
            message.directResponse.status = UInt32(clamping: reply.status)
            if !reply.body.isEmpty { message.directResponse.body.inlineString = reply.body }
            message.responseHeadersToAdd = reply.headers.map { Envoy_Config_Core_V3_HeaderValueOption($0) }
        case .nonForwarding: message.nonForwardingAction = Envoy_Config_Route_V3_NonForwardingAction()
        }
        if let fault = route.fault { message.typedPerFilterConfig[FilterNames.fault] = try FaultCodec.encoded(fault) }
        if let limit = route.rateLimit {
            message.typedPerFilterConfig[FilterNames.rateLimit] = try RateLimitCodec.encoded(limit)
        }
        return message
    }

    private func action(_ forward: RouteAction.Forward) throws -> Envoy_Config_Route_V3_RouteAction {
        var message = Envoy_Config_Route_V3_RouteAction()
        let shares = forward.clusters.shares
        if shares.count == 1, shares[0].weight == 1, forward.clusterFaults.isEmpty {
            message.cluster = shares[0].cluster
        } else {
            message.weightedClusters.clusters = try shares.map { share in
                var message = Envoy_Config_Route_V3_WeightedCluster.ClusterWeight()
                message.name = share.cluster
                message.weight = Google_Protobuf_UInt32Value(share.weight)
                if let fault = forward.clusterFaults[share.cluster] {
                    message.typedPerFilterConfig[FilterNames.fault] = try FaultCodec.encoded(fault)
                }
                return message
            }
        }
        if let timeout = forward.timeout {
            // Envoy reads the first, gRPC the second (gRFC A31).
            message.timeout = Google_Protobuf_Duration(timeout)
            message.maxStreamDuration.maxStreamDuration = message.timeout
        } else if dialect == .envoy {
            // Left out, it would be 15 s.
            message.timeout = Google_Protobuf_Duration(.zero)
        }
        if let retry = forward.retry { message.retryPolicy = Envoy_Config_Route_V3_RetryPolicy(retry) }
        return message
    }
}

extension Route {
    fileprivate var bodyLength: Int {
        if case .directResponse(let reply) = action { reply.body.utf8.count } else { 0 }
    }
}

extension Envoy_Config_Route_V3_RouteMatch {
    /// Encodes the conditions of a route.
    fileprivate init(_ match: RouteMatch) {
        self.init()
        switch match.path.pattern {
        case .prefix(let prefix): self.prefix = prefix
        case .exact(let path): self.path = path
        case .regularExpression(let expression):
            // `case_sensitive` has no effect on expressions.
            var expression = Envoy_Type_Matcher_V3_RegexMatcher(expression)
            if match.path.ignoresCase { expression.regex = "(?i)" + expression.regex }
            safeRegex = expression
        }
        if match.path.ignoresCase, !isExpression { caseSensitive = false }
        headers = match.headers.map { Envoy_Config_Route_V3_HeaderMatcher($0) }
    }

    private var isExpression: Bool {
        if case .safeRegex = pathSpecifier { true } else { false }
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
