// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import SwiftProtobuf

extension RouteConfiguration {
    private static let read = ReadFields(
        Envoy_Config_Route_V3_RouteConfiguration.self,
        "name",
        "virtual_hosts",
        "typed_per_filter_config",
        // Without effect: clusters that are missing answer 503 whatever it says, bodies may have any size, metadata
        // is for people.
        "validate_clusters",
        "max_direct_response_body_size_bytes",
        "metadata"
    )

    /// Decodes the routes of a listener.
    /// - Returns: `nil`, with a problem, if they cannot be used.
    init?(
        _ message: Envoy_Config_Route_V3_RouteConfiguration,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        let inherited = InheritedPolicies(
            overrides: RouteOverrides(message.typedPerFilterConfig, at: path, &context),
            retry: nil
        )
        var hosts: [VirtualHost] = []
        for (position, host) in message.virtualHosts.enumerated() {
            let path = path["virtual_hosts", position]
            if let host = VirtualHost(host, inherited: inherited, at: path, &context) { hosts.append(host) }
        }
        self.init(name: message.name, virtualHosts: hosts)
        // Two hosts with one domain are found by compiling the index that requests are looked up in.
        let table = hosts.map { RouteTable<Void>.Host(name: $0.name, domains: $0.domains, routes: []) }
        do {
            _ = try RouteTable(table)
        } catch {
            for problem in error.problems {
                context.reject(
                    path[problem.path.replacing("virtualHosts", with: "virtual_hosts")],
                    problem.message
                )
            }
            return nil
        }
    }
}

/// What a virtual host, or the whole table, says for routes that do not say it themselves.
struct InheritedPolicies {
    var overrides: RouteOverrides
    var retry: Envoy_Config_Route_V3_RetryPolicy?
}

extension VirtualHost {
    private static let read = ReadFields(
        Envoy_Config_Route_V3_VirtualHost.self,
        "name",
        "domains",
        "routes",
        "retry_policy",
        "typed_per_filter_config",
        "metadata"
    )

    /// Decodes the routes of a host.
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
        inherited.overrides.add(RouteOverrides(message.typedPerFilterConfig, at: path, &context))
        if message.hasRetryPolicy { inherited.retry = message.retryPolicy }
        var routes: [Route] = []
        for (position, route) in message.routes.enumerated() {
            let path = path["routes", position]
            if let route = Route(route, inherited: inherited, at: path, &context) { routes.append(route) }
        }
        self.init(name: message.name, domains: domains, routes: routes)
    }
}
