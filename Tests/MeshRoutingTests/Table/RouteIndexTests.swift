// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting
import Testing

/// The index is compared with the trace, which looks at one route after the other.
@Suite struct RouteIndexTests {
    private struct Generator {
        var random: MeshRandom

        mutating func below(_ bound: Int) -> Int { Int(random.below(UInt64(bound))) }
        mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
        mutating func isTrue(oneIn count: Int) -> Bool { below(count) == 0 }

        mutating func path() -> String {
            let segments = ["a", "ab", "A", "b", "a;x", "long-segment-of-more-than-eight", "é", "1", ""]
            return (0..<below(4)).reduce("") { text, _ in text + "/" + pick(segments) } + pick(["", "/", "/"])
        }

        mutating func pathMatcher() -> PathMatcher {
            let path = pick(["/"]) + path().drop { $0 == "/" }
            let ignoresCase = isTrue(oneIn: 4)
            switch below(12) {
            case 0...3: return PathMatcher(.exact(path), ignoresCase: ignoresCase)
            case 4...6: return PathMatcher(.prefix(isTrue(oneIn: 8) ? "" : path), ignoresCase: ignoresCase)
            case 7, 8: return PathMatcher(.separatedPrefix(path), ignoresCase: ignoresCase)
            case 9:
                let pattern = pick(["/a.*", "/(a|b)/?.*", "(?i)/ab.*", ".*", "/a/b", "^/a/[^/]+$", "/(ab)?", "/a|/b"])
                return (try? RegularExpression(pattern)).map { PathMatcher(.regularExpression($0)) } ?? .any
            case 10:
                let template = pick(["/a/{x}", "/{x}/b", "/a/**", "/*", "/a/{x=**}"])
                return (try? PathTemplate(template)).map { PathMatcher(.template($0)) } ?? .any
            default: return isTrue(oneIn: 3) ? PathMatcher(.connect) : .any
            }
        }

        mutating func headerMatcher() -> HeaderMatcher {
            let name = HeaderName(pick(["x", "x", "x", "y", "accept", ":method", "t-bin", "content-type"]))
            let value = pick(["1", "2", "3", "", "GET", "1,2", "application/grpc"])
            let condition: HeaderMatcher.Condition =
                switch below(8) {
                case 0: .present(isTrue(oneIn: 2))
                case 1: .range(start: 1, end: 3)
                case 2: .value(StringMatcher(.prefix(value)))
                case 3: .value(StringMatcher(.exact(value), ignoresCase: true))
                default: .value(StringMatcher(.exact(value)))
                }
            return HeaderMatcher(
                name,
                condition,
                isInverted: isTrue(oneIn: 6),
                treatsMissingAsEmpty: isTrue(oneIn: 6)
            )
        }

        mutating func match(onAnyPath isOnAnyPath: Bool) -> RouteMatch {
            // Many on one path, so that their headers are indexed.
            var match = RouteMatch(path: isOnAnyPath ? .any : pathMatcher())
            if isOnAnyPath || isTrue(oneIn: 2) { match.headers = (0...below(2)).map { _ in headerMatcher() } }
            if isTrue(oneIn: 8) { match.queryParameters = [QueryParameterMatcher("q", .present(isTrue(oneIn: 2)))] }
            if isTrue(oneIn: 8) { match.cookies = [CookieMatcher("c", StringMatcher(.exact("1")))] }
            if isTrue(oneIn: 10) { match.isGRPCOnly = true }
            if isTrue(oneIn: 8) { match.fraction = RuntimeFraction(FractionalPercent(numerator: 50), key: "k") }
            if isTrue(oneIn: 12) { match.certificate = CertificateCondition(isPresented: true) }
            return match
        }

        mutating func request() -> InMemoryRequest {
            var headers: [(name: HeaderName, value: String)] = []
            for name: HeaderName in ["x", "x", "y", "accept", "accept", "t-bin"] where isTrue(oneIn: 2) {
                headers.append((name, pick(["1", "2", "3", "", "4"])))
            }
            if isTrue(oneIn: 4) { headers.append(("cookie", pick(["c=1", "c=2", "d=1; c=1"]))) }
            if isTrue(oneIn: 4) { headers.append(("content-type", pick(["application/grpc", "application/grpc;x"]))) }
            return InMemoryRequest(
                method: isTrue(oneIn: 12) ? "CONNECT" : pick(["GET", "POST"]),
                authority: "h",
                path: path() + pick(["", "", "?q=1", "?r=1", "#f"]),
                headers: headers
            )
        }
    }

    @Test(arguments: [RouteSemantics.envoy, .grpc])
    func `the index finds what a look at every route finds, over 20 000 random requests`(
        semantics: RouteSemantics
    ) async throws {
        var generator = Generator(random: MeshRandom(seed: 41))
        var taken = 0
        var chosen = Set<Int>()
        for round in 0..<200 {
            // Other tests are to go on meanwhile.
            await Task.yield()
            let matches = (0..<generator.below(round % 4 == 0 ? 200 : 30)).map { _ in
                generator.match(onAnyPath: round % 3 == 0)
            }
            let fixture = try TableFixture(
                matches,
                options: .init(ignoresPathParameters: generator.isTrue(oneIn: 3), semantics: semantics)
            )
            for _ in 0..<100 {
                let request = generator.request()
                let facts = RoutingFacts(
                    random: UInt64(generator.below(100)),
                    isCertificatePresented: generator.isTrue(oneIn: 2),
                    runtime: generator.isTrue(oneIn: 3) ? ["k": .integer(10)] : [:]
                )
                let expected = fixture.table.trace(request, facts: facts).chosen?.route
                #expect(fixture.route(request, facts: facts) == expected, "\(request)")
                if let expected {
                    taken += 1
                    chosen.insert(expected)
                }
            }
        }
        // Both answers are frequent, and routes far behind are reached.
        #expect((5_000...19_500).contains(taken))
        #expect((chosen.max() ?? 0) > 50)
    }

    @Test(arguments: [5, 10_000])
    func `the first and the last of many routes are found, and none behind an earlier one that matches`(
        count: Int
    ) throws {
        let exact = try TableFixture((0..<count).map { RouteMatch(path: PathMatcher(.exact("/r/\($0)"))) })
        #expect(exact.route(InMemoryRequest(path: "/r/0")) == 0)
        #expect(exact.route(InMemoryRequest(path: "/r/\(count - 1)?x")) == count - 1)
        #expect(exact.route(InMemoryRequest(path: "/r/\(count)")) == nil)
        var matches = (0..<count).map { RouteMatch(path: PathMatcher(.prefix("/r/\($0)/"))) }
        matches[count / 2] = RouteMatch(path: PathMatcher(.prefix("/r/")))
        let prefix = try TableFixture(matches)
        #expect(prefix.route(InMemoryRequest(path: "/r/0/x")) == 0)
        #expect(prefix.route(InMemoryRequest(path: "/r/\(count - 1)/x")) == count / 2)
        #expect(prefix.route(InMemoryRequest(path: "/s")) == nil)
    }

    @Test func `routes that one header's value tells apart keep their order, whichever of its values leads to them`()
        throws
    {
        func match(_ value: String) -> RouteMatch {
            RouteMatch(headers: [HeaderMatcher("user", .value(StringMatcher(.exact(value))))])
        }
        var matches = (0..<1_000).map { match("u\($0)") }
        matches.append(RouteMatch(headers: [HeaderMatcher("other", .present(true))]))
        matches.append(match("u0"))
        let fixture = try TableFixture(matches)
        #expect(fixture.route(InMemoryRequest(headers: [("user", "u999")])) == 999)
        #expect(fixture.route(InMemoryRequest(headers: [("user", "u7"), ("user", "u3")])) == 3)
        #expect(fixture.route(InMemoryRequest(headers: [("other", "")])) == 1_000)
        #expect(fixture.route(InMemoryRequest(headers: [("user", "u1,u2")])) == nil)
        #expect(fixture.route(InMemoryRequest()) == nil)
    }

    @Test func `a path that more prefixes begin than a search can hold is decided all the same`() throws {
        let matches = (1...500).map { length in
            RouteMatch(
                path: PathMatcher(.prefix("/" + String(repeating: "a", count: length))),
                headers: [HeaderMatcher("n", .value(StringMatcher(.exact("\(length)"))))]
            )
        }
        let fixture = try TableFixture(matches)
        let path = "/" + String(repeating: "a", count: 600)
        #expect(fixture.route(InMemoryRequest(path: path, headers: [("n", "499")])) == 498)
        #expect(fixture.route(InMemoryRequest(path: path, headers: [("n", "501")])) == nil)
    }
}
