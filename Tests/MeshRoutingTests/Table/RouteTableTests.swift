// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting
import Testing

@Suite struct RouteTableTests {
    private func table(_ hosts: [(String, [String], [(RouteMatch, String)])]) throws -> RouteTable<String> {
        try RouteTable(
            hosts.map { name, domains, routes in
                RouteTable.Host(
                    name: name,
                    domains: domains.compactMap { DomainPattern($0) },
                    routes: routes.map { (match: $0.0, value: $0.1) }
                )
            }
        )
    }

    private func value(_ table: RouteTable<String>, _ authority: String?, _ path: String = "/") -> String? {
        if case .route(_, _, let value) = table.decide(
            InMemoryRequest(authority: authority, path: path),
            facts: RoutingFacts(random: 0)
        ) {
            return value
        }
        return nil
    }

    @Test(arguments: ["?", "#"], 0..<20)
    func `a path ends at the first mark of a query or a fragment, wherever that is`(mark: String, length: Int) throws {
        // Bytes that differ from the marks by a bit, or by one, stand before and behind.
        let path = "/" + "\">7+\u{BF}$&_@\"!".prefix(length) + String(repeating: "p", count: max(0, length - 10))
        let table = try table([
            ("a", ["a"], [(RouteMatch(path: PathMatcher(.exact(path))), "exact"), (RouteMatch(), "rest")])
        ])
        for behind in ["", "x", "\"?x#", String(repeating: "p", count: 9)] {
            #expect(value(table, "a", path + mark + behind) == "exact")
        }
        #expect(value(table, "a", path) == "exact")
        #expect(value(table, "a", path + "p" + mark) == "rest")
    }

    @Test func `each host's routes are its own, counted from 0`() throws {
        func match(_ path: String) -> RouteMatch { RouteMatch(path: PathMatcher(.exact(path))) }
        let table = try table([
            ("a", ["a"], [(match("/1"), "a1"), (match("/2"), "a2")]), ("none", ["none"], []),
            ("b", ["b"], [(match("/3"), "b3"), (match("/1"), "b1")]),
        ])
        guard
            case .route(let host, let route, let value) = table.decide(
                InMemoryRequest(authority: "b", path: "/1"),
                facts: RoutingFacts(random: 0)
            )
        else {
            Issue.record("no route was found")
            return
        }
        #expect(host == 2 && route == 1 && value == "b1")
        #expect(self.value(table, "a", "/3") == nil && self.value(table, "none", "/1") == nil)
        #expect(table.values == ["a1", "a2", "b3", "b1"])
    }

    static let precedence: [(String?, String?)] = [
        ("foo.bar.example.com", "exact"), ("FOO.bar.Example.com", "exact"), ("baz.bar.example.com", "long suffix"),
        ("x.example.com", "short suffix"), (".example.com", "any"), ("www.foo.org", "long prefix"),
        ("www.org", "short prefix"), ("www.", "any"), ("other", "any"), ("", "any"), (nil, "any"),
        ("foo.bar.example.com:80", "any"), ("www.foo.bar.example.com", "long suffix"),
    ]

    @Test(arguments: precedence)
    func `domains are searched exact, longest suffix, longest prefix, any`(authority: String?, expected: String?) throws
    {
        let all = RouteMatch()
        let table = try table([
            ("any", ["*"], [(all, "any")]),
            ("short prefix", ["www.*"], [(all, "short prefix")]),
            ("long prefix", ["www.foo.*"], [(all, "long prefix")]),
            ("short suffix", ["*.example.com"], [(all, "short suffix")]),
            ("long suffix", ["*.bar.example.com"], [(all, "long suffix")]),
            ("exact", ["foo.bar.example.com"], [(all, "exact")]),
        ])
        #expect(value(table, authority) == expected)
    }

    @Test func `the first route that matches wins`() throws {
        let table = try table([
            (
                "reviews", ["reviews"],
                [
                    (RouteMatch(path: PathMatcher(.exact("/a"))), "exact"),
                    (RouteMatch(path: PathMatcher(.prefix("/a"))), "prefix"),
                    (RouteMatch(path: PathMatcher(.prefix("/a/b"))), "never"),
                ]
            )
        ])
        #expect(value(table, "reviews", "/a") == "exact")
        #expect(value(table, "reviews", "/a?x") == "exact")
        #expect(value(table, "reviews", "/a/b") == "prefix")
    }

    @Test func `a host without a matching route is no unknown host`() throws {
        let table = try table([("reviews", ["reviews"], [(RouteMatch(path: PathMatcher(.prefix("/a"))), "a")])])
        guard
            case .noRoute = table.decide(
                InMemoryRequest(authority: "reviews", path: "/b"),
                facts: RoutingFacts(random: 0)
            )
        else {
            Issue.record("the host is known")
            return
        }
        guard
            case .noHost = table.decide(
                InMemoryRequest(authority: "ratings"),
                facts: RoutingFacts(random: 0)
            )
        else {
            Issue.record("the host is unknown")
            return
        }
        #expect(table.serves("REVIEWS") && !table.serves("ratings"))
        guard case .noHost = RouteTable<Int>.empty.decide(InMemoryRequest(), facts: RoutingFacts(random: 0)) else {
            Issue.record("an empty table knows nobody")
            return
        }
    }

    @Test func `a domain that two hosts claim is a mistake that names both`() {
        let error = #expect(throws: ConfigurationError.self) {
            _ = try table([("a", ["x", "*"], []), ("b", ["y", "X", "*"], [])])
        }
        #expect(error?.problems.map(\.path) == ["virtualHosts[1].domains", "virtualHosts[1].domains"])
        #expect(error?.problems[0].message.contains("virtual host a") == true)
    }

    @Test func `a trace says why each route was passed over`() throws {
        let jason = HeaderMatcher("end-user", .value(StringMatcher(.exact("jason"))))
        let table = try table([
            (
                "reviews", ["reviews"],
                [
                    (RouteMatch(path: PathMatcher(.prefix("/x"))), "x"), (RouteMatch(headers: [jason]), "v2"),
                    (RouteMatch(), "v1"),
                ]
            )
        ])
        let trace = table.trace(InMemoryRequest(authority: "reviews"), facts: RoutingFacts(random: 0))
        #expect(trace.host == "reviews" && trace.chosen?.value == "v1" && trace.chosen?.route == 2)
        #expect(
            trace.passedOver.map(\.mismatch.description) == [
                #"path: is "/", must begin with "/x""#,
                #"header end-user: is absent, must be exactly "jason""#,
            ]
        )
        #expect(table.trace(InMemoryRequest(authority: "ratings"), facts: RoutingFacts(random: 0)).host == nil)
    }

    @Test func `a decision and its trace agree on random requests`() throws {
        let random = MeshRandom(seed: 3)
        let table = try table([
            (
                "h", ["h"],
                (0..<20).map { number in
                    let path = PathMatcher(number % 2 == 0 ? .exact("/\(number)") : .prefix("/\(number)"))
                    return (RouteMatch(path: path), "\(number)")
                }
            )
        ])
        for _ in 0..<10_000 {
            let request = InMemoryRequest(authority: "h", path: "/\(random.below(40))")
            #expect(
                value(table, "h", request.path) == table.trace(request, facts: RoutingFacts(random: 0)).chosen?.value
            )
        }
    }
}
