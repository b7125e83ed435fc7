// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting
import Testing

/// The answers are those of a real Envoy 1.40 to the same trees as a virtual host's matcher.
@Suite struct MatcherTreeTests {
    typealias Tree = MatcherTree<String>

    private static func act(_ action: String, keepsMatching: Bool = false) -> Tree.Outcome {
        Tree.Outcome(.action(action), keepsMatching: keepsMatching)
    }

    /// A tree that decides by the header `y`.
    private static func sub(_ key: String, _ action: String, otherwise: String? = nil) -> Tree.Outcome {
        Tree.Outcome(.tree(Tree(.exact(.header("y"), [key: act(action)]), otherwise: otherwise.map { act($0) })))
    }

    private static func x(_ pattern: StringMatcher.Pattern) -> MatcherPredicate {
        .value(.header("x"), StringMatcher(pattern))
    }

    private static let exact = Tree(
        .exact(.header("x"), ["a": act("A"), "b": sub("1", "B1"), "c": act("C")]),
        otherwise: act("none")
    )
    private static let prefix = Tree(
        .prefix(
            .header("x"),
            ["a": act("A"), "ab": sub("1", "AB1"), "abc": act("ABC"), "b": sub("1", "B1", otherwise: "Bother")]
        ),
        otherwise: act("none")
    )
    private static let list = Tree(
        .list([
            .init(x(.exact("a")), sub("1", "A1")), .init(x(.prefix("a")), act("k")),
            .init(.not(x(.exact("z"))), act("notz")),
        ]),
        otherwise: act("none")
    )
    private static let combined = Tree(
        .list([
            .init(.all([x(.exact("a")), .value(.header("y"), StringMatcher(.exact("1")))]), act("and")),
            .init(.any([x(.exact("b")), .value(.header("y"), StringMatcher(.exact("2")))]), act("or")),
        ])
    )

    static let rows: [(Tree, x: String?, y: String?, String?)] = [
        (exact, "a", nil, "A"), (exact, "b", nil, "none"), (exact, "b", "1", "B1"), (exact, "b", "2", "none"),
        (exact, nil, "1", "none"), (exact, "ab", nil, "none"), (exact, "", nil, "none"), (exact, "a,b", nil, "none"),
        (prefix, "a", nil, "A"), (prefix, "ab", nil, "A"), (prefix, "ab", "1", "AB1"), (prefix, "abc", "1", "ABC"),
        (prefix, "abcd", nil, "ABC"), (prefix, "b", nil, "Bother"), (prefix, "b", "1", "B1"),
        (prefix, "z", nil, "none"),
        (prefix, "", nil, "none"), (prefix, nil, nil, "none"), (list, "a", nil, "k"), (list, "a", "1", "A1"),
        (list, "abc", nil, "k"), (list, "z", nil, "none"), (list, nil, nil, "notz"), (list, "", "1", "notz"),
        (combined, "a", "1", "and"), (combined, "a", nil, nil), (combined, nil, "2", "or"), (combined, "b", "1", "or"),
        (combined, nil, nil, nil),
    ]

    @Test(arguments: rows)
    func `a tree decides as Envoy's does`(tree: Tree, x: String?, y: String?, expected: String?) {
        var headers: [(name: HeaderName, value: String)] = []
        if let x { headers.append(("x", x)) }
        if let y { headers.append(("y", y)) }
        #expect(tree.firstAction(InMemoryRequest(headers: headers), facts: RoutingFacts(random: 0)) == expected)
    }

    @Test func `what keeps matching is left aside, and the search goes on behind it`() {
        let facts = RoutingFacts(random: 0)
        let request = InMemoryRequest(headers: [("x", "ab")])
        let list = Tree(
            .list([
                .init(Self.x(.prefix("a")), Self.act("1", keepsMatching: true)),
                .init(Self.x(.prefix("a")), Self.act("2")),
            ])
        )
        #expect(list.firstAction(request, facts: facts) == "2")
        let prefix = Tree(.prefix(.header("x"), ["ab": Self.act("1", keepsMatching: true), "a": Self.act("2")]))
        #expect(prefix.firstAction(request, facts: facts) == "2")
        let other = Tree(.list([]), otherwise: Self.act("1", keepsMatching: true))
        #expect(other.firstAction(request, facts: facts) == nil)
    }

    @Test func `query parameters are decoded, and the caller's address is known or absent`() {
        let query = Tree(.exact(.queryParameter("q"), ["a b": Self.act("found"), "%zz": Self.act("odd")]))
        let facts = RoutingFacts(random: 0, sourceAddress: "10.0.0.1")
        #expect(query.firstAction(InMemoryRequest(path: "/?q=a%20b"), facts: facts) == "found")
        #expect(query.firstAction(InMemoryRequest(path: "/?q=%zz"), facts: facts) == "odd")
        #expect(query.firstAction(InMemoryRequest(path: "/?r"), facts: facts) == nil)
        let address = Tree(.prefix(.sourceAddress, ["10.": Self.act("inside")]))
        #expect(address.firstAction(InMemoryRequest(), facts: facts) == "inside")
        #expect(address.firstAction(InMemoryRequest(), facts: RoutingFacts(random: 0)) == nil)
    }

    @Test func `a virtual host's tree leads to routes whose own conditions must hold too`() throws {
        let tree = MatcherTree<Range<Int>>(
            .exact(.header("x"), ["a": .init(.action(0..<2)), "b": .init(.action(2..<3))]),
            otherwise: .init(.action(3..<4))
        )
        let fixture = try TableFixture(
            [
                RouteMatch(path: PathMatcher(.exact("/1"))), RouteMatch(), RouteMatch(path: PathMatcher(.exact("/2"))),
                RouteMatch(path: PathMatcher(.prefix("/3"))),
            ],
            tree: tree
        )
        #expect(fixture.route(InMemoryRequest(path: "/1", headers: [("x", "a")])) == 0)
        #expect(fixture.route(InMemoryRequest(path: "/2", headers: [("x", "a")])) == 1)
        #expect(fixture.route(InMemoryRequest(path: "/1", headers: [("x", "b")])) == nil)
        #expect(fixture.route(InMemoryRequest(path: "/3")) == 3)
        let trace = fixture.table.trace(
            InMemoryRequest(path: "/1", headers: [("x", "b")]),
            facts: RoutingFacts(random: 0)
        )
        #expect(trace.chosen == nil)
        #expect(
            trace.passedOver.map(\.mismatch.description) == [
                "the virtual host's matcher does not lead to it", "the virtual host's matcher does not lead to it",
                #"path: is "/1", must be exactly "/2""#, "the virtual host's matcher does not lead to it",
            ]
        )
    }

    @Test func `a range that leaves the list of routes leads to those that are there`() throws {
        let tree = MatcherTree<Range<Int>>(.list([]), otherwise: .init(.action(-5..<99)))
        #expect(try TableFixture([RouteMatch()], tree: tree).route() == 0)
        let empty = MatcherTree<Range<Int>>(.list([]), otherwise: .init(.action(7..<9)))
        #expect(try TableFixture([RouteMatch()], tree: empty).route() == nil)
    }

    @Test func `a mapped tree decides the same`() {
        let mapped = Self.prefix.map { (action: String) -> Int in action.utf8.count }
        let request = InMemoryRequest(headers: [("x", "abcd")])
        #expect(mapped.firstAction(request, facts: RoutingFacts(random: 0)) == 3)
    }
}
