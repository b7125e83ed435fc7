// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting
import Testing

@Suite struct HashPoliciesTests {
    static func hash(
        _ policies: [HashPolicy],
        _ request: InMemoryRequest = InMemoryRequest(),
        semantics: HashPolicies.Semantics = .envoy,
        facts: HashPolicies.Facts = HashPolicies.Facts(channel: 7)
    ) -> UInt64? {
        HashPolicies(policies, semantics: semantics).hash(of: request, facts: facts)
    }

    static func header(_ name: HeaderName, rewrite: RegexSubstitution? = nil, isTerminal: Bool = false) -> HashPolicy {
        HashPolicy(.header(name, rewrite: rewrite), isTerminal: isTerminal)
    }

    static let foo = XXH64.hash("foo")
    static let bar = XXH64.hash("bar")

    @Test func `a header hashes by its value`() {
        let request = InMemoryRequest(headers: [("x", "foo"), ("e", "")])
        #expect(Self.hash([Self.header("x")], request) == 3_728_699_739_546_630_719)
        #expect(Self.hash([Self.header("none")], request) == nil)
        #expect(Self.hash([Self.header("e")], request) == 17_241_709_254_077_376_921)
        #expect(Self.hash([Self.header(":path")], InMemoryRequest(path: "foo")) == Self.foo)
        #expect(Self.hash([Self.header("host")], InMemoryRequest(authority: "bar")) == Self.bar)
    }

    /// Envoy's test/common/common/hash_test.cc has 17745830980996999794 for foo and bar in this order.
    @Test func `the order of a header's values does not matter, and each is the next one's seed`() {
        let one = InMemoryRequest(headers: [("x", "foo"), ("x", "bar")])
        let other = InMemoryRequest(headers: [("x", "bar"), ("x", "foo")])
        #expect(Self.hash([Self.header("x")], one) == 6_648_465_492_906_218_751)
        #expect(Self.hash([Self.header("x")], other) == 6_648_465_492_906_218_751)
    }

    @Test func `values that Envoy holds as one are hashed as one`() {
        let request = InMemoryRequest(headers: [("user-agent", "foo"), ("user-agent", "bar")])
        #expect(Self.hash([Self.header("user-agent")], request) == XXH64.hash("foo,bar"))
    }

    @Test func `each value is rewritten by itself`() throws {
        let digits = RegexSubstitution(try RegularExpression("[0-9]+"), substitution: "")
        let request = InMemoryRequest(headers: [("x", "2foo1"), ("x", "1bar")])
        #expect(Self.hash([Self.header("x", rewrite: digits)], request) == 6_648_465_492_906_218_751)
    }

    @Test func `hashes are mixed in order, and a terminal one ends the list`() {
        let request = InMemoryRequest(headers: [("a", "foo"), ("b", "bar")])
        let mixed = (Self.foo << 1 | Self.foo >> 63) ^ Self.bar
        #expect(Self.hash([Self.header("a"), Self.header("b")], request) == mixed)
        #expect(Self.hash([Self.header("a", isTerminal: true), Self.header("b")], request) == Self.foo)
        #expect(Self.hash([Self.header("none", isTerminal: true), Self.header("b")], request) == Self.bar)
        #expect(
            Self.hash([Self.header("a"), Self.header("none", isTerminal: true), Self.header("b")], request) == Self.foo
        )
        // The same source twice does not cancel itself out.
        #expect(
            Self.hash([Self.header("a"), Self.header("a")], request) == (Self.foo << 1 | Self.foo >> 63) ^ Self.foo
        )
        #expect(Self.hash([], request) == nil)
    }

    static let queries: [(String, UInt64?)] = [
        ("/?p=foo", foo), ("/?x&p=foo&p=bar", foo), ("/?p=", XXH64.hash("")), ("/?p", XXH64.hash("")), ("/?P=foo", nil),
        ("/", nil),
        ("/p=foo", nil), ("/?p=a%20b", XXH64.hash("a%20b")), ("/?p=a=b", XXH64.hash("a=b")), ("/?q=p&p=bar", bar),
    ]

    @Test(arguments: queries)
    func `a query parameter hashes by its first value`(path: String, expected: UInt64?) {
        #expect(Self.hash([HashPolicy(.queryParameter("p"))], InMemoryRequest(path: path)) == expected)
    }

    @Test func `address, channel and filters' texts hash`() {
        let facts = HashPolicies.Facts(sourceAddress: "foo", channel: 7, filterState: ["k": "bar"])
        #expect(Self.hash([HashPolicy(.sourceAddress)], facts: facts) == Self.foo)
        #expect(Self.hash([HashPolicy(.channel)], facts: facts) == 7)
        #expect(Self.hash([HashPolicy(.filterState("k"))], facts: facts) == Self.bar)
        #expect(Self.hash([HashPolicy(.filterState("none"))], facts: facts) == nil)
        #expect(Self.hash([HashPolicy(.sourceAddress)], facts: HashPolicies.Facts(channel: 7)) == nil)
    }

    static let cookies: [([String], UInt64?)] = [
        (["c=foo"], foo), (["a=b; c=foo"], foo), (["a=b;  c=\"foo\"; d"], foo), (["a=b", "c=foo"], foo),
        (["xc=foo"], nil), (["c"], nil),
        (["c="], nil), ([], nil), (["C=foo"], nil), (["c=foo; c=bar"], foo), (["c=\""], XXH64.hash("\"")),
    ]

    @Test(arguments: cookies)
    func `a cookie hashes by its value`(fields: [String], expected: UInt64?) {
        let request = InMemoryRequest(headers: fields.map { ("cookie", $0) })
        #expect(Self.hash([HashPolicy(.cookie(HashPolicy.CookieSource("c")))], request) == expected)
    }

    /// `(source, what the caller is given)` for a cookie of the value `v`.
    static let made: [(HashPolicy.CookieSource, String)] = [
        (HashPolicy.CookieSource("c", lifetime: .zero), "c=\"v\"; HttpOnly"),
        (HashPolicy.CookieSource("c", lifetime: .seconds(7)), "c=\"v\"; Max-Age=7; HttpOnly"),
        (
            HashPolicy.CookieSource(
                "c",
                lifetime: .milliseconds(7999),
                path: "/p",
                attributes: [.init("SameSite", "Strict"), .init("Secure")]
            ), "c=\"v\"; Max-Age=7; Path=/p; SameSite=Strict; Secure; HttpOnly"
        ),
    ]

    @Test(arguments: made)
    func `a cookie that is missing is made and hashed`(source: HashPolicy.CookieSource, text: String) {
        let policies = HashPolicies([HashPolicy(.cookie(source))])
        let facts = HashPolicies.Facts(channel: 0)
        let outcome = policies.outcome(of: InMemoryRequest(), facts: facts, newCookieValue: { "v" })
        #expect(outcome == HashPolicies.Outcome(hash: XXH64.hash("v"), setCookies: [text]))
        let empty = InMemoryRequest(headers: [("cookie", "c=")])
        #expect(policies.outcome(of: empty, facts: facts, newCookieValue: { "v" }).setCookies == [text])
        let known = InMemoryRequest(headers: [("cookie", "c=foo")])
        #expect(policies.outcome(of: known, facts: facts, newCookieValue: { "v" }) == .init(hash: Self.foo))
        #expect(policies.hash(of: InMemoryRequest(), facts: facts) == nil)
    }

    @Test func `no cookie is made without a lifetime`() {
        let policies = HashPolicies([HashPolicy(.cookie(HashPolicy.CookieSource("c")))])
        let facts = HashPolicies.Facts(channel: 0)
        #expect(policies.outcome(of: InMemoryRequest(), facts: facts, newCookieValue: { "v" }) == .init())
    }

    @Test func `a made cookie is sixteen digits of the connection's hash`() {
        #expect(HashPolicies.cookieValue(for: "foo") == "33bf00a859c4ba3f")
        #expect(HashPolicies.cookieValue(for: "127.0.0.1:1127.0.0.1:2").utf8.count == 16)
    }

    @Test func `gRPC joins values, leaves binary ones out and knows headers and the channel only`() {
        let request = InMemoryRequest(
            path: "/?p=foo",
            headers: [
                ("x", "b"), ("x", "a"), ("x-bin", "foo"), ("cookie", "c=foo"), ("content-type", "application/grpc+x"),
            ]
        )
        #expect(Self.hash([Self.header("x")], request, semantics: .grpc) == XXH64.hash("b,a"))
        #expect(Self.hash([Self.header("x-bin")], request, semantics: .grpc) == nil)
        #expect(Self.hash([Self.header("content-type")], request, semantics: .grpc) == XXH64.hash("application/grpc"))
        #expect(Self.hash([HashPolicy(.channel)], request, semantics: .grpc) == 7)
        let cookie = HashPolicy(.cookie(HashPolicy.CookieSource("c")))
        #expect(Self.hash([cookie, HashPolicy(.queryParameter("p"))], request, semantics: .grpc) == nil)
        #expect(Self.hash([Self.header("x-bin")], request) == Self.foo)
    }
}
