// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting
import Testing

@Suite struct RouteRateLimitTests {
    private static let value = RateLimitAction.Value(HeaderFormat(literal: "v"))

    private func entries(
        _ actions: [RateLimitAction],
        _ request: InMemoryRequest = InMemoryRequest(),
        _ facts: RateLimitFacts = RateLimitFacts(routing: RoutingFacts(random: 0))
    ) -> String? {
        [RouteRateLimit(actions)].descriptors(for: request, facts: facts, formats: { FormatFacts() }).first?.description
    }

    @Test func `clusters are named as this process and the route know them`() {
        let facts = RateLimitFacts(
            sourceCluster: "shop",
            destinationCluster: "reviews",
            routing: RoutingFacts(random: 0)
        )
        #expect(
            entries([.sourceCluster, .destinationCluster], InMemoryRequest(), facts)
                == "source_cluster=shop,destination_cluster=reviews"
        )
        #expect(entries([.sourceCluster]) == "source_cluster=")
        #expect(entries([.sourceCluster, .destinationCluster]) == nil)
    }

    @Test func `an entry without a value drops the descriptor, or only itself where the action says so`() {
        let user = RateLimitAction.header("x-user", key: "user")
        let optional = RateLimitAction.header("x-plan", key: "plan", skipsIfAbsent: true)
        let request = InMemoryRequest(headers: [("x-user", "alice"), ("x-user", "bob")])
        #expect(entries([user, optional], request) == "user=alice")
        #expect(entries([optional, user]) == nil)
        #expect(entries([optional]) == "")
        #expect(entries([.header(":path", key: "path")], InMemoryRequest(path: "/a?b")) == "path=/a?b")
    }

    @Test(arguments: [
        ("/p?user=alice&user=bob", "user=alice"), ("/p?user=a%20b", "user=a b"), ("/p?us%65r=x", "user=x"),
        ("/p?user", "user="), ("/p?user=%zz%4", "user=%zz%4"), ("/p?a=1&&user=2#user=3", "user=2"),
    ])
    func `a query parameter gives its first value, its escapes undone`(path: String, expected: String) {
        let action = RateLimitAction.queryParameter("user", key: "user")
        #expect(entries([action], InMemoryRequest(path: path)) == expected)
    }

    @Test(arguments: ["/p", "/p?", "/p?users=1", "/p#?user=1"])
    func `a query without the parameter has no descriptor`(path: String) {
        #expect(entries([.queryParameter("user", key: "user")], InMemoryRequest(path: path)) == nil)
        let optional = RateLimitAction.queryParameter("user", key: "user", skipsIfAbsent: true)
        #expect(entries([optional], InMemoryRequest(path: path)) == "")
    }

    @Test(arguments: [
        ("10.1.2.3", 16, 64, "10.1.0.0/16"),
        ("2001:abcd:ef01:2345:6789:abcd:ef01:234", 16, 64, "2001:abcd:ef01:2345::/64"),
        ("10.1.2.3", 32, 128, "10.1.2.3/32"),
    ])
    func `the caller's address is masked by its version`(address: String, v4: Int, v6: Int, expected: String) {
        let facts = RateLimitFacts(routing: RoutingFacts(random: 0, sourceAddress: address))
        let action = RateLimitAction.maskedRemoteAddress(version4Bits: v4, version6Bits: v6)
        #expect(entries([action], InMemoryRequest(), facts) == "masked_remote_address=\(expected)")
        #expect(entries([action]) == nil && entries([.remoteAddress]) == nil)
        #expect(entries([.remoteAddress], InMemoryRequest(), facts)?.hasPrefix("remote_address=") == true)
    }

    @Test func `an address decides whether there is a descriptor`() throws {
        let range = AddressRange(try #require(IPAddress("10.0.0.0")), length: 8)
        func outcome(_ address: String, isInverted: Bool) -> String? {
            let facts = RateLimitFacts(routing: RoutingFacts(random: 0, sourceAddress: address))
            return entries(
                [.addressMatch(.init([range], isInverted: isInverted), Self.value)],
                InMemoryRequest(),
                facts
            )
        }
        #expect(outcome("10.9.9.9", isInverted: false) == "remote_address_match=v")
        #expect(outcome("11.9.9.9", isInverted: false) == nil)
        #expect(outcome("10.9.9.9", isInverted: true) == nil)
        #expect(outcome("11.9.9.9", isInverted: true) == "remote_address_match=v")
    }

    @Test func `headers and parameters that match, or do not, give a text`() {
        let header = HeaderMatcher("x-a", .value(StringMatcher(.exact("1"))))
        let query = QueryParameterMatcher("q", .value(StringMatcher(.exact("a b"))))
        let matching = InMemoryRequest(path: "/?q=a%20b", headers: [("x-a", "1")])
        #expect(entries([.headerMatch([header], Self.value)], matching) == "header_match=v")
        #expect(entries([.headerMatch([header], Self.value)]) == nil)
        #expect(entries([.headerMatch([header], expects: false, Self.value)]) == "header_match=v")
        #expect(entries([.headerMatch([header], expects: false, Self.value)], matching) == nil)
        #expect(entries([.queryMatch([query], Self.value, key: "k")], matching) == "k=v")
        #expect(entries([.queryMatch([query], Self.value)]) == nil)
        #expect(entries([.queryMatch([query], expects: false, Self.value)]) == "query_match=v")
        let absent = QueryParameterMatcher("q", .present(false))
        #expect(entries([.queryMatch([absent], Self.value)]) == "query_match=v")
    }

    @Test func `a text is a format, and its fallback stands where it comes out empty`() throws {
        let format = RateLimitAction.Value(try HeaderFormat("%REQ(x-a)%"))
        let saved = RateLimitAction.Value(try HeaderFormat("%REQ(x-a)%"), fallback: "none")
        #expect(entries([.text(format)], InMemoryRequest(headers: [("x-a", "1")])) == "generic_key=1")
        #expect(entries([.text(format)]) == nil)
        #expect(entries([.text(saved, key: "k")]) == "k=none")
    }

    @Test func `metadata gives a text, its fallback, or nothing`() {
        let path = ["user", "id"]
        let noted: [String: MetadataValue] = ["jwt": .fields(["user": .fields(["id": .text("7")])])]
        func outcome(_ facts: RateLimitFacts, fallback: String = "", skips: Bool = false) -> String? {
            let lookup = RateLimitAction.Metadata(
                key: "u",
                filter: "jwt",
                path: path,
                fallback: fallback,
                skipsIfAbsent: skips
            )
            return entries([.metadata(lookup)], InMemoryRequest(), facts)
        }
        let known = RateLimitFacts(routing: RoutingFacts(random: 0, metadata: noted))
        let unknown = RateLimitFacts(routing: RoutingFacts(random: 0), routeMetadata: noted)
        #expect(outcome(known) == "u=7")
        #expect(outcome(unknown) == nil)
        #expect(outcome(unknown, fallback: "x") == "u=x")
        #expect(outcome(unknown, skips: true) == "")
        let ofRoute = RateLimitAction.Metadata(key: "u", filter: "jwt", path: path, source: .route)
        #expect(entries([.metadata(ofRoute)], InMemoryRequest(), unknown) == "u=7")
        let number: [String: MetadataValue] = ["jwt": .fields(["user": .fields(["id": .number(7)])])]
        #expect(outcome(RateLimitFacts(routing: RoutingFacts(random: 0, metadata: number))) == nil)
    }

    @Test(
        arguments: [
            ("3", 3), ("0", 0), ("2.9", 2), ("1000000000", 1_000_000_000), ("1000000001", nil), ("-1", nil), ("x", nil),
            ("", nil),
            ("nan", nil),
        ] as [(String, UInt64?)]
    )
    func `hits by a format are a number in bounds, or there is no descriptor`(text: String, hits: UInt64?) throws {
        let limit = RouteRateLimit([.text(Self.value)], hits: .format(try HeaderFormat("%REQ(x-hits)%")))
        let descriptors = [limit].descriptors(
            for: InMemoryRequest(headers: [("x-hits", text)]),
            facts: RateLimitFacts(routing: RoutingFacts(random: 0)),
            formats: { FormatFacts() }
        )
        #expect(descriptors.map(\.hits) == (hits.map { [$0] } ?? []))
    }

    @Test func `a limit of its own is fixed, or noted by a filter; without a note the service's stays`() {
        let fixed = RateLimitDescriptor.Limit(requestsPerUnit: 5, unit: .hour)
        func limit(_ source: RouteRateLimit.LimitSource, _ noted: MetadataValue) -> RateLimitDescriptor.Limit? {
            let facts = RateLimitFacts(routing: RoutingFacts(random: 0, metadata: ["f": .fields(["limit": noted])]))
            return [RouteRateLimit([.text(Self.value)], limit: source)]
                .descriptors(for: InMemoryRequest(), facts: facts, formats: { FormatFacts() })[0].limit
        }
        let source = RouteRateLimit.LimitSource.metadata(filter: "f", path: ["limit"])
        let note: MetadataValue = .fields(["requests_per_unit": .number(42), "unit": .text("MINUTE")])
        #expect(limit(.fixed(fixed), .null) == fixed)
        #expect(limit(source, note) == .init(requestsPerUnit: 42, unit: .minute))
        for broken: MetadataValue in [
            .null, .text("MINUTE"), .fields(["requests_per_unit": .number(42)]),
            .fields(["requests_per_unit": .number(-1), "unit": .text("MINUTE")]),
            .fields(["requests_per_unit": .number(.nan), "unit": .text("MINUTE")]),
            .fields(["requests_per_unit": .number(42), "unit": .text("minute")]),
        ] {
            #expect(limit(source, broken) == nil)
        }
    }

    @Test func `a key switches a limit off for a share of the requests`() {
        let limit = RouteRateLimit([.text(Self.value)], disableKey: "k")
        func isOn(_ value: RuntimeValue?, random: UInt64) -> Bool {
            let runtime = value.map { ["ratelimit.k.http_filter_enabled": $0] } ?? [:]
            return limit.isEnabled(RoutingFacts(random: random, runtime: runtime))
        }
        #expect(isOn(nil, random: 99))
        #expect(isOn(.integer(50), random: 149) && !isOn(.integer(50), random: 150))
        #expect(isOn(.boolean(false), random: 0))
        #expect(!isOn(.fraction(.init(numerator: 1)), random: 1) && isOn(.fraction(.init(numerator: 1)), random: 100))
    }

    @Test(arguments: [
        (HostRateLimits.override, true, false, "r"), (.override, false, false, "h"), (.include, true, false, "rh"),
        (.ignore, true, false, "r"), (.ignore, false, false, ""), (.ignore, true, true, "rh"),
    ])
    func `a host's limits count as the filter and the route say`(
        option: HostRateLimits,
        hasOwn: Bool,
        includes: Bool,
        expected: String
    ) {
        func limit(_ name: String) -> RouteRateLimit { RouteRateLimit([.text(.init(HeaderFormat(literal: name)))]) }
        let limits = option.limits(ofRoute: hasOwn ? [limit("r")] : [], host: [limit("h")], includes: includes)
        let names = limits.map { limit -> String in
            if case .text(let value, _) = limit.actions[0] { value.format.text } else { "?" }
        }
        #expect(names.joined() == expected)
    }

    @Test func `a configuration names every bound that is broken`() {
        let broken = RouteRateLimit(
            [
                .header("", key: ""), .maskedRemoteAddress(version4Bits: 33, version6Bits: -1),
                .headerMatch([], .init(HeaderFormat(literal: ""))),
                .metadata(.init(key: "", filter: "", path: [])),
            ],
            stage: 11
        )
        let error = #expect(throws: ConfigurationError.self) { try broken.validate() }
        #expect(
            error?.problems.map(\.path) == [
                "stage", "actions[0].descriptorKey", "actions[0].headerName", "actions[1].v4PrefixMaskLen",
                "actions[1].v6PrefixMaskLen", "actions[2].headers", "actions[2].descriptorValue",
                "actions[3].descriptorKey", "actions[3].metadataKey.key", "actions[3].metadataKey.path",
            ]
        )
        let none = #expect(throws: ConfigurationError.self) { try RouteRateLimit([]).validate() }
        #expect(none?.problems.map(\.path) == ["actions"])
    }
}
