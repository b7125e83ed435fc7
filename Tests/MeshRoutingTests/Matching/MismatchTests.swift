// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting
import Testing

@Suite struct MismatchTests {
    private static let one = StringMatcher(.exact("1"))

    static let rows: [(RouteMatch, String)] = [
        (RouteMatch(path: PathMatcher(.exact("/x"))), #"path: is "/a", must be exactly "/x""#),
        (
            RouteMatch(path: PathMatcher(.prefix("/X"), ignoresCase: true)),
            #"path: is "/a", must begin with "/X", letters of either case"#
        ),
        (
            RouteMatch(path: PathMatcher(.separatedPrefix("/x"))),
            #"path: is "/a", must be "/x" or go on behind it with a slash"#
        ),
        (RouteMatch(path: PathMatcher(.connect)), #"path: is "/a", the method must be CONNECT"#),
        (
            RouteMatch(headers: [HeaderMatcher("x-user", .value(StringMatcher(.exact("a"))))]),
            #"header x-user: is "b", must be exactly "a""#
        ),
        (
            RouteMatch(headers: [HeaderMatcher("x-user", .value(StringMatcher(.contains("b"))), isInverted: true)]),
            #"header x-user: is "b", must not contain "b""#
        ),
        (RouteMatch(headers: [HeaderMatcher("y", .present(true))]), "header y: is absent, must be present"),
        (
            RouteMatch(headers: [HeaderMatcher("x-user", .range(start: 1, end: 5))]),
            #"header x-user: is "b", must be a number from 1 to below 5"#
        ),
        (
            RouteMatch(queryParameters: [QueryParameterMatcher("q", .value(one))]),
            #"query parameter q: is "2", must be exactly "1""#
        ),
        (
            RouteMatch(queryParameters: [QueryParameterMatcher("q", .present(false))]),
            #"query parameter q: is "2", must be absent"#
        ),
        (RouteMatch(cookies: [CookieMatcher("c", one)]), #"cookie c: is "3", must be exactly "1""#),
        (RouteMatch(isGRPCOnly: true), "header content-type: is absent, must be one of gRPC's"),
        (
            RouteMatch(fraction: RuntimeFraction(FractionalPercent(numerator: 5), key: "k")),
            "runtime fraction k: the request's number 42 is not among 5.0%"
        ),
        (
            RouteMatch(certificate: CertificateCondition(isPresented: true, isValidated: true)),
            "certificate: not shown and not verified, must be shown and be verified"
        ),
    ]

    @Test(arguments: rows)
    func `a trace names the condition and what was seen`(match: RouteMatch, expected: String) throws {
        let request = InMemoryRequest(path: "/a?q=2", headers: [("x-user", "b"), ("cookie", "c=3")])
        let trace = try TableFixture([match]).table.trace(request, facts: RoutingFacts(random: 42))
        #expect(trace.chosen == nil)
        #expect(trace.passedOver.map(\.mismatch.description) == [expected])
    }

    @Test func `what a request has of metadata is told`() throws {
        let match = RouteMatch(metadata: [MetadataMatcher(filter: "f", path: ["a"], .null)])
        let facts = RoutingFacts(random: 0, metadata: ["f": .fields(["a": .boolean(true)])])
        let words = try TableFixture([match]).table.trace(InMemoryRequest(), facts: facts).passedOver
        #expect(words.first?.mismatch.description == "metadata f.a: is true, must be null")
    }

    static let conditions: [(MetadataMatcher.Condition, String)] = [
        (.null, "be null"), (.equals(7), "be 7"), (.range(start: 0.5, end: 3), "be a number from 0.5 to below 3"),
        (.text(StringMatcher(.prefix("a"), ignoresCase: true)), #"begin with "a", letters of either case"#),
        (.boolean(false), "be false"), (.present(true), "be present"), (.present(false), "be what no value is"),
        (.contains(.text(StringMatcher(.exact("b")))), #"be a list with an element that must be exactly "b""#),
        (.any([.equals(1), .boolean(true)]), "be 1 or be true"),
    ]

    @Test(arguments: conditions)
    func `what is asked of metadata is told in words`(condition: MetadataMatcher.Condition, words: String) {
        for (isInverted, not) in [(false, ""), (true, "not ")] {
            let matcher = MetadataMatcher(filter: "f", path: ["a"], condition, isInverted: isInverted)
            let seen = RouteMatch.Mismatch.metadata(matcher, seen: .list([.text("x"), .number(1)]))
            #expect(seen.description == "metadata f.a: is [\"x\",1], must \(not)\(words)")
        }
    }

    @Test func `a value of a megabyte makes a short explanation`() throws {
        let match = RouteMatch(headers: [HeaderMatcher("x", .value(Self.one))])
        let request = InMemoryRequest(headers: [("x", String(repeating: "é", count: 500_000))])
        let trace = try TableFixture([match]).table.trace(request, facts: RoutingFacts(random: 0))
        let words = trace.passedOver.first?.mismatch.description
        #expect((words?.utf8.count ?? .max) < 400)
        #expect(words?.contains("(1000000 bytes)") == true)
    }
}
