// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@testable import MeshXDS

@Suite("The server's stream by the incremental protocol")
struct IncrementalServerStreamTests {
    static let world = ADSServerStreamStateMachineTests.world

    /// The version of a resource that is made of a text.
    static func version(_ text: String) -> String {
        EncodedResource(name: "", packed: PackedResource(typeURL: "t", bytes: Array(text.utf8))).versionText
    }

    @Test(
        "a first request that names nothing, or an asterisk, gets everything",
        arguments: [[], ["*"]] as [Set<String>]
    )
    func wildcard(_ names: Set<String>) {
        var client = ScriptedClient(.incremental, Self.world)
        #expect(client.open([.cluster: names]).lines == ["CDS a b"])
        let next = ServedOffer("2", [.cluster: ["a": "a", "b": "b2", "c": "c"]])
        #expect(client.offer(next).lines == ["CDS b2 c"])
    }

    @Test("everything is answered even if there is nothing, so that a client can start", arguments: [[], ["*"]])
    func emptyWildcard(_ names: Set<String>) {
        var client = ScriptedClient(.incremental, ServedOffer("1", [:]))
        #expect(client.ask(.listener, adding: names).responses.lines == ["LDS"])
    }

    @Test("one endpoint that changes sends one resource")
    func oneChange() {
        var texts: [String: String] = [:]
        for number in 0..<1000 { texts["e\(number)"] = "v\(number)" }
        var client = ScriptedClient(.incremental, ServedOffer("1", [.endpointAssignment: texts]))
        client.open([.endpointAssignment: Set(texts.keys)])
        texts["e7"] = "other"
        let responses = client.offer(ServedOffer("2", [.endpointAssignment: texts]))
        #expect(responses.lines == ["EDS other"])
        #expect(responses.first?.version == "2")
    }

    @Test("a name that does not exist is said to be gone, once")
    func missing() {
        var client = ScriptedClient(.incremental, Self.world)
        #expect(client.open([.endpointAssignment: ["a", "x"]]).lines == ["EDS ea -x"])
        #expect(client.offer(Self.world) == [])
        let later = client.offer(ServedOffer("2", [.endpointAssignment: ["a": "ea", "x": "ex"]]))
        #expect(later.lines == ["EDS ex"])
        client.settle(later)
        #expect(client.offer(ServedOffer("3", [.endpointAssignment: ["x": "ex"]])).lines == ["EDS -a"])
    }

    @Test("a client that comes back says what it has, and gets the difference")
    func resumption() {
        var client = ScriptedClient(.incremental, Self.world)
        let versions = ["a": Self.version("a"), "b": Self.version("old"), "z": Self.version("z"), "y": "not ours"]
        let responses = client.ask(.cluster, adding: [], versions: versions).responses
        #expect(responses.lines == ["CDS b -y -z"])
        client.settle(responses)
        #expect(client.machine.appliedVersion == "1")
        // Whoever has everything still gets an answer: it says so.
        var other = ScriptedClient(.incremental, Self.world)
        let current = ["a": Self.version("a"), "b": Self.version("b")]
        #expect(other.ask(.cluster, adding: ["*"], versions: current).responses.lines == ["CDS"])
        #expect(other.ask(.endpointAssignment, adding: ["a"], versions: ["a": Self.version("ea")]).responses == [])
    }

    @Test("while the control plane warms up, a client that has something gets nothing")
    func warming() {
        var warming = Self.world
        warming.isWarming = true
        var client = ScriptedClient(.incremental, warming)
        #expect(client.ask(.cluster, adding: [], versions: ["z": "1"]).responses == [])
        #expect(client.offer(Self.world).lines == ["CDS a b -z"])
    }

    @Test("names that are let go of are forgotten, and asked for again are sent again")
    func unsubscription() {
        var client = ScriptedClient(.incremental, Self.world)
        client.open([.endpointAssignment: ["a", "b"]])
        #expect(client.ask(.endpointAssignment, adding: [], dropping: ["a"]) == .init())
        #expect(client.offer(ServedOffer("2", [.endpointAssignment: ["a": "new", "b": "eb"]])) == [])
        #expect(client.ask(.endpointAssignment, adding: ["a"]).responses.lines == ["EDS new"])
    }

    @Test("a name that is asked for again is sent again, the same or not")
    func repeatedSubscription() {
        var client = ScriptedClient(.incremental, Self.world)
        client.open([.endpointAssignment: ["a"]])
        #expect(client.ask(.endpointAssignment, adding: ["a"]).responses.lines == ["EDS ea"])
    }

    @Test("a name that is let go of beside an asterisk is sent again, or said to be gone")
    func unsubscriptionBesideWildcard() {
        var client = ScriptedClient(.incremental, Self.world)
        client.open([.listener: ["*", "l", "x"]])
        #expect(client.ask(.listener, adding: [], dropping: ["l", "x"]).responses.lines == ["LDS l -x"])
    }

    @Test("after the asterisk is let go of, only names count")
    func unsubscriptionFromWildcard() {
        var client = ScriptedClient(.incremental, Self.world)
        client.open([.cluster: []])
        // A client that only asked for everything by saying nothing still does when it names something.
        #expect(client.settle(client.ask(.cluster, adding: ["a"]).responses).lines == ["CDS a"])
        let both = client.offer(ServedOffer("2", [.cluster: ["a": "a2", "b": "b2"]]))
        #expect(both.lines == ["CDS a2 b2"])
        client.settle(both)
        #expect(client.ask(.cluster, adding: [], dropping: ["*"]) == .init())
        #expect(client.offer(ServedOffer("3", [.cluster: ["a": "a3", "b": "b3"]])).lines == ["CDS a3"])
    }

    @Test("names may be added while an answer is owed, and are served after it")
    func subscriptionWhileUnanswered() throws {
        var client = ScriptedClient(.incremental, Self.world)
        let first = try #require(client.ask(.endpointAssignment, adding: ["a"]).responses.first)
        #expect(client.ask(.endpointAssignment, adding: ["b"]) == .init())
        #expect(client.answer(first).responses.lines == ["EDS eb"])
    }

    @Test("a stale nonce answers nothing, but its subscriptions count")
    func staleNonce() throws {
        var client = ScriptedClient(.incremental, Self.world)
        client.open([.endpointAssignment: ["a"]])
        let second = try #require(client.offer(ServedOffer("2", [.endpointAssignment: ["a": "2", "b": "b"]])).first)
        let stale = client.ask(.endpointAssignment, adding: ["b"], answering: "1", refusal: "late")
        #expect(stale == .init())
        let action = client.answer(second)
        #expect(action.verdict == .acknowledged(.endpointAssignment, version: "2"))
        #expect(action.responses.lines == ["EDS b"])
    }

    @Test("a refusal is noted, and the client does not count as having it")
    func refusal() throws {
        var client = ScriptedClient(.incremental, Self.world)
        let first = try #require(client.ask(.cluster, adding: []).responses.first)
        let action = client.answer(first, refusal: "no")
        #expect(action == .init(verdict: .rejected(.cluster, version: "1", message: "no")))
        #expect(client.machine.appliedVersion == nil)
        let next = client.offer(ServedOffer("2", [.cluster: ["a": "a2", "b": "b"]]))
        #expect(next.lines == ["CDS a2"])
        client.settle(next)
        #expect(client.machine.appliedVersion == "2")
    }
}
