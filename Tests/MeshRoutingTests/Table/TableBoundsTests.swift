// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting
import Testing

/// Requests that are made to cost, decided by a whole table: each condition meets each bad input once, among routes that
/// the index leads past. The answers are defined, and a whole suite of them takes no longer than one bad search would.
@Suite(.timeLimit(.minutes(5))) struct TableBoundsTests {
    private static let megabyte = 1 << 20

    /// The number of the route that takes the request, out of some that do not and one with the conditions, which is 8;
    /// 9 for all that it leaves.
    private func route(_ match: RouteMatch, _ request: InMemoryRequest, facts: RoutingFacts? = nil) throws -> Int? {
        let others = (0..<8).map { RouteMatch(path: PathMatcher(.exact("/other/\($0)"))) }
        let fixture = try TableFixture(others + [match, RouteMatch(path: PathMatcher(.prefix("")))])
        let facts = facts ?? RoutingFacts(random: 0)
        let decided = fixture.route(request, facts: facts)
        // Why it was decided so is told within bounds, too.
        let trace = fixture.table.trace(request, facts: facts)
        #expect(trace.chosen?.route == decided)
        #expect(trace.passedOver.allSatisfy { $0.mismatch.description.utf8.count < 1_000 })
        return decided
    }

    // MARK: Regular expressions

    static let catastrophic = [
        "(a+)+b", "(a|a)*b", "(a*)*b", "(a|aa)+b", "(.*a){12}b", "(?:a?){40}a{40}b", "(x+x+)+y|(a+)+b",
    ]

    @Test(arguments: catastrophic)
    func `an expression of exponential time elsewhere is answered wherever it may stand`(pattern: String) throws {
        let expression = try RegularExpression(pattern)
        let matcher = StringMatcher(.regularExpression(expression))
        // Debug builds simulate slowly what has no small automaton; backtracking would not end at a hundred.
        let (never, ever) = (String(repeating: "a", count: 4_096), String(repeating: "a", count: 60) + "b")
        for (value, expected) in [(never, 9), (ever, 8)] {
            let facts = RoutingFacts(random: 0, metadata: ["f": .fields(["k": .text(value)])])
            let requests: [(RouteMatch, InMemoryRequest)] = [
                (
                    RouteMatch(path: PathMatcher(.regularExpression(try RegularExpression("/\(pattern)")))),
                    InMemoryRequest(path: "/" + value)
                ),
                (RouteMatch(headers: [HeaderMatcher("x", .value(matcher))]), InMemoryRequest(headers: [("x", value)])),
                (
                    RouteMatch(queryParameters: [QueryParameterMatcher("q", .value(matcher))]),
                    InMemoryRequest(path: "/?q=\(value)")
                ),
                (
                    RouteMatch(cookies: [CookieMatcher("c", matcher)]),
                    InMemoryRequest(headers: [("cookie", "c=\(value)")])
                ),
                (
                    RouteMatch(metadata: [MetadataMatcher(filter: "f", path: ["k"], .text(matcher))]),
                    InMemoryRequest()
                ),
            ]
            for (match, request) in requests where pattern != "(x+x+)+y|(a+)+b" || match.path == .any {
                #expect(try route(match, request, facts: facts) == expected, "\(pattern) \(match)")
            }
        }
    }

    @Test func `a template is answered on a path of a megabyte`() throws {
        let match = RouteMatch(path: PathMatcher(.template(try PathTemplate("/{a}/{b}/{rest=**}"))))
        let segments = String(repeating: "/aaaaaaa", count: Self.megabyte / 8)
        #expect(try route(match, InMemoryRequest(path: segments)) == 8)
        #expect(try route(match, InMemoryRequest(path: segments + "\u{1}")) == 9)
    }

    // MARK: A megabyte of header

    static let long = String(repeating: "a", count: megabyte)
    static let conditions: [(HeaderMatcher.Condition, isMet: Bool)] = [
        (.value(StringMatcher(.exact(long))), true), (.value(StringMatcher(.exact(long + "b"))), false),
        (.value(StringMatcher(.prefix("aa"))), true), (.value(StringMatcher(.prefix("ab"))), false),
        (.value(StringMatcher(.suffix("aa"))), true), (.value(StringMatcher(.suffix("ba"))), false),
        (.value(StringMatcher(.contains(String(repeating: "a", count: 512) + "b"))), false),
        (.value(StringMatcher(.contains("aaaa"), ignoresCase: true)), true),
        (.value(StringMatcher(.exact(long.uppercased()), ignoresCase: true)), true),
        (.range(start: 0, end: 9), false), (.present(true), true), (.present(false), false),
    ]

    @Test(arguments: 0..<conditions.count)
    func `every condition on a header is asked of a megabyte`(position: Int) throws {
        let (condition, isMet) = Self.conditions[position]
        let request = InMemoryRequest(headers: [("x", Self.long)])
        for isInverted in [false, true] {
            let match = RouteMatch(headers: [HeaderMatcher("x", condition, isInverted: isInverted)])
            #expect(try route(match, request) == (isMet != isInverted ? 8 : 9))
        }
    }

    @Test func `an expression is asked of a header of a megabyte`() throws {
        let match = RouteMatch(
            headers: [HeaderMatcher("x", .value(StringMatcher(.regularExpression(try RegularExpression("a*")))))]
        )
        #expect(try route(match, InMemoryRequest(headers: [("x", Self.long)])) == 8)
        #expect(try route(match, InMemoryRequest(headers: [("x", Self.long + "b")])) == 9)
    }

    @Test func `a number of a megabyte is none, and blanks around one are left aside`() throws {
        let match = RouteMatch(headers: [HeaderMatcher("x", .range(start: 0, end: 9))])
        let zeros = String(repeating: "0", count: Self.megabyte)
        #expect(try route(match, InMemoryRequest(headers: [("x", zeros + "7")])) == 8)
        #expect(try route(match, InMemoryRequest(headers: [("x", "9" + zeros)])) == 9)
        #expect(
            try route(match, InMemoryRequest(headers: [("x", String(repeating: " ", count: Self.megabyte) + "7")])) == 8
        )
    }

    @Test func `many lines of one header are asked one by one, and many headers not at all`() throws {
        let match = RouteMatch(headers: [HeaderMatcher("x", .value(StringMatcher(.exact("last"))))])
        let lines = (0..<20_000).map { (name: HeaderName("x"), value: "\($0)") }
        #expect(try route(match, InMemoryRequest(headers: lines)) == 9)
        #expect(try route(match, InMemoryRequest(headers: lines + [("x", "last")])) == 8)
        let others = (0..<20_000).map { (name: HeaderName("x-\($0)"), value: "last") }
        #expect(try route(match, InMemoryRequest(headers: others)) == 9)
    }

    @Test func `a cookie is found behind a megabyte of others, and in no value`() throws {
        let match = RouteMatch(cookies: [CookieMatcher("id", StringMatcher(.exact("7")))])
        let crumbs = String(repeating: "a=b; ", count: Self.megabyte / 5)
        #expect(try route(match, InMemoryRequest(headers: [("cookie", crumbs + "id=7")])) == 8)
        #expect(try route(match, InMemoryRequest(headers: [("cookie", crumbs + "a=id=7")])) == 9)
        for odd in [";", "=", "id", "id=", "\"", "id=\"", "id=\"7", ";;;id=7;;;"] {
            #expect(
                try route(match, InMemoryRequest(headers: [("cookie", odd)])) == (odd == ";;;id=7;;;" ? 8 : 9),
                "\(odd)"
            )
        }
    }

    @Test func `a query parameter is found behind many thousands of others`() throws {
        let match = RouteMatch(queryParameters: [QueryParameterMatcher("id", .value(StringMatcher(.exact("7"))))])
        let others = String(repeating: "a=b&", count: Self.megabyte / 32)
        #expect(try route(match, InMemoryRequest(path: "/?\(others)id=7")) == 8)
        #expect(try route(match, InMemoryRequest(path: "/?\(others)aid=7")) == 9)
        let separators = String(repeating: "&", count: Self.megabyte / 16)
        #expect(try route(match, InMemoryRequest(path: "/?\(separators)id=7")) == 8)
        #expect(try route(match, InMemoryRequest(path: "/" + String(repeating: "?", count: Self.megabyte))) == 9)
    }

    // MARK: Bytes

    /// What comes of bytes that are no UTF-8, wherever adapters make strings of them.
    private static let broken = String(
        decoding: [0x61, 0xFF, 0xC0, 0x80, 0xED, 0xA0, 0x80, 0x62] as [UInt8],
        as: UTF8.self
    )

    @Test func `bytes that are no UTF-8 arrive as replacement characters, and are compared as those`() throws {
        let matcher = StringMatcher(.exact(Self.broken))
        let facts = RoutingFacts(random: 0, metadata: ["f": .fields(["k": .text(Self.broken)])])
        let matches: [RouteMatch] = [
            RouteMatch(headers: [HeaderMatcher("x", .value(matcher))]),
            RouteMatch(queryParameters: [QueryParameterMatcher("q", .value(matcher))]),
            RouteMatch(cookies: [CookieMatcher("c", matcher)]),
            RouteMatch(metadata: [MetadataMatcher(filter: "f", path: ["k"], .text(matcher))]),
            RouteMatch(path: PathMatcher(.prefix("/\(Self.broken)"))),
        ]
        let request = InMemoryRequest(
            path: "/\(Self.broken)?q=\(Self.broken)",
            headers: [("x", Self.broken), ("cookie", "c=\(Self.broken)")]
        )
        for match in matches { #expect(try route(match, request, facts: facts) == 8, "\(match)") }
        let clean = InMemoryRequest(path: "/ab?q=ab", headers: [("x", "ab"), ("cookie", "c=ab")])
        for match in matches { #expect(try route(match, clean) == 9, "\(match)") }
    }

    @Test func `an expression takes a replacement character for one character, and a zero byte for any other`() throws {
        let expression = try RegularExpression("a.{1,8}b")
        let match = RouteMatch(headers: [HeaderMatcher("x", .value(StringMatcher(.regularExpression(expression))))])
        #expect(try route(match, InMemoryRequest(headers: [("x", Self.broken)])) == 8)
        #expect(try route(match, InMemoryRequest(headers: [("x", "a\0b")])) == 8)
        #expect(try route(match, InMemoryRequest(headers: [("x", "a\n\u{2028}")])) == 9)
    }

    static let escapes = ["%", "%%", "%2", "%zz", "%00", "%FF", "%2F", "%2f", "%c3%a9", "+", "%252F"]

    @Test(arguments: escapes)
    func `an escape stands for itself in paths, query parameters, cookies and headers`(escape: String) throws {
        let matcher = StringMatcher(.exact("a\(escape)b"))
        let matches = [
            RouteMatch(path: PathMatcher(.exact("/a\(escape)b"))),
            RouteMatch(queryParameters: [QueryParameterMatcher("q", .value(matcher))]),
            RouteMatch(cookies: [CookieMatcher("c", matcher)]),
            RouteMatch(headers: [HeaderMatcher("x", .value(matcher))]),
        ]
        func request(_ text: String) -> InMemoryRequest {
            InMemoryRequest(path: "/\(text)?q=\(text)", headers: [("x", text), ("cookie", "c=\(text)")])
        }
        for match in matches {
            #expect(try route(match, request("a\(escape)b")) == 8)
            for other in ["a/b", "a b", "ab", "a\(escape)%62"] { #expect(try route(match, request(other)) == 9) }
        }
    }

    // MARK: Dot segments, empty paths and authorities

    @Test func `dot segments and slashes in a row are segments like others`() throws {
        for path in ["/a/..", "/a/../b", "/a/./b", "//", "/a//b", "/..", "/...", "/%2e%2e/b", "/a/..;x"] {
            let match = RouteMatch(path: PathMatcher(.separatedPrefix(path)))
            #expect(try route(match, InMemoryRequest(path: path)) == 8, "\(path)")
            #expect(try route(match, InMemoryRequest(path: path + "/more?x")) == 8, "\(path)")
            #expect(try route(match, InMemoryRequest(path: "/b")) == 9, "\(path)")
        }
        let below = RouteMatch(path: PathMatcher(.prefix("/public/")))
        #expect(try route(below, InMemoryRequest(path: "/public/../private")) == 8)
        let dots = String(repeating: "/..", count: Self.megabyte / 3)
        #expect(try route(below, InMemoryRequest(path: dots)) == 9)
        #expect(try route(below, InMemoryRequest(path: "/public" + dots)) == 8)
    }

    @Test func `a path that is empty, a star or an URL leads to routes that say so`() throws {
        let root = RouteMatch(path: PathMatcher(.exact("/")))
        #expect(try route(root, InMemoryRequest(path: "")) == 8)
        #expect(try route(root, InMemoryRequest(path: "?a=b")) == 9)
        #expect(try route(root, InMemoryRequest(method: "OPTIONS", path: "*")) == 9)
        #expect(try TableFixture([RouteMatch()]).route(InMemoryRequest(method: "OPTIONS", path: "*")) == nil)
        #expect(try TableFixture([RouteMatch()]).route(InMemoryRequest(path: "http://h/")) == nil)
        #expect(try route(RouteMatch(path: PathMatcher(.exact("*"))), InMemoryRequest(path: "*")) == 8)
    }

    @Test func `parameters of a path of a megabyte are taken out of it once`() throws {
        let matches = (0..<8).map { RouteMatch(path: PathMatcher(.exact("/other/\($0)"))) }
        let fixture = try TableFixture(
            matches + [RouteMatch(path: PathMatcher(.exact("/a/b")))],
            options: .init(ignoresPathParameters: true)
        )
        let parameters = String(repeating: ";x=y", count: Self.megabyte / 4)
        #expect(fixture.route(InMemoryRequest(path: "/a\(parameters)/b\(parameters)")) == 8)
        #expect(fixture.route(InMemoryRequest(path: "/a\(parameters)/c")) == nil)
        #expect(fixture.route(InMemoryRequest(path: "/a/b" + String(repeating: ";", count: Self.megabyte))) == 8)
    }

    static let authorities: [String?] = [
        nil, "", " ", ".", "..", "*", "*.h", ":", ":80", "h:", "h:99999999999999999999", "[", "]", "[]", "[::1", "::1",
        "h\0", "h/", "h%2e", "ｈ", broken, "h,h", "user@h",
    ]

    @Test(arguments: authorities)
    func `an authority that is empty or none leads nowhere but to the host of all`(authority: String?) throws {
        let domains: [DomainPattern] = [.exact("h"), .suffix(".h"), .prefix("x.")]
        let request = InMemoryRequest(authority: authority)
        for ignoresPort in [false, true] {
            // Without its port, `h:` is `h`.
            let isServed = ignoresPort && authority?.hasPrefix("h:") == true || authority == "*.h"
            let closed = try TableFixture([RouteMatch()], domains: domains, options: .init(ignoresPort: ignoresPort))
            if case .noHost = closed.table.decide(request, facts: RoutingFacts(random: 0)) {
                #expect(!isServed)
            } else {
                #expect(isServed)
            }
            #expect(closed.table.trace(request, facts: RoutingFacts(random: 0)).host == (isServed ? "h" : nil))
            let open = try TableFixture(
                [RouteMatch()],
                domains: domains + [.any],
                options: .init(ignoresPort: ignoresPort)
            )
            #expect(open.route(request) == 0)
        }
    }

    @Test func `an authority of a megabyte is compared with each length of wildcards once`() throws {
        let domains = (1...200).flatMap { length -> [DomainPattern] in
            let text = String(repeating: "b", count: length)
            return [.suffix("." + text), .prefix(text + ".")]
        }
        let fixture = try TableFixture([RouteMatch()], domains: domains)
        let long = String(repeating: "a.", count: Self.megabyte / 2)
        #expect(fixture.route(InMemoryRequest(authority: long)) == nil)
        #expect(fixture.route(InMemoryRequest(authority: long + String(repeating: "b", count: 200))) == 0)
        #expect(fixture.route(InMemoryRequest(authority: "b." + long)) == 0)
    }
}
