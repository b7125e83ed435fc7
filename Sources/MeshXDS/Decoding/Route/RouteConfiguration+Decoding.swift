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
        "request_headers_to_add",
        "request_headers_to_remove",
        "response_headers_to_add",
        "response_headers_to_remove",
        "most_specific_header_mutations_wins",
        "internal_only_headers",
        "ignore_port_in_host_matching",
        "ignore_path_parameters_in_path_matching",
        "request_mirror_policies",
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
        let own = RouteOverrides(message.typedPerFilterConfig, at: path, &context)
        let inherited = InheritedPolicies(overrides: own, retry: nil)
        var hosts: [VirtualHost] = []
        for (position, host) in message.virtualHosts.enumerated() {
            let path = path["virtual_hosts", position]
            if let host = VirtualHost(host, inherited: inherited, at: path, &context) { hosts.append(host) }
        }
        guard let headers = HeaderMutations(message, at: path, &context),
            let internalOnly = context.list(
                message.internalOnlyHeaders,
                at: path,
                "internal_only_headers",
                { $2.headerName($0, at: $1) }
            ),
            let mirrors = context.list(
                message.requestMirrorPolicies,
                at: path,
                "request_mirror_policies",
                RequestMirror.init
            )
        else { return nil }
        self.init(
            name: message.name.canonicalResourceName,
            virtualHosts: hosts,
            headers: headers,
            mostSpecificHeadersWin: message.mostSpecificHeaderMutationsWins,
            internalOnlyHeaders: internalOnly,
            ignoresPort: message.ignorePortInHostMatching,
            ignoresPathParameters: message.ignorePathParametersInPathMatching,
            mirrors: mirrors,
            filters: own.filters
        )
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
