// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import Testing

@testable import MeshXDS

@Suite("The server's stream by state of the world")
struct ADSServerStreamStateMachineTests {
    typealias Machine = ADSServerStreamStateMachine

    static let world = ServedOffer(
        "1",
        [
            .cluster: ["a": "a", "b": "b"], .endpointAssignment: ["a": "ea", "b": "eb"], .listener: ["l": "l"],
            .routeConfiguration: ["r": "r"],
        ]
    )

    @Test(
        "a first request without names, or with an asterisk, gets everything",
        arguments: [[], ["*"]] as [Set<String>]
    )
    func wildcard(_ names: Set<String>) {
        var client = ScriptedClient(.stateOfTheWorld, Self.world)
        let responses = client.ask(.cluster, names).responses
        #expect(responses.lines == ["CDS a b"])
        #expect(responses.first?.version == "1" && responses.first?.nonce == "1")
    }

    @Test("named resources get just those", arguments: ResourceKind.allCases)
    func names(_ kind: ResourceKind) {
        var client = ScriptedClient(.stateOfTheWorld, ServedOffer("1", [kind: ["a": "1", "b": "2"]]))
        let response = client.ask(kind, ["b", "unheard of"]).responses.first
        #expect(response?.resources.map(\.text) == ["2"])
        #expect(response?.missing == [])
    }

    @Test("an asterisk beside names gets everything, and the names besides")
    func wildcardWithNames() {
        var offer = ServedOffer("1", [.listener: ["l": "l"]])
        offer.aliases = ["alias": EncodedResource(name: "alias", packed: PackedResource(typeURL: "t", bytes: [65]))]
        var client = ScriptedClient(.stateOfTheWorld, offer)
        #expect(client.ask(.listener, ["*", "alias"]).responses.lines == ["LDS A l"])
        #expect(client.machine.listenerNames == ["alias"])
    }

    @Test(
        "empty names mean nothing for endpoints and routes",
        arguments: [ResourceKind.endpointAssignment, .routeConfiguration]
    )
    func noWildcardForPartialKinds(_ kind: ResourceKind) {
        var client = ScriptedClient(.stateOfTheWorld, Self.world)
        #expect(client.ask(kind).responses == [])
    }

    @Test("an acknowledgement is noted and answered with nothing")
    func acknowledgement() {
        var client = ScriptedClient(.stateOfTheWorld, Self.world)
        client.ask(.cluster)
        let action = client.ask(.cluster, version: "1", answering: "1")
        #expect(action == .init(verdict: .acknowledged(.cluster, version: "1")))
    }

    @Test("a refusal is noted, and nothing is sent again until something changes")
    func refusal() {
        var client = ScriptedClient(.stateOfTheWorld, Self.world)
        client.ask(.cluster)
        let action = client.ask(.cluster, answering: "1", refusal: "no")
        #expect(action == .init(verdict: .rejected(.cluster, version: "1", message: "no")))
        #expect(client.offer(ServedOffer("2", [.cluster: ["a": "a", "b": "b"]])) == [])
        #expect(client.offer(ServedOffer("3", [.cluster: ["a": "a2"]])).lines == ["CDS a2"])
    }

    @Test("a stale nonce is ignored, whatever it says")
    func staleNonce() throws {
        var client = ScriptedClient(.stateOfTheWorld, Self.world)
        client.open([.cluster: []])
        _ = client.offer(ServedOffer("2", [.cluster: ["a": "a2"]]))
        let stale = client.ask(.cluster, ["b"], version: "1", answering: "1", refusal: "late")
        #expect(stale == .init())
    }

    @Test("only what changed is sent, and full kinds whole")
    func changes() {
        var client = ScriptedClient(.stateOfTheWorld, Self.world)
        client.open([.cluster: [], .endpointAssignment: ["a", "b"]])
        let next = ServedOffer("2", [.cluster: ["a": "a", "b": "b2"], .endpointAssignment: ["a": "ea", "b": "eb2"]])
        let responses = client.offer(next)
        #expect(responses.lines == ["CDS a b2", "EDS eb2"])
        client.settle(responses)
        #expect(client.offer(next) == [])
    }

    @Test("while a client owes an answer nothing of the kind is sent, and then the latest alone")
    func latestWins() throws {
        var client = ScriptedClient(.stateOfTheWorld, Self.world)
        let first = try #require(client.ask(.endpointAssignment, ["a"]).responses.first)
        for version in 2...50 {
            let texts = ["a": "e\(version)", "b": "eb"]
            #expect(client.offer(ServedOffer("\(version)", [.endpointAssignment: texts])) == [])
        }
        let later = client.answer(first)
        #expect(later.verdict == .acknowledged(.endpointAssignment, version: "1"))
        #expect(later.responses.lines == ["EDS e50"])
        #expect(later.responses.first?.version == "50")
        // What changes back meanwhile is not sent at all.
        _ = client.offer(ServedOffer("51", [.endpointAssignment: ["a": "other"]]))
        _ = client.offer(ServedOffer("52", [.endpointAssignment: ["a": "e50"]]))
        #expect(client.answer(later.responses[0]).responses == [])
        #expect(client.machine.appliedVersion == "52")
    }

    @Test("what is told to have changed is looked at, and nothing else")
    func announcedChanges() {
        var client = ScriptedClient(.stateOfTheWorld, Self.world)
        client.open([.endpointAssignment: ["a", "b"]])
        var next = ServedOffer("2", [.endpointAssignment: ["a": "new", "b": "new too"]])
        next.changes = [.endpointAssignment: ["b", "unheard of"]]
        #expect(client.offer(next).lines == ["EDS new too"])
    }

    @Test("a request may refuse a response and ask for other names at once")
    func refusalWithOtherNames() {
        var client = ScriptedClient(.stateOfTheWorld, Self.world)
        client.ask(.cluster, ["a"])
        let action = client.ask(.cluster, ["a", "b"], answering: "1", refusal: "no")
        #expect(action.verdict == .rejected(.cluster, version: "1", message: "no"))
        #expect(action.responses.lines == ["CDS a b"])
    }

    @Test("names that are added get an answer with what is there of them")
    func addedNames() {
        var client = ScriptedClient(.stateOfTheWorld, Self.world)
        client.ask(.cluster, ["a"])
        #expect(client.ask(.cluster, ["a", "b"], version: "1", answering: "1").responses.lines == ["CDS a b"])
        #expect(client.ask(.cluster, ["a", "x"], version: "1", answering: "2").responses.lines == ["CDS a"])
    }

    @Test("a name that was let go of is sent again when it is asked for again")
    func resubscription() {
        var client = ScriptedClient(.stateOfTheWorld, Self.world)
        client.ask(.endpointAssignment, ["a", "b"])
        #expect(client.ask(.endpointAssignment, ["a"], version: "1", answering: "1").responses == [])
        let again = client.ask(.endpointAssignment, ["a", "b"], version: "1", answering: "1")
        #expect(again.responses.lines == ["EDS eb"])
    }

    @Test("after names, an empty list means none and no longer everything")
    func emptyAfterNames() {
        var client = ScriptedClient(.stateOfTheWorld, Self.world)
        client.ask(.cluster, ["a"])
        #expect(client.ask(.cluster, version: "1", answering: "1").responses == [])
        #expect(client.offer(ServedOffer("2", [.cluster: ["a": "new", "z": "z"]])) == [])
    }

    @Test("a client that understands it is told at once which names do not exist")
    func missingNames() {
        var client = ScriptedClient(.stateOfTheWorld, Self.world)
        client.machine.reportsMissing = true
        #expect(client.open([.cluster: ["a", "x"]]).lines == ["CDS a ?x"])
        #expect(client.open([.endpointAssignment: ["x"]]).lines == ["EDS ?x"])
        // Once is enough.
        #expect(client.offer(ServedOffer("2", [.cluster: ["a": "a"]])) == [])
        let later = client.offer(ServedOffer("3", [.endpointAssignment: ["x": "ex"], .cluster: ["a": "a"]]))
        #expect(later.lines == ["EDS ex"])
        client.settle(later)
        #expect(client.offer(ServedOffer("4", [.cluster: ["a": "a"]])).lines == ["EDS ?x"])
    }

    @Test("while the control plane warms up, clients with a configuration get nothing, others what is there")
    func warming() {
        var warming = Self.world
        warming.isWarming = true
        var known = ScriptedClient(.stateOfTheWorld, warming)
        known.machine.reportsMissing = true
        #expect(known.ask(.cluster, version: "old").responses == [])
        #expect(known.ask(.endpointAssignment, ["a"], version: "old").responses == [])
        #expect(known.machine.appliedVersion == nil)
        #expect(known.offer(Self.world).lines == ["CDS a b", "EDS ea"])

        var new = ScriptedClient(.stateOfTheWorld, warming)
        new.machine.reportsMissing = true
        #expect(new.ask(.cluster, ["a", "x"]).responses.lines == ["CDS a"])
    }

    @Test("when warming ends with nothing to serve, a client with a configuration learns that too")
    func warmingEndsEmpty() {
        var client = ScriptedClient(.stateOfTheWorld, ServedOffer("1", [.listener: ["l": "l"]], warming: true))
        client.ask(.listener, version: "old")
        #expect(client.offer(ServedOffer("2", [:])).lines == ["LDS"])
    }

    @Test("before anything is known, nothing is answered")
    func noOffer() {
        var client = ScriptedClient()
        #expect(client.ask(.cluster) == .init())
        // Requests may follow each other before the first answer; none of them has a nonce.
        #expect(client.ask(.cluster, ["a"]) == .init())
        #expect(client.offer(Self.world).lines == ["CDS a"])
    }

    @Test("a client that asks for too many names is told so")
    func tooManyNames() {
        var client = ScriptedClient(.stateOfTheWorld, Self.world)
        let names = Set((0...Machine.maximumNames).map { "n\($0)" })
        #expect(client.ask(.cluster, names).failure?.contains("100000 names") == true)
        var incremental = ScriptedClient(.incremental, Self.world)
        #expect(incremental.ask(.cluster, adding: names).failure != nil)
    }
}
