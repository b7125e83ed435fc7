// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting
import Testing

@Suite struct CompiledHeaderMutationsTests {
    static func add(
        _ name: HeaderName,
        _ value: String,
        _ action: HeaderAddition.Action = .appendIfExistsOrAdd,
        keepsEmpty: Bool = false
    ) throws -> HeaderAddition {
        HeaderAddition(name, try HeaderFormat(value), action: action, keepsEmptyValue: keepsEmpty)
    }

    static func level(_ name: String) throws -> HeaderMutations {
        let additions = try [add("o", name), add("s", name, .overwriteIfExistsOrAdd)]
        return HeaderMutations(requestAdditions: additions, responseAdditions: additions)
    }

    /// Both orders as a real Envoy 1.40 has them.
    @Test(arguments: [
        (false, ["cluster", "route", "vhost", "table"]), (true, ["cluster", "table", "vhost", "route"]),
    ])
    func `the share comes first, then the levels in the order that was asked for`(wins: Bool, order: [String]) throws {
        let changes = CompiledHeaderMutations(
            share: try Self.level("cluster"),
            route: try Self.level("route"),
            virtualHost: try Self.level("vhost"),
            table: try Self.level("table"),
            mostSpecificHeadersWin: wins
        )
        var request = InMemoryRequest()
        changes.apply(to: &request, facts: FormatFacts())
        #expect(request.values(of: "o") == order)
        #expect(request.values(of: "s") == order.suffix(1))
        var response = LocalReply(status: 200)
        changes.apply(to: &response, request: request, facts: FormatFacts())
        #expect(response.values(of: "o") == order)
        #expect(response.values(of: "s") == order.suffix(1))
    }

    /// `(what it adds, what the request has, what it has then)` of a header `x`.
    static let actions: [(HeaderAddition.Action, [String], [String])] = [
        (.appendIfExistsOrAdd, ["old"], ["old", "new"]), (.appendIfExistsOrAdd, [], ["new"]),
        (.addIfAbsent, ["old"], ["old"]), (.addIfAbsent, [], ["new"]), (.overwriteIfExistsOrAdd, ["a", "b"], ["new"]),
        (.overwriteIfExistsOrAdd, [], ["new"]), (.overwriteIfExists, ["old"], ["new"]), (.overwriteIfExists, [], []),
    ]

    @Test(arguments: actions)
    func `an addition heeds what is there`(
        action: HeaderAddition.Action,
        before: [String],
        after: [String]
    ) throws {
        let changes = CompiledHeaderMutations([HeaderMutations(requestAdditions: [try Self.add("x", "new", action)])])
        var request = InMemoryRequest(headers: before.map { ("x", $0) })
        changes.apply(to: &request, facts: FormatFacts())
        #expect(request.values(of: "x") == after)
    }

    /// As a real Envoy 1.40 does.
    @Test func `a level removes, then looks and makes its values, then replaces, then adds`() throws {
        let changes = CompiledHeaderMutations([
            HeaderMutations(
                requestAdditions: try [
                    Self.add("twice", "1", .addIfAbsent), Self.add("twice", "2", .addIfAbsent),
                    Self.add("ow", "1", .overwriteIfExistsOrAdd), Self.add("ow", "2", .overwriteIfExistsOrAdd),
                    Self.add("mix", "a"), Self.add("mix", "b", .overwriteIfExistsOrAdd), Self.add("readd", "r"),
                    Self.add("sees", "%REQ(readd)%|%REQ(ow)%|%REQ(gone)%"),
                ],
                requestRemovals: ["readd", "Gone"]
            )
        ])
        var request = InMemoryRequest(headers: [("ow", "0"), ("readd", "old"), ("gone", "g")])
        changes.apply(to: &request, facts: FormatFacts())
        #expect(request.values(of: "twice") == ["1", "2"])
        #expect(request.values(of: "ow") == ["2"])
        #expect(request.values(of: "mix") == ["b", "a"])
        #expect(request.values(of: "readd") == ["r"])
        #expect(request.values(of: "sees") == ["|0|"])
        #expect(request.values(of: "gone") == [])
    }

    @Test func `a level sees what the one before it left`() throws {
        let changes = CompiledHeaderMutations([
            HeaderMutations(requestAdditions: [try Self.add("a", "1")]),
            HeaderMutations(requestAdditions: [try Self.add("b", "<%REQ(a)%>")], requestRemovals: ["a"]),
            HeaderMutations(requestAdditions: [try Self.add("c", "<%REQ(a)%%REQ(b)%>")]),
        ])
        var request = InMemoryRequest()
        changes.apply(to: &request, facts: FormatFacts())
        #expect(request.headers.map(\.value) == ["<>", "<<>>"])
    }

    @Test func `an empty value is added only where that was asked for`() throws {
        let changes = CompiledHeaderMutations([
            HeaderMutations(
                requestAdditions: try [
                    Self.add("a", ""), Self.add("b", "", keepsEmpty: true), Self.add("c", "%REQ(none)%"),
                    Self.add("d", "%REQ(none)%", keepsEmpty: true), Self.add("e", "", .overwriteIfExistsOrAdd),
                    Self.add("f", "", .overwriteIfExistsOrAdd, keepsEmpty: true),
                ]
            )
        ])
        var request = InMemoryRequest(headers: [("e", "was"), ("f", "was")])
        changes.apply(to: &request, facts: FormatFacts())
        #expect(request.headers.map { "\($0.name)=\($0.value)" }.sorted() == ["b=", "d=", "e=was", "f="])
    }

    @Test func `formats of responses read both heads`() throws {
        let changes = CompiledHeaderMutations([
            HeaderMutations(
                responseAdditions: [try Self.add("x", "%REQ(:PATH)% %RESP(:STATUS)% %RESP(server)% %ROUTE_NAME%")],
                responseRemovals: ["server"]
            )
        ])
        var facts = FormatFacts()
        facts.routeName = "r"
        var response = InMemoryResponse(404, headers: ["server": "s"])
        changes.apply(to: &response, request: InMemoryRequest(path: "/a"), facts: facts)
        // The server's name is gone before the value is made.
        #expect(response.headers == ["x": "/a 404  r"])
    }

    @Test func `no change is no change`() {
        #expect(CompiledHeaderMutations.none.isEmpty)
        #expect(CompiledHeaderMutations([.none, .none]).isEmpty)
        let removal = CompiledHeaderMutations([HeaderMutations(responseRemovals: ["a"])])
        #expect(!removal.changesRequests && removal.changesResponses)
    }

    static let refused: [(HeaderMutations, String)] = [
        (HeaderMutations(requestRemovals: ["a", "Host"]), "requestRemovals[1]"),
        (HeaderMutations(requestRemovals: [":path"]), "requestRemovals[0]"),
        (HeaderMutations(responseRemovals: [":status"]), "responseRemovals[0]"),
        (HeaderMutations(responseRemovals: [""]), "responseRemovals[0]"),
        (
            HeaderMutations(requestAdditions: [HeaderAddition("host", HeaderFormat(literal: "x"))]),
            "requestAdditions[0].name"
        ),
        (
            HeaderMutations(responseAdditions: [HeaderAddition(":x", HeaderFormat(literal: "x"))]),
            "responseAdditions[0].name"
        ),
        (
            HeaderMutations(requestAdditions: [HeaderAddition("a b", HeaderFormat(literal: "x"))]),
            "requestAdditions[0].name"
        ),
    ]

    @Test(arguments: refused)
    func `names that rewrites own, and names that are none, are refused`(mutations: HeaderMutations, path: String) {
        let error = #expect(throws: ConfigurationError.self) { try mutations.validate() }
        #expect(error?.problems.map(\.path) == [path])
    }
}
