// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import SwiftProtobuf

extension ResourceEncoder {
    /// Encodes a route configuration.
    func routeConfiguration(_ routes: RouteConfiguration) throws -> Envoy_Config_Route_V3_RouteConfiguration {
        var message = Envoy_Config_Route_V3_RouteConfiguration()
        message.name = routes.name
        message.virtualHosts = try routes.virtualHosts.map(virtualHost)
        message.set(routes.headers)
        message.mostSpecificHeaderMutationsWins = routes.mostSpecificHeadersWin
        message.internalOnlyHeaders = routes.internalOnlyHeaders.map(\.lowercased)
        message.ignorePortInHostMatching = routes.ignoresPort
        message.ignorePathParametersInPathMatching = routes.ignoresPathParameters
        message.requestMirrorPolicies = routes.mirrors.map { .init($0) }
        try message.typedPerFilterConfig.add(routes.filters)
        // Envoy refuses longer bodies unless it is told how long they are.
        let longestBody = routes.virtualHosts.lazy.flatMap(\.everyRoute).map(\.bodyLength).max() ?? 0
        if longestBody > 4096 {
            message.maxDirectResponseBodySizeBytes = Google_Protobuf_UInt32Value(UInt32(clamping: longestBody))
        }
        return message
    }

    private func virtualHost(_ host: VirtualHost) throws -> Envoy_Config_Route_V3_VirtualHost {
        var message = Envoy_Config_Route_V3_VirtualHost()
        message.name = host.name
        message.domains = host.domains.map(\.text)
        if let tree = host.matcher {
            message.matcher = try Xds_Type_Matcher_V3_Matcher(tree) { list in
                var message = Envoy_Config_Route_V3_RouteList()
                message.routes = try list.routes.map(route)
                return try Google_Protobuf_Any(packing: message)
            }
        } else {
            message.routes = try host.routes.map(route)
        }
        message.requireTls =
            switch host.requiredTLS {
            case .none: .none
            case .external: .externalOnly
            case .all: .all
            }
        message.virtualClusters = host.virtualClusters.map { cluster in
            var message = Envoy_Config_Route_V3_VirtualCluster()
            message.name = cluster.name
            message.headers = cluster.headers.map { Envoy_Config_Route_V3_HeaderMatcher($0) }
            return message
        }
        message.set(host.headers)
        message.includeRequestAttemptCount = host.sendsAttemptCount
        message.includeAttemptCountInResponse = host.answersAttemptCount
        message.includeIsTimeoutRetryHeader = host.sendsTimeoutRetry
        message.requestMirrorPolicies = host.mirrors.map { .init($0) }
        message.rateLimits = host.rateLimits.map { .init($0) }
        try message.typedPerFilterConfig.add(host.filters)
        return message
    }
}

extension VirtualHost {
    /// Its routes, those of its tree too.
    var everyRoute: [Route] {
        guard let matcher else { return routes }
        return matcher.actions.flatMap(\.routes)
    }
}

extension MatcherTree {
    /// What stands at its leaves; a tree in which one leaf stands twice gives it twice.
    var actions: [Action] {
        let outcomes: [Outcome] =
            switch root {
            case .list(let branches): branches.map(\.outcome)
            case .exact(_, let outcomes), .prefix(_, let outcomes): Array(outcomes.values)
            }
        return (outcomes + [otherwise].compactMap { $0 }).flatMap { outcome in
            switch outcome.step {
            case .tree(let tree): tree.actions
            case .action(let action): [action]
            }
        }
    }
}

extension Route {
    fileprivate var bodyLength: Int {
        if case .directResponse(let reply) = action { reply.body.utf8.count } else { 0 }
    }
}
