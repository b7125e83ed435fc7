// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import Testing

@testable import MeshXDS

@Suite("The server's stream machine")
struct ADSServerStreamStateMachineTests {
    typealias Machine = ADSServerStreamStateMachine

    static func packed(_ text: String) -> PackedResource { PackedResource(typeURL: "t", bytes: Array(text.utf8)) }

    static func offer(
        _ version: String,
        warming: Bool = false,
        _ resources: [ResourceKind: [String: String]] = [
            .cluster: ["a": "a", "b": "b"], .endpointAssignment: ["a": "ea", "b": "eb"], .listener: ["l": "l"],
            .routeConfiguration: ["r": "r"],
        ]
    ) -> Machine.Offer {
        Machine.Offer(version: version, resources: resources.mapValues { $0.mapValues(packed) }, isWarming: warming)
    }

    static func request(
        _ kind: ResourceKind,
        _ names: Set<String> = [],
        version: String = "",
        nonce: String = "",
        refusal: String? = nil
    ) -> Machine.Request {
        Machine.Request(kind: kind, names: names, version: version, nonce: nonce, refusal: refusal)
    }

    static func texts(_ response: Machine.Response?) -> [String]? {
        response?.resources.map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    static func machine(_ offer: Machine.Offer = offer("1")) -> Machine {
        var machine = Machine()
        _ = machine.resourcesChanged(offer)
        return machine
    }

    @Test(
        "a first request without names, or with an asterisk, gets everything",
        arguments: [[], ["*"]] as [Set<String>]
    )
    func wildcard(_ names: Set<String>) {
        var machine = Self.machine()
        let response = machine.requestReceived(Self.request(.cluster, names)).response
        #expect(Self.texts(response) == ["a", "b"])
        #expect(response?.version == "1" && response?.nonce == "1")
    }

    @Test("named resources get just those", arguments: ResourceKind.allCases)
    func names(_ kind: ResourceKind) {
        var machine = Self.machine(Self.offer("1", [kind: ["a": "1", "b": "2"]]))
        let response = machine.requestReceived(Self.request(kind, ["b", "unheard of"])).response
        #expect(Self.texts(response) == ["2"])
        #expect(response?.missing == [])
    }

    @Test("an asterisk beside names gets everything, and the names besides")
    func wildcardWithNames() {
        var machine = Self.machine(Self.offer("1", [.listener: ["l": "l", "alias": "alias"]]))
        #expect(
            Self.texts(machine.requestReceived(Self.request(.listener, ["*", "alias"])).response) == ["alias", "l"]
        )
        #expect(machine.listenerNames == ["alias"])
    }

    @Test(
        "empty names mean nothing for endpoints and routes",
        arguments: [ResourceKind.endpointAssignment, .routeConfiguration]
    )
    func noWildcardForPartialKinds(_ kind: ResourceKind) {
        var machine = Self.machine()
        #expect(machine.requestReceived(Self.request(kind)).response == nil)
    }

    @Test("an acknowledgement is noted and answered with nothing")
    func acknowledgement() {
        var machine = Self.machine()
        _ = machine.requestReceived(Self.request(.cluster))
        let action = machine.requestReceived(Self.request(.cluster, version: "1", nonce: "1"))
        #expect(action == .init(response: nil, verdict: .acknowledged(.cluster, version: "1")))
    }

    @Test("a refusal is noted, and nothing is sent again until something changes")
    func refusal() {
        var machine = Self.machine()
        _ = machine.requestReceived(Self.request(.cluster))
        let action = machine.requestReceived(Self.request(.cluster, nonce: "1", refusal: "no"))
        #expect(action.response == nil)
        #expect(action.verdict == .rejected(.cluster, version: "1", message: "no"))
        #expect(machine.resourcesChanged(Self.offer("2")) == [])
        let next = machine.resourcesChanged(Self.offer("3", [.cluster: ["a": "a2"]]))
        #expect(next.last.map { Self.texts($0) } == ["a2"])
    }

    @Test("a stale nonce is ignored, whatever it says")
    func staleNonce() {
        var machine = Self.machine()
        _ = machine.requestReceived(Self.request(.cluster))
        _ = machine.resourcesChanged(Self.offer("2", [.cluster: ["a": "a2"]]))
        let stale = machine.requestReceived(Self.request(.cluster, ["b"], version: "1", nonce: "1", refusal: "late"))
        #expect(stale == .init())
    }

    @Test("only what changed is sent, and full kinds whole")
    func changes() {
        var machine = Self.machine()
        _ = machine.requestReceived(Self.request(.cluster))
        _ = machine.requestReceived(Self.request(.endpointAssignment, ["a", "b"]))
        var next = Self.offer("2")
        next.resources[.endpointAssignment]?["b"] = Self.packed("eb2")
        next.resources[.cluster]?["b"] = Self.packed("b2")
        let responses = machine.resourcesChanged(next)
        #expect(responses.map(\.kind) == [.cluster, .endpointAssignment])
        #expect(responses.map { Self.texts($0) } == [["a", "b2"], ["eb2"]])
        #expect(machine.resourcesChanged(next) == [])
    }

    @Test("a push sends clusters, endpoints, listeners, routes, and lets stale clusters go at the end")
    func order() {
        var machine = Self.machine()
        _ = machine.requestReceived(Self.request(.listener))
        _ = machine.requestReceived(Self.request(.routeConfiguration, ["r"]))
        _ = machine.requestReceived(Self.request(.cluster))
        _ = machine.requestReceived(Self.request(.endpointAssignment, ["a", "c"]))
        let next = Self.offer(
            "2",
            [
                .cluster: ["c": "c"], .endpointAssignment: ["c": "ec"], .listener: ["l": "l2"],
                .routeConfiguration: ["r": "r2"],
            ]
        )
        let responses = machine.resourcesChanged(next)
        #expect(responses.map(\.kind) == [.cluster, .endpointAssignment, .listener, .routeConfiguration, .cluster])
        #expect(responses.map { Self.texts($0) } == [["a", "b", "c"], ["ec"], ["l2"], ["r2"], ["c"]])
        #expect(Set(responses.map(\.nonce)).count == 5)
    }

    @Test("a client that names its clusters keeps a stale one, too, until the routes have let go of it")
    func orderForNamedClusters() {
        var machine = Self.machine()
        _ = machine.requestReceived(Self.request(.cluster, ["a", "b"]))
        _ = machine.requestReceived(Self.request(.listener, ["l"]))
        _ = machine.requestReceived(Self.request(.routeConfiguration, ["r"]))
        let next = Self.offer("2", [.cluster: ["b": "b2"], .listener: ["l": "l"], .routeConfiguration: ["r": "r2"]])
        let responses = machine.resourcesChanged(next)
        #expect(responses.map(\.kind) == [.cluster, .routeConfiguration, .cluster])
        #expect(responses.map { Self.texts($0) } == [["a", "b2"], ["r2"], ["b2"]])
        #expect(machine.resourcesChanged(next) == [])
    }

    @Test("a request may refuse a response and ask for other names at once")
    func refusalWithOtherNames() {
        var machine = Self.machine()
        _ = machine.requestReceived(Self.request(.cluster, ["a"]))
        let action = machine.requestReceived(Self.request(.cluster, ["a", "b"], nonce: "1", refusal: "no"))
        #expect(action.verdict == .rejected(.cluster, version: "1", message: "no"))
        #expect(Self.texts(action.response) == ["a", "b"])
    }

    @Test("names that are added get an answer with what is there of them")
    func addedNames() {
        var machine = Self.machine()
        _ = machine.requestReceived(Self.request(.cluster, ["a"]))
        let known = machine.requestReceived(Self.request(.cluster, ["a", "b"], version: "1", nonce: "1"))
        #expect(Self.texts(known.response) == ["a", "b"])
        let unknown = machine.requestReceived(Self.request(.cluster, ["a", "x"], version: "1", nonce: "2"))
        #expect(Self.texts(unknown.response) == ["a"])
    }

    @Test("a name that was let go of is sent again when it is asked for again")
    func resubscription() {
        var machine = Self.machine()
        _ = machine.requestReceived(Self.request(.endpointAssignment, ["a", "b"]))
        #expect(
            machine.requestReceived(Self.request(.endpointAssignment, ["a"], version: "1", nonce: "1")).response == nil
        )
        let again = machine.requestReceived(Self.request(.endpointAssignment, ["a", "b"], version: "1", nonce: "1"))
        #expect(Self.texts(again.response) == ["eb"])
    }

    @Test("after names, an empty list means none and no longer everything")
    func emptyAfterNames() {
        var machine = Self.machine()
        _ = machine.requestReceived(Self.request(.cluster, ["a"]))
        let action = machine.requestReceived(Self.request(.cluster, [], version: "1", nonce: "1"))
        #expect(action.response == nil)
        #expect(machine.resourcesChanged(Self.offer("2", [.cluster: ["a": "new", "z": "z"]])) == [])
    }

    @Test("a client that understands it is told at once which names do not exist")
    func missingNames() {
        var machine = Self.machine()
        machine.reportsMissing = true
        let clusters = machine.requestReceived(Self.request(.cluster, ["a", "x"])).response
        #expect(clusters?.missing == ["x"])
        let endpoints = machine.requestReceived(Self.request(.endpointAssignment, ["x"])).response
        #expect(endpoints?.missing == ["x"] && endpoints?.resources == [])
        // Once is enough.
        #expect(machine.resourcesChanged(Self.offer("2")) == [])
        let later = machine.resourcesChanged(Self.offer("3", [.endpointAssignment: ["x": "ex"], .cluster: ["a": "a"]]))
        #expect(later.map { Self.texts($0) } == [["ex"]])
    }

    @Test("while the control plane warms up, clients with a configuration get nothing, others what is there")
    func warming() {
        var known = Self.machine(Self.offer("1", warming: true))
        known.reportsMissing = true
        #expect(known.requestReceived(Self.request(.cluster, version: "old")).response == nil)
        #expect(known.requestReceived(Self.request(.endpointAssignment, ["a"], version: "old")).response == nil)
        let responses = known.resourcesChanged(Self.offer("2"))
        #expect(responses.map(\.kind) == [.cluster, .endpointAssignment])

        var new = Self.machine(Self.offer("1", warming: true))
        new.reportsMissing = true
        let response = new.requestReceived(Self.request(.cluster, ["a", "x"])).response
        #expect(Self.texts(response) == ["a"])
        #expect(response?.missing == [])
    }

    @Test("when warming ends with nothing to serve, a client with a configuration learns that too")
    func warmingEndsEmpty() {
        var machine = Self.machine(Self.offer("1", warming: true))
        _ = machine.requestReceived(Self.request(.listener, version: "old"))
        #expect(machine.resourcesChanged(Self.offer("2", [:])).map { Self.texts($0) } == [[]])
    }

    @Test("a changed cluster brings its endpoints with it for clients that wait for them, changed or not")
    func warmingClusters() {
        for warms in [true, false] {
            var machine = Self.machine()
            machine.warmsClusters = warms
            _ = machine.requestReceived(Self.request(.cluster))
            _ = machine.requestReceived(Self.request(.endpointAssignment, ["ea", "eb"]))
            func push(_ version: String, a: String, ea: String) -> [[String]?] {
                var offer = Self.offer(
                    version,
                    [.cluster: ["a": a, "b": "b", "fixed": a], .endpointAssignment: ["ea": ea, "eb": "endpoints"]]
                )
                offer.assignments = ["a": "ea", "b": "eb"]
                return machine.resourcesChanged(offer).map { Self.texts($0) }
            }
            #expect(push("2", a: "a", ea: "1") == [["a", "b", "a"], ["1", "endpoints"]])
            #expect(push("3", a: "new", ea: "1") == [["new", "b", "new"]] + (warms ? [["1"]] : []))
            // Endpoints that change alone do not touch their clusters.
            #expect(push("4", a: "new", ea: "2") == [["2"]])
            #expect(push("5", a: "newer", ea: "3") == [["newer", "b", "newer"], ["3"]])
            #expect(push("6", a: "newer", ea: "3") == [])
        }
    }

    @Test("before anything is known, nothing is answered")
    func noOffer() {
        var machine = Machine()
        #expect(machine.requestReceived(Self.request(.cluster)) == .init())
        // Requests may follow each other before the first answer; none of them has a nonce.
        #expect(machine.requestReceived(Self.request(.cluster, ["a"])) == .init())
        #expect(machine.resourcesChanged(Self.offer("1")).map { Self.texts($0) } == [["a"]])
    }
}
