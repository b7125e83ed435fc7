// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@Suite struct ConnectionOptionsValidationTests {
    private static func options(_ change: (inout ConnectionOptions) -> Void) -> ConnectionOptions {
        var options = ConnectionOptions()
        change(&options)
        return options
    }

    static let problems: [(ConnectionOptions, [String])] = [
        (options { $0.preconnectRatio = 0.99 }, ["preconnectRatio"]),
        (options { $0.preconnectRatio = 3.01 }, ["preconnectRatio"]),
        (options { $0.preconnectRatio = .nan }, ["preconnectRatio"]),
        (options { $0.preconnectRatio = .infinity }, ["preconnectRatio"]),
        (options { $0.maximumConcurrentStreams = 0 }, ["maximumConcurrentStreams"]),
        (options { $0.maximumConcurrentStreams = 2_147_483_648 }, ["maximumConcurrentStreams"]),
        (options { $0.maximumAge = .zero }, ["maximumAge"]),
        (options { $0.keepaliveInterval = Nanoseconds(rawValue: 999_999) }, ["keepaliveInterval"]),
        (options { $0.keepaliveTimeout = .zero }, ["keepaliveTimeout"]),
        (
            options {
                $0.preconnectRatio = 0
                $0.keepaliveTimeout = .zero
            },
            ["preconnectRatio", "keepaliveTimeout"]
        ),
    ]

    @Test(arguments: problems)
    func `what is beyond Envoy's bounds is refused, all of it at once`(options: ConnectionOptions, paths: [String]) {
        let error = #expect(throws: ConfigurationError.self) { try options.validate() }
        #expect(error?.problems.map(\.path) == paths)
    }

    static let bounds: [ConnectionOptions] = [
        ConnectionOptions(),
        options { $0.preconnectRatio = 3 },
        options { $0.maximumConcurrentStreams = 1 },
        options { $0.maximumConcurrentStreams = 2_147_483_647 },
        options { $0.idleTimeout = .zero },
        options { $0.maximumAge = Nanoseconds(rawValue: 1) },
        options { $0.keepaliveInterval = .milliseconds(1) },
        options { $0.keepaliveTimeout = .milliseconds(1) },
    ]

    @Test(arguments: bounds)
    func `what is within the bounds is accepted`(options: ConnectionOptions) {
        #expect(throws: Never.self) { try options.validate() }
    }

    @Test func `a cluster names the field of its connections and its proxy`() {
        let cluster = Cluster(
            name: "c",
            discovery: .fixed(
                EndpointAssignment(
                    name: "c",
                    localities: [
                        LocalityEndpoints(endpoints: [
                            ClusterEndpoint(
                                EndpointAddress(host: "e", port: 1),
                                proxy: EndpointAddress(host: "", port: 1)
                            )
                        ])
                    ]
                )
            ),
            connection: ConnectionOptions(preconnectRatio: 9),
            proxy: .address(EndpointAddress(host: "", port: 3128))
        )
        let error = #expect(throws: ConfigurationError.self) {
            try MeshResources(clusters: [cluster]).validate()
        }
        #expect(
            error?.problems.map(\.path) == [
                "clusters[c].connection.preconnectRatio", "clusters[c].proxy",
                "clusters[c].endpoints.localities[0].endpoints[0].proxy",
            ]
        )
    }

    @Test func `an endpoint's own proxy comes first, and only where endpoints may name one`() {
        let own = EndpointAddress(host: "own", port: 1)
        let shared = EndpointAddress(host: "shared", port: 1)
        let plain = ClusterEndpoint(EndpointAddress(host: "e", port: 1))
        let proxied = ClusterEndpoint(EndpointAddress(host: "e", port: 1), proxy: own)
        let local = ClusterEndpoint(EndpointAddress(unixSocketPath: "/run/e"), proxy: own)
        #expect([plain, proxied, local].map { Cluster.Proxy.direct.address(for: $0) } == [nil, nil, nil])
        #expect([plain, proxied, local].map { Cluster.Proxy.ofEndpoint.address(for: $0) } == [nil, own, nil])
        #expect([plain, proxied, local].map { Cluster.Proxy.address(shared).address(for: $0) } == [shared, own, nil])
    }
}
