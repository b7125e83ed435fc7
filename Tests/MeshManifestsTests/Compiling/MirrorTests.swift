// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshManifests
import MeshRouting
import Testing

@Suite("Copies of requests")
struct MirrorTests {
    private static func virtualService(_ http: String) -> String {
        """
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: reviews}
        spec:
          hosts: [reviews]
          http:
        \(http)

        """
    }

    private static func routes(_ http: String) throws -> [Route] {
        let compilation = Compilation(virtualService(http))
        #expect(compilation.diagnostics.map(\.description) == [])
        #expect(throws: Never.self) { try compilation.resources.validate() }
        return try #require(compilation.routes("reviews"))
    }

    private static func forward(_ http: String) throws -> RouteAction.Forward {
        guard case .forward(let forward) = try routes(http).first?.action else {
            throw ConfigurationError(path: "", "the route does not forward")
        }
        return forward
    }

    @Test
    func `copies go to clusters, each with its share, and none where the share is 0`() throws {
        let one = try Self.forward(
            """
              - route: [{destination: {host: reviews}}]
                mirror: {host: ratings}
                mirrorPercentage: {value: 0.1}
            """
        )
        let share = FractionalPercent(numerator: 1000, denominator: .million)
        let ratings = RequestMirror.Target.cluster(Bookinfo.cluster("ratings"))
        #expect(one.mirrors == [RequestMirror(ratings, fraction: RuntimeFraction(share))])
        let several = try Self.forward(
            """
              - route: [{destination: {host: reviews}}]
                mirrors:
                - destination: {host: details, port: {number: 9080}}
                - destination: {host: ratings.default.svc.cluster.local}
                  percentage: {value: 50}
            """
        )
        #expect(
            several.mirrors == [
                RequestMirror(.cluster(Bookinfo.cluster("details"))),
                RequestMirror(ratings, fraction: RuntimeFraction(FractionalPercent(numerator: 50))),
            ]
        )
        let none = Compilation(
            Self.virtualService(
                """
                  - route: [{destination: {host: reviews}}]
                    mirror: {host: ratings}
                    mirrorPercentage: {value: 0}
                """
            )
        )
        guard case .forward(let forward) = none.routes("reviews")?.first?.action else {
            Issue.record("the route does not forward")
            return
        }
        #expect(forward.mirrors == nil)
        #expect(none.places == ["9:23 MM0212"])
    }

    @Test
    func `copies for a subset that nobody defines are an error, for a host that nobody has a warning`() {
        let compilation = Compilation(
            Self.virtualService(
                """
                  - route: [{destination: {host: reviews}}]
                    mirrors: [{destination: {host: ratings, subset: v9}}, {destination: {host: rating}}]
                """
            )
        )
        #expect(
            compilation.diagnostics.map(\.description) == [
                "mesh.yaml:8:53: error: no DestinationRule of ratings.default.svc.cluster.local defines the subset v9; "
                    + "copies of requests for it would go nowhere [MM0302]",
                "mesh.yaml:8:80: warning: no service has the host rating.default.svc.cluster.local; did you mean "
                    + "ratings.default.svc.cluster.local? [MM0301]",
            ]
        )
    }
}
