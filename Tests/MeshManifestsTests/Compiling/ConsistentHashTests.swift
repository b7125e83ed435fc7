// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshManifests
import MeshResilience
import MeshRouting
import Testing

@Suite("Consistent hashing")
struct ConsistentHashTests {
    /// A rule whose `consistentHash` begins in line 8.
    private static func destinationRule(_ hash: String, more: String = "") -> String {
        """
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: {name: reviews}
        spec:
          host: reviews
          trafficPolicy:
            loadBalancer:
              consistentHash: \(hash)
        \(more)

        """
    }

    private static func virtualService(_ http: String) -> String {
        """
        ---
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: reviews}
        spec:
          hosts: [reviews]
          http:
        \(http)

        """
    }

    private static func forward(_ text: String, _ service: String = "reviews") throws -> RouteAction.Forward {
        guard case .forward(let forward) = Compilation(text).routes(service)?.first?.action else {
            throw ConfigurationError(path: "", "the route does not forward")
        }
        return forward
    }

    @Test(
        arguments: [
            ("{httpHeaderName: x-user}", HashPolicy(.header("x-user", rewrite: nil))),
            ("{useSourceIp: true}", HashPolicy(.sourceAddress)),
            ("{httpQueryParameterName: User}", HashPolicy(.queryParameter("User"))),
            ("{httpCookie: {name: user}}", HashPolicy(.cookie(.init("user")))),
            ("{httpCookie: {name: user, ttl: 0s}}", HashPolicy(.cookie(.init("user", lifetime: .zero)))),
            (
                "{httpCookie: {name: user, path: /a, ttl: 720h, attributes: [{name: SameSite, value: Lax}, {name: Secure}]}}",
                HashPolicy(
                    .cookie(
                        .init(
                            "user",
                            lifetime: .seconds(2_592_000),
                            path: "/a",
                            attributes: [.init("SameSite", "Lax"), .init("Secure")]
                        )
                    )
                )
            ),
        ]
    )
    func `what is hashed stands on the routes`(hash: String, policy: HashPolicy) throws {
        let text = Self.destinationRule(hash)
        #expect(try Self.forward(text).hashPolicies == [policy])
        #expect(Compilation(text).places == [])
        // Without a rule of routing Istio's default retry goes elsewhere all the same.
        #expect(try Self.forward(text).retry == Bookinfo.standardRetry)
        #expect(try Self.forward(text, "ratings").hashPolicies == [])
    }

    @Test(
        arguments: [
            ("", .init(RingHash())), (", ringHash: {}", .init(RingHash())), (", minimumRingSize: 0", .init(RingHash())),
            (", ringHash: {minimumRingSize: 7}", .init(RingHash(minimumSize: 7))),
            (", minimumRingSize: 7", .init(RingHash(minimumSize: 7))),
            (", maglev: {tableSize: 101}", .init(Maglev(tableSize: 101))),
        ] as [(String, Cluster.LoadBalancing)]
    )
    func `who picks by it is the cluster's balancer, a ring by default`(
        algorithm: String,
        expected: Cluster.LoadBalancing
    ) throws {
        let compilation = Compilation(Self.destinationRule("{useSourceIp: true\(algorithm)}"))
        let reviews = compilation.resources.clusters.values.filter { $0.name.contains("reviews") }
        #expect(!reviews.isEmpty)
        #expect(reviews.allSatisfy { $0.loadBalancing == expected })
    }

    @Test
    func `a retry stays with the only destination's hash unless it says where it goes`() throws {
        let hash = Self.destinationRule("{useSourceIp: true}")
        let standard = try Self.forward(
            hash + Self.virtualService("  - route: [{destination: {host: reviews}}]")
        )
        #expect(standard.hashPolicies == [HashPolicy(.sourceAddress)])
        #expect(standard.retry?.avoidsPreviousEndpoints == false)
        let silent = try Self.forward(
            hash + Self.virtualService("  - route: [{destination: {host: reviews}}]\n    retries: {attempts: 2}")
        )
        #expect(silent.retry?.avoidsPreviousEndpoints == false)
        let explicit =
            "  - route: [{destination: {host: reviews}}]\n"
            + "    retries: {attempts: 2, retryIgnorePreviousHosts: true}"
        #expect(try Self.forward(hash + Self.virtualService(explicit)).retry?.avoidsPreviousEndpoints == true)
    }

    @Test
    func `every share with some weight brings its hash, the subset's before the whole's`() throws {
        let more = """
              subsets:
              - {name: v1, labels: {version: v1}}
              - name: v2
                labels: {version: v2}
                trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-v2}}}
              - name: v3
                labels: {version: v3}
                trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-v3}}}
            """
        let text =
            Self.destinationRule("{httpHeaderName: x-all}", more: more)
            + Self.virtualService(
                """
                  - route:
                    - {destination: {host: reviews, subset: v1}, weight: 1}
                    - {destination: {host: reviews, subset: v2}, weight: 2}
                    - {destination: {host: reviews, subset: v3}, weight: 0}
                    - {destination: {host: ratings}, weight: 3}
                """
            )
        let forward = try Self.forward(text)
        let headers = ["x-all", "x-v2"].map { HashPolicy(.header(HeaderName($0), rewrite: nil)) }
        #expect(forward.hashPolicies == headers)
        #expect(forward.retry?.avoidsPreviousEndpoints == true)
    }

    @Test
    func `what is said for a port counts where the destination names the port, or where no rule routes`() throws {
        let more = """
                portLevelSettings:
                - port: {number: 9080}
                  loadBalancer: {consistentHash: {httpHeaderName: x-port}}
            """
        let text = Self.destinationRule("{httpHeaderName: x-all}", more: more)
        let all = HashPolicy(.header("x-all", rewrite: nil))
        let port = HashPolicy(.header("x-port", rewrite: nil))
        #expect(try Self.forward(text).hashPolicies == [port])
        let unnamed = Self.virtualService("  - route: [{destination: {host: reviews}}]")
        #expect(try Self.forward(text + unnamed).hashPolicies == [all])
        let named = Self.virtualService("  - route: [{destination: {host: reviews, port: {number: 9080}}}]")
        #expect(try Self.forward(text + named).hashPolicies == [port])
    }

    @Test(
        arguments: [
            Mistake("nothing", "{}", "8:23 MM0201"),
            Mistake("two", "{useSourceIp: true, httpHeaderName: a}", "8:24 MM0214"),
            Mistake("no address", "{useSourceIp: false}", "8:24 MM0212"),
            Mistake("a header that is none", "{httpHeaderName: a b}", "8:40 MM0206"),
            Mistake("an empty parameter", "{httpQueryParameterName: ''}", "8:48 MM0206"),
            Mistake("a cookie without a name", "{httpCookie: {ttl: 1s}}", "8:36 MM0201"),
            Mistake(
                "an attribute twice",
                "{httpCookie: {name: a, attributes: [{name: b}, {name: b}]}}",
                "8:46 MM0214"
            ),
            Mistake(
                "a table that is no prime",
                "{useSourceIp: true, maglev: {tableSize: 65536}}",
                "8:63 MM0206"
            ),
            Mistake("a table without a size", "{useSourceIp: true, maglev: {}}", "8:51 MM0201"),
            Mistake("a ring too large", "{useSourceIp: true, ringHash: {minimumRingSize: 8388609}}", "8:71 MM0206"),
            Mistake(
                "two balancers",
                "{useSourceIp: true, ringHash: {}, maglev: {tableSize: 5}}",
                "8:57 MM0214"
            ),
        ]
    )
    func `mistakes are reported where they stand`(mistake: Mistake) {
        #expect(Compilation(Self.destinationRule(mistake.text)).places == mistake.expected)
    }
}
