// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting
import Testing

/// The answers are those of a real Envoy 1.40.
@Suite struct DomainIndexTests {
    private func table(ignoresPort: Bool) throws -> RouteTable<String> {
        let hosts = [
            ("exact", "a.com"), ("suffix", "*.com"), ("suffix2", "*b.com"), ("prefix", "a.*"), ("prefix2", "a.b*"),
            ("port", "p.org:80"), ("v6", "[::1]"), ("any", "*"),
        ]
        return try RouteTable(
            hosts.map { name, domain in
                RouteTable.Host(
                    name: name,
                    domains: DomainPattern(domain).map { [$0] } ?? [],
                    routes: [(RouteMatch(), name)]
                )
            },
            options: .init(ignoresPort: ignoresPort)
        )
    }

    static let rows: [(authority: String, withPort: String, withoutPort: String)] = [
        ("a.com", "exact", "exact"), ("A.COM", "exact", "exact"), ("a.com:80", "prefix", "exact"),
        ("x.com", "suffix", "suffix"), ("b.com", "suffix", "suffix"), (".com", "any", "any"),
        ("xb.com", "suffix2", "suffix2"), ("XB.Com", "suffix2", "suffix2"), ("a.org", "prefix", "prefix"),
        ("a.b", "prefix", "prefix"), ("a.bc", "prefix2", "prefix2"), ("p.org", "any", "any"),
        ("p.org:80", "port", "any"), ("p.org:81", "any", "any"), ("[::1]", "v6", "v6"), ("[::1]:80", "any", "v6"),
        ("", "any", "any"), ("a.com.", "prefix", "prefix"), ("a.com:", "prefix", "exact"),
        ("a.com:x", "prefix", "exact"), ("::1", "any", "any"),
    ]

    @Test(arguments: rows)
    func `an authority leads to the host that Envoy takes`(
        row: (authority: String, withPort: String, withoutPort: String)
    ) throws {
        for (ignoresPort, expected) in [(false, row.withPort), (true, row.withoutPort)] {
            let table = try table(ignoresPort: ignoresPort)
            let request = InMemoryRequest(authority: row.authority)
            guard case .route(_, _, let host) = table.decide(request, facts: RoutingFacts(random: 0)) else {
                Issue.record("no host")
                return
            }
            #expect(host == expected)
            let trace = table.trace(request, facts: RoutingFacts(random: 0))
            #expect(trace.host == expected && trace.domain != nil)
        }
    }

    @Test func `a trace names the domain that led to the host`() throws {
        let domains = ["*", "*.com", "a.*", "*.b.com", "x.b.com"].compactMap { DomainPattern($0) }
        let table = try RouteTable([RouteTable<Int>.Host(name: "h", domains: domains, routes: [])])
        let facts = RoutingFacts(random: 0)
        for (authority, domain) in [
            ("X.b.com", "x.b.com"), ("y.b.com", "*.b.com"), ("y.com", "*.com"), ("a.org", "a.*"), ("o", "*"),
        ] {
            #expect(table.trace(InMemoryRequest(authority: authority), facts: facts).domain?.text == domain)
        }
    }

    @Test func `ten thousand wildcards are told apart`() throws {
        let table = try RouteTable(
            (0..<10_000).map { number in
                RouteTable.Host(
                    name: "",
                    domains: [.suffix(".s\(number).test"), .prefix("p\(number).")],
                    routes: [(RouteMatch(), number)]
                )
            }
        )
        for number in [0, 9, 10, 4_999, 9_999] {
            for authority in ["x.S\(number).test", "P\(number).x", "p\(number).s\(number)", "p1.s\(number).test"] {
                guard
                    case .route(_, _, number) = table.decide(
                        InMemoryRequest(authority: authority),
                        facts: RoutingFacts(random: 0)
                    )
                else {
                    Issue.record("\(authority) led elsewhere")
                    continue
                }
            }
        }
        #expect(!table.serves("s0.test") && !table.serves("p0"))
    }
}
