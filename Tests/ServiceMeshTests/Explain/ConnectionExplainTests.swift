// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshTesting
import ServiceMesh
import Testing

@Suite struct ConnectionExplainTests {
    private func explanation(_ change: (inout Cluster) -> Void) throws -> Explanation {
        var resources = Given.simple()
        var cluster = try #require(resources.clusters["v1"])
        change(&cluster)
        resources.clusters["v1"] = cluster
        return try MeshFixture(resources).mesh.explain(InMemoryRequest())
    }

    @Test func `the defaults are not worth a word beyond the version of HTTP`() throws {
        let explanation = try explanation { _ in }
        #expect(explanation["connections"] == "HTTP/1.1")
        #expect(explanation["proxy"] == nil)
    }

    @Test func `an explanation names the version of HTTP and every limit that is not the default`() throws {
        let explanation = try explanation { cluster in
            cluster.connectTimeout = .milliseconds(250)
            cluster.concurrencyLimit.maximumConnections = 3
            cluster.concurrencyLimit.maximumPendingRequests = 4
            cluster.connection = ConnectionOptions(
                httpVersion: .http2,
                idleTimeout: .seconds(30),
                maximumAge: .seconds(600),
                maximumRequests: 7,
                maximumConcurrentStreams: 10,
                keepaliveInterval: .seconds(20),
                keepaliveTimeout: .seconds(5),
                preconnectRatio: 1.5
            )
        }
        #expect(
            explanation["connections"]
                == "HTTP/2, made within 0.25 seconds, at most 3 to an endpoint, at most 4 requests wait for one, "
                + "closed after 30.0 seconds idle, at most 600.0 seconds old, at most 7 requests each, "
                + "preconnect ratio 1.5, at most 10 streams each, "
                + "pinged every 20.0 seconds, answered within 5.0 seconds"
        )
    }

    @Test func `settings of HTTP/2 are not named where HTTP/1.1 is spoken`() throws {
        let explanation = try explanation { cluster in
            cluster.connection = ConnectionOptions(
                idleTimeout: .zero,
                maximumConcurrentStreams: 10,
                keepaliveInterval: .seconds(20)
            )
        }
        #expect(explanation["connections"] == "HTTP/1.1, never closed when idle")
    }

    @Test func `an explanation names the proxy of the cluster and of each endpoint`() throws {
        let explanation = try explanation { cluster in
            cluster.connection.httpVersion = .automatic
            cluster.proxy = .address(EndpointAddress(host: "proxy", port: 3128))
        }
        #expect(explanation["connections"]?.hasPrefix("HTTP/2 or HTTP/1.1") == true)
        #expect(explanation["proxy"] == "proxy:3128, unless an endpoint says otherwise")
        #expect(explanation["endpoint"]?.hasSuffix("plaintext, through the proxy proxy:3128") == true)
    }
}
