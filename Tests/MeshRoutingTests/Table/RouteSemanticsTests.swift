// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting
import Testing

@Suite struct RouteSemanticsTests {
    private static func header(
        _ name: HeaderName,
        _ value: String,
        isInverted: Bool = false
    ) -> RouteMatch {
        RouteMatch(headers: [HeaderMatcher(name, .value(StringMatcher(.exact(value))), isInverted: isInverted)])
    }

    private static let request = InMemoryRequest(
        method: "POST",
        scheme: "https",
        authority: "reviews",
        path: "/service/method",
        headers: [("x", "a"), ("x", "b"), ("t-bin", "v"), ("content-type", "text/plain")]
    )

    /// A match, whether Envoy takes the request, and whether gRPC does.
    static let rows: [(match: RouteMatch, envoy: Bool, grpc: Bool)] = [
        (header(":method", "POST"), true, false), (header(":scheme", "https"), true, false),
        (header(":authority", "reviews"), true, false), (header("host", "reviews"), true, false),
        (header(":method", "GET", isInverted: true), true, false), (header(":path", "/service/method"), true, true),
        (header("t-bin", "v"), true, false),
        (RouteMatch(headers: [HeaderMatcher("t-bin", .present(false))]), false, true),
        (header("content-type", "application/grpc"), false, true), (header("content-type", "text/plain"), true, false),
        (header("x", "a"), true, false), (header("x", "a,b"), false, true),
        (RouteMatch(queryParameters: [QueryParameterMatcher("q", .present(false))]), true, false),
        (RouteMatch(isGRPCOnly: true), false, true),
        (RouteMatch(certificate: CertificateCondition(isPresented: true)), false, true),
        (RouteMatch(fraction: RuntimeFraction(.all, key: "k")), false, true),
        (RouteMatch(fraction: RuntimeFraction(.none, key: "")), false, false),
        (RouteMatch(path: PathMatcher(.exact("/service/method"))), true, true),
    ]

    @Test(arguments: rows)
    func `gRPC's rules differ from Envoy's where gRFC A28 says so`(
        row: (match: RouteMatch, envoy: Bool, grpc: Bool)
    ) throws {
        let facts = RoutingFacts(random: 0, runtime: ["k": .integer(0)])
        #expect(try TableFixture.takes(row.match, Self.request, facts: facts) == row.envoy)
        #expect(try TableFixture.takes(row.match, Self.request, facts: facts, semantics: .grpc) == row.grpc)
    }

    @Test func `a trace says that gRPC leaves a route out`() throws {
        let fixture = try TableFixture(
            [RouteMatch(queryParameters: [QueryParameterMatcher("q")]), Self.header("t-bin", "v")],
            options: .init(semantics: .grpc)
        )
        let trace = fixture.table.trace(Self.request, facts: RoutingFacts(random: 0))
        #expect(
            trace.passedOver.map(\.mismatch.description) == [
                "query parameters: gRPC leaves such a route out",
                "header t-bin: gRPC never matches this condition on it",
            ]
        )
        #expect(trace.chosen == nil)
    }
}
