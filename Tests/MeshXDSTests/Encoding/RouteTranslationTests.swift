// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import Testing

@testable import MeshXDS

@Suite("Routes for clients that know less")
struct RouteTranslationTests {
    private func translate(_ route: Route, to dialect: Dialect) -> (routes: [Route], reports: [FieldReport]) {
        let host = VirtualHost(name: "all", domains: [.any], routes: [route])
        var resources = MeshResources()
        resources.routeConfigurations["r"] = RouteConfiguration(name: "r", virtualHosts: [host])
        let translation = DialectTranslation(resources, to: dialect)
        let routes = translation.resources.routeConfigurations["r"]?.virtualHosts.first?.routes ?? []
        return (routes, translation.reports)
    }

    private let plain = RouteAction.forward(.init(clusters: WeightedClusters(single: "c")))

    @Test(
        "a route whose condition gRPC would not see is left out, so that it matches no more than is meant",
        arguments: [
            RouteMatch(queryParameters: [QueryParameterMatcher("a")]),
            RouteMatch(cookies: [CookieMatcher("a", StringMatcher(.exact("b")))]),
            RouteMatch(certificate: CertificateCondition(isPresented: true)),
            RouteMatch(metadata: [MetadataMatcher(filter: "f", path: ["p"], .null)]),
            RouteMatch(path: PathMatcher(.connect)),
        ]
    )
    func conditions(_ match: RouteMatch) {
        let grpc = translate(Route(match: match, action: plain), to: .grpc)
        #expect(grpc.routes.isEmpty)
        #expect(grpc.reports.count == 1)
        let envoy = translate(Route(match: match, action: plain), to: .envoy)
        #expect(envoy.routes.count == 1)
        #expect(envoy.reports.isEmpty)
    }

    @Test("a separated prefix is an expression for gRPC, which refuses the field", arguments: [true, false])
    func separatedPrefix(_ ignoresCase: Bool) throws {
        let match = RouteMatch(path: PathMatcher(.separatedPrefix("/a.b"), ignoresCase: ignoresCase))
        let route = try #require(translate(Route(match: match, action: plain), to: .grpc).routes.first)
        guard case .regularExpression(let expression) = route.match.path.pattern else {
            Issue.record("\(route.match.path.pattern)")
            return
        }
        for (path, isMatch) in [("/a.b", true), ("/a.b/c", true), ("/a.bc", false), ("/aXb", false)] {
            #expect(expression.matchesWhole(path) == isMatch, "\(path)")
        }
        #expect(expression.matchesWhole("/A.B/c") == ignoresCase)
    }

    @Test("what gRPC does not do is named, and not sent")
    func actions() throws {
        var forward = RouteAction.Forward(clusters: WeightedClusters(single: "c"))
        forward.pathRewrite = .prefix("/x")
        forward.mirrors = [RequestMirror(.cluster("m"))]
        forward.hashPolicies = [HashPolicy(.header("a", rewrite: nil)), HashPolicy(.sourceAddress)]
        forward.clusterFilters = ["c": FilterOverrides(buffer: .disabled)]
        let removal = HeaderMutations(requestRemovals: ["a"])
        let route = Route(action: .forward(forward), headers: removal, cors: CORSPolicy(origins: []))
        let (routes, reports) = translate(route, to: .grpc)
        var expected = RouteAction.Forward(clusters: WeightedClusters(single: "c"))
        expected.hashPolicies = [HashPolicy(.header("a", rewrite: nil))]
        #expect(routes == [Route(action: .forward(expected))])
        #expect(
            Set(reports.map(\.path)) == [
                "route_configurations[r].virtual_hosts[0].routes[0].cors",
                "route_configurations[r].virtual_hosts[0].routes[0].headers",
                "route_configurations[r].virtual_hosts[0].routes[0].route.prefix_rewrite",
                "route_configurations[r].virtual_hosts[0].routes[0].route.request_mirror_policies",
                "route_configurations[r].virtual_hosts[0].routes[0].route.hash_policy",
                "route_configurations[r].virtual_hosts[0].routes[0].route.weighted_clusters[c].typed_per_filter_config",
            ]
        )
    }

    @Test("a cluster that the request names is nothing that gRPC can send to")
    func clusterHeader() {
        let forward = RouteAction.Forward(target: .header("x-cluster"))
        #expect(translate(Route(action: .forward(forward)), to: .grpc).routes.isEmpty)
    }
}
