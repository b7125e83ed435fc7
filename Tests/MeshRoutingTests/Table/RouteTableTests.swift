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
        if case .route(_, _, let value) = table.decide(InMemoryRequest(authority: authority, path: path)) {
            return value
        }
        return nil
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
        guard case .noRoute = table.decide(InMemoryRequest(authority: "reviews", path: "/b")) else {
            Issue.record("the host is known")
            return
        }
        guard case .noHost = table.decide(InMemoryRequest(authority: "ratings")) else {
            Issue.record("the host is unknown")
            return
        }
        #expect(table.serves("REVIEWS") && !table.serves("ratings"))
        guard case .noHost = RouteTable<Int>.empty.decide(InMemoryRequest()) else {
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
        let trace = table.trace(InMemoryRequest(authority: "reviews"))
        #expect(trace.host == "reviews" && trace.chosen?.value == "v1" && trace.chosen?.route == 2)
        #expect(
            trace.passedOver.map(\.mismatch.description) == [
                "the path does not match", "the header end-user does not match",
            ]
        )
        #expect(table.trace(InMemoryRequest(authority: "ratings")).host == nil)
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
            #expect(value(table, "h", request.path) == table.trace(request).chosen?.value)
        }
    }
}
