// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting
import Testing

/// Requests that are made to cost, decided by a virtual host's tree.
@Suite(.timeLimit(.minutes(5))) struct MatcherTreeBoundsTests {
    typealias Tree = MatcherTree<Range<Int>>

    private static let megabyte = 1 << 20
    private static let found = Tree.Outcome(.action(0..<1))

    /// Whether the tree leads to the host's first route, and not to the second, which is for all else.
    private func isFound(_ root: Tree.Root, _ request: InMemoryRequest) throws -> Bool {
        let tree = Tree(root, otherwise: .init(.action(1..<2)))
        let fixture = try TableFixture([RouteMatch(), RouteMatch()], tree: tree)
        let route = fixture.route(request)
        #expect(fixture.table.trace(request, facts: RoutingFacts(random: 0)).chosen?.route == route)
        return route == 0
    }

    private func list(_ input: MatcherInput, _ matcher: StringMatcher) -> Tree.Root {
        .list([.init(.value(input, matcher), Self.found)])
    }

    @Test(arguments: TableBoundsTests.catastrophic.dropLast())
    func `an expression of exponential time elsewhere is answered`(pattern: String) throws {
        let matcher = StringMatcher(.regularExpression(try RegularExpression(pattern)))
        let (never, ever) = (String(repeating: "a", count: 4_096), String(repeating: "a", count: 60) + "b")
        for (value, expected) in [(never, false), (ever, true)] {
            let request = InMemoryRequest(path: "/?q=\(value)", headers: [("x", value)])
            #expect(try isFound(list(.header("x"), matcher), request) == expected)
            #expect(try isFound(list(.queryParameter("q"), matcher), request) == expected)
        }
    }

    @Test func `a header of a megabyte is looked up once, whatever the map`() throws {
        let long = String(repeating: "a", count: Self.megabyte)
        let request = InMemoryRequest(headers: [("x", long)])
        #expect(try isFound(.exact(.header("x"), [long: Self.found]), request))
        #expect(try !isFound(.exact(.header("x"), [long + "a": Self.found]), request))
        let keys = Dictionary(uniqueKeysWithValues: (1...500).map { (String(repeating: "a", count: $0), Self.found) })
        #expect(try isFound(.prefix(.header("x"), keys), request))
        #expect(try !isFound(.prefix(.header("x"), keys), InMemoryRequest(headers: [("x", "b" + long)])))
    }

    static let escapes: [(query: String, value: String)] = [
        ("a%2Fb", "a/b"), ("a%2fb", "a/b"), ("%", "%"), ("%%", "%%"), ("%2", "%2"), ("%zz", "%zz"), ("%%41", "%A"),
        ("%00", "\0"), ("%FF", "\u{FFFD}"), ("%c3%a9", "é"), ("%c3", "\u{FFFD}"), ("a+b", "a+b"), ("%252F", "%2F"),
        ("", ""),
    ]

    @Test(arguments: escapes)
    func `escapes of a query parameter are undone once where they are whole`(escape: (query: String, value: String))
        throws
    {
        let request = InMemoryRequest(path: "/?q=\(escape.query)&r=1")
        #expect(try isFound(.exact(.queryParameter("q"), [escape.value: Self.found]), request))
        #expect(try isFound(list(.queryParameter("q"), StringMatcher(.exact(escape.value))), request))
        let other = InMemoryRequest(path: "/?q=\(escape.query)x&r=1")
        #expect(try !isFound(.exact(.queryParameter("q"), [escape.value: Self.found]), other))
    }

    @Test func `a query parameter of a megabyte of escapes is undone once`() throws {
        let request = InMemoryRequest(path: "/?q=" + String(repeating: "%41", count: Self.megabyte / 3))
        let value = String(repeating: "A", count: Self.megabyte / 3)
        #expect(try isFound(.exact(.queryParameter("q"), [value: Self.found]), request))
        let signs = InMemoryRequest(path: "/?q=" + String(repeating: "%", count: Self.megabyte))
        #expect(try !isFound(.exact(.queryParameter("q"), [value: Self.found]), signs))
    }

    @Test func `texts that look the same and are other bytes are other keys`() throws {
        let composed: Tree.Root = .exact(.header("x"), ["é": Self.found])
        #expect(try isFound(composed, InMemoryRequest(headers: [("x", "é")])))
        #expect(try !isFound(composed, InMemoryRequest(headers: [("x", "e\u{301}")])))
        let broken = String(decoding: [0x61, 0xFF] as [UInt8], as: UTF8.self)
        #expect(
            try isFound(.prefix(.header("x"), ["a\u{FFFD}": Self.found]), InMemoryRequest(headers: [("x", broken)]))
        )
    }

    @Test func `an authority that is empty or missing is an input like others`() throws {
        let host: Tree.Root = .exact(.header(":authority"), ["": Self.found])
        #expect(try isFound(host, InMemoryRequest(authority: "")))
        #expect(try !isFound(host, InMemoryRequest(authority: nil)))
        #expect(try !isFound(host, InMemoryRequest(authority: "h")))
    }

    @Test func `trees as deep as documents may nest are followed`() throws {
        var tree = Tree(list(.header("x"), StringMatcher(.exact("a"))))
        for _ in 0..<100 {
            tree = Tree(
                .list([.init(.not(.not(.value(.header("x"), StringMatcher(.prefix("a"))))), .init(.tree(tree)))])
            )
        }
        #expect(try isFound(tree.root, InMemoryRequest(headers: [("x", "a")])))
        #expect(try !isFound(tree.root, InMemoryRequest(headers: [("x", "ab")])))
    }
}
