// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting
import Testing

/// Inputs that are made to cost: each has a defined answer, and the work is linear in the input.
@Suite struct MatchingBoundsTests {
    private static let megabyte = 1 << 20

    static let patterns = ["/(a+)+b", "/(a|a)*b", "/(a*)*b", "/(.*)(.*)(.*)(.*)(.*)b", "/(a?){50}a{50}b"]

    @Test(arguments: patterns)
    func `an expression that others take exponential time for is answered on a path of a megabyte`(
        pattern: String
    ) throws {
        let expression = try RegularExpression(pattern)
        let fixture = try TableFixture([RouteMatch(path: PathMatcher(.regularExpression(expression))), RouteMatch()])
        // What has no small automaton is simulated, which debug builds do slowly; a smaller path shows the same.
        let path = "/" + String(repeating: "a", count: Self.megabyte / 64)
        #expect(fixture.route(InMemoryRequest(path: path)) == 1)
        #expect(
            try TableFixture([RouteMatch(path: PathMatcher(.regularExpression(expression)))]).route(
                InMemoryRequest(path: "/" + String(repeating: "a", count: 60) + "b")
            ) == 0
        )
    }

    @Test func `a needle that repeats is looked for once along a header of a megabyte`() throws {
        let needle = "b" + String(repeating: "a", count: 4_096)
        let match = RouteMatch(headers: [HeaderMatcher("x", .value(StringMatcher(.contains(needle))))])
        let almost = String(repeating: "b" + String(repeating: "a", count: 4_095), count: Self.megabyte / 4_096)
        #expect(try !TableFixture.takes(match, InMemoryRequest(headers: [("x", almost)])))
        #expect(try TableFixture.takes(match, InMemoryRequest(headers: [("x", almost + "a")])))
    }

    @Test func `a path of a megabyte is compared with what it begins with, and with itself`() throws {
        let path = "/" + String(repeating: "p", count: Self.megabyte)
        var matches = (0..<20).map { RouteMatch(path: PathMatcher(.exact("/\($0)"))) }
        matches += [RouteMatch(path: PathMatcher(.exact(path))), RouteMatch(path: PathMatcher(.prefix("/pp")))]
        let fixture = try TableFixture(matches)
        #expect(fixture.route(InMemoryRequest(path: path)) == 20)
        #expect(fixture.route(InMemoryRequest(path: path + "?" + path)) == 20)
        #expect(fixture.route(InMemoryRequest(path: path + "p")) == 21)
    }

    @Test func `escapes, dot segments and bytes that are no UTF-8 are compared as they were sent`() throws {
        let paths = ["/a%2Fb", "/a%2fb", "/a/../b", "/a//b", "/%", "/%zz", "/\u{FFFD}", "/é", "/e\u{301}", "/\0"]
        let fixture = try TableFixture(paths.map { RouteMatch(path: PathMatcher(.exact($0))) })
        for (number, path) in paths.enumerated() {
            #expect(fixture.route(InMemoryRequest(path: path)) == number)
        }
        // A string repairs what is no UTF-8, and so do all adapters that make strings.
        #expect(fixture.route(InMemoryRequest(path: String(decoding: [0x2F, 0xFF], as: UTF8.self))) == 6)
        #expect(fixture.route(InMemoryRequest(path: "/b")) == nil)
        #expect(fixture.route(InMemoryRequest(path: "/a/b")) == nil)
    }

    @Test func `a missing authority, an empty one and one of a megabyte lead to the host for all, if there is one`()
        throws
    {
        let long = String(repeating: "a.", count: Self.megabyte / 2)
        for authority in [nil, "", long, ":", "[", "]:", ":80"] {
            let request = InMemoryRequest(authority: authority)
            #expect(try TableFixture([RouteMatch()], options: .init(ignoresPort: true)).route(request) == 0)
            let closed = try TableFixture([RouteMatch()], domains: [.exact("h"), .suffix(".h"), .prefix("h.")])
            guard case .noHost = closed.table.decide(request, facts: RoutingFacts(random: 0)) else {
                Issue.record("\(authority ?? "nil") is served by nobody")
                continue
            }
        }
    }
}
