// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import SwiftProtobuf

/// What a virtual host, or the whole table, says for routes that do not say it themselves.
struct InheritedPolicies {
    var overrides: RouteOverrides
    var retry: Envoy_Config_Route_V3_RetryPolicy?
    var hedge: Envoy_Config_Route_V3_HedgePolicy?
    /// What the older field says about other origins; it counts only where no filter says anything.
    var cors: CORSRules?
}

extension VirtualHost {
    private static let read = ReadFields(
        Envoy_Config_Route_V3_VirtualHost.self,
        "name",
        "domains",
        "routes",
        "matcher",
        "require_tls",
        "virtual_clusters",
        "rate_limits",
        "request_headers_to_add",
        "request_headers_to_remove",
        "response_headers_to_add",
        "response_headers_to_remove",
        "cors",
        "include_request_attempt_count",
        "include_attempt_count_in_response",
        "include_is_timeout_retry_header",
        "request_mirror_policies",
        "retry_policy",
        "hedge_policy",
        "typed_per_filter_config",
        "metadata"
    )

    /// Decodes the routes of a host.
    /// - Returns: `nil`, with a problem, if a part of it is bad.
    init?(
        _ message: Envoy_Config_Route_V3_VirtualHost,
        inherited: InheritedPolicies,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        var domains: [DomainPattern] = []
        for (position, domain) in message.domains.enumerated() {
            guard let pattern = DomainPattern(domain) else {
                context.reject(path["domains", position], "\"\(domain)\" is no domain")
                continue
            }
            domains.append(pattern)
        }
        if message.domains.isEmpty { context.reject(path["domains"], "is empty") }
        var inherited = inherited
        let own = RouteOverrides(message.typedPerFilterConfig, at: path, &context)
        inherited.overrides.add(own)
        if message.hasRetryPolicy { inherited.retry = message.retryPolicy }
        if message.hasHedgePolicy { inherited.hedge = message.hedgePolicy }
        if message.hasCors { inherited.cors = CORSRules(message.cors, at: path["cors"], &context) }
        self.init(
            name: message.name,
            domains: domains,
            routes: Self.routes(message.routes, inherited: inherited, at: path, &context),
            sendsAttemptCount: message.includeRequestAttemptCount,
            answersAttemptCount: message.includeAttemptCountInResponse,
            sendsTimeoutRetry: message.includeIsTimeoutRetryHeader,
            filters: own.filters
        )
        guard readTree(message, inherited: inherited, at: path, &context), readRest(message, at: path, &context) else {
            return nil
        }
    }

    /// Decodes routes; those that are left out are reported.
    private static func routes(
        _ messages: [Envoy_Config_Route_V3_Route],
        inherited: InheritedPolicies,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> [Route] {
        var routes: [Route] = []
        routes.reserveCapacity(messages.count)
        for (position, route) in messages.enumerated() {
            let path = path["routes", position]
            if let route = Route(route, inherited: inherited, at: path, &context) { routes.append(route) }
        }
        return routes
    }

    private mutating func readTree(
        _ message: Envoy_Config_Route_V3_VirtualHost,
        inherited: InheritedPolicies,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Bool {
        guard message.hasMatcher else { return true }
        guard message.routes.isEmpty else {
            context.reject(path["matcher"], "may not stand beside routes")
            return false
        }
        let tree = MatcherTree<RouteList>(message.matcher, at: path["matcher"], &context) { action, path, context in
            RouteList(action, inherited: inherited, at: path, &context)
        }
        guard let tree else { return false }
        matcher = tree
        return true
    }

    private mutating func readRest(
        _ message: Envoy_Config_Route_V3_VirtualHost,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Bool {
        switch message.requireTls {
        case .none: requiredTLS = .none
        case .externalOnly: requiredTLS = .external
        case .all: requiredTLS = .all
        case .UNRECOGNIZED(let value):
            context.reject(path["require_tls"], "\(value) is unknown")
            return false
        }
        guard let headers = HeaderMutations(message, at: path, &context),
            let mirrors = context.list(
                message.requestMirrorPolicies,
                at: path,
                "request_mirror_policies",
                RequestMirror.init
            ),
            let clusters = context.list(message.virtualClusters, at: path, "virtual_clusters", VirtualCluster.init),
            let limits = context.list(message.rateLimits, at: path, "rate_limits", RouteRateLimit.init)
        else { return false }
        rateLimits = limits
        self.headers = headers
        self.mirrors = mirrors
        virtualClusters = clusters
        return true
    }
}

extension VirtualHost.RouteList {
    /// Decodes a leaf of a host's tree: a route, or several.
    /// - Returns: `nil`, with a problem, if it is neither.
    fileprivate init?(
        _ action: Google_Protobuf_Any,
        inherited: InheritedPolicies,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        switch typeName(ofTypeURL: action.typeURL) {
        case Envoy_Config_Route_V3_Route.protoMessageName:
            guard let message = context.unpack(action, as: Envoy_Config_Route_V3_Route.self, at: path) else {
                return nil
            }
            self.init([Route(message, inherited: inherited, at: path, &context)].compactMap { $0 })
        case Envoy_Config_Route_V3_RouteList.protoMessageName:
            guard let message = context.unpack(action, as: Envoy_Config_Route_V3_RouteList.self, at: path) else {
                return nil
            }
            self.init([])
            for (position, route) in message.routes.enumerated() {
                let path = path["routes", position]
                if let route = Route(route, inherited: inherited, at: path, &context) { routes.append(route) }
            }
        case let type:
            context.reject(path, type.isEmpty ? "is missing" : "the action \(type) is not supported")
            return nil
        }
    }
}

extension VirtualCluster {
    private static let read = ReadFields(Envoy_Config_Route_V3_VirtualCluster.self, "name", "headers")

    /// Decodes a name for requests.
    /// - Returns: `nil`, with a problem, if it is bad.
    fileprivate init?(
        _ message: Envoy_Config_Route_V3_VirtualCluster,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        let others = Self.read.others(in: message)
        for name in others { context.reject(path[name], "is not supported") }
        guard others.isEmpty, context.require(name: message.name, at: path["name"]),
            let headers = context.list(message.headers, at: path, "headers", HeaderMatcher.init)
        else { return nil }
        guard !headers.isEmpty else {
            context.reject(path["headers"], "is empty")
            return nil
        }
        self.init(message.name, headers: headers)
    }
}
