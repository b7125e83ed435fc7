// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshXDS

@Suite("The order of a push")
struct PushOrderTests {
    typealias Form = ADSServerStreamStateMachine.Form

    static let everything: [ResourceKind: Set<String>] = [
        .cluster: [], .endpointAssignment: ["a", "b", "c"], .listener: [], .routeConfiguration: ["r"],
    ]
    static let next = ServedOffer(
        "2",
        [
            .cluster: ["c": "c"], .endpointAssignment: ["c": "ec"], .listener: ["l": "l2"],
            .routeConfiguration: ["r": "r2"],
        ]
    )

    static func client(_ form: Form, warms: Bool = false, _ kinds: [ResourceKind: Set<String>]) -> ScriptedClient {
        var client = ScriptedClient(form, ADSServerStreamStateMachineTests.world)
        client.machine.warmsClusters = warms
        client.open(kinds)
        return client
    }

    @Test("clusters, endpoints, listeners, routes go at once, and what nothing uses any more when they were taken")
    func order() {
        var client = Self.client(.stateOfTheWorld, Self.everything)
        let responses = client.offer(Self.next)
        #expect(responses.lines == ["CDS a b c", "EDS ec", "LDS l2", "RDS r2"])
        #expect(Set(responses.map(\.nonce)).count == 4)
        #expect(client.settle(responses).lines.suffix(1) == ["CDS c"])
        #expect(client.machine.appliedVersion == "2")
    }

    @Test("incrementally, too: removals come last")
    func incrementalOrder() {
        var client = Self.client(.incremental, Self.everything)
        let responses = client.offer(Self.next)
        #expect(responses.lines == ["CDS c", "EDS ec", "LDS l2", "RDS r2"])
        #expect(client.settle(responses).lines.suffix(2) == ["CDS -a -b", "EDS -a -b"])
        #expect(client.machine.appliedVersion == "2")
    }

    @Test(
        "a client that refuses its routes keeps the clusters that its old ones use",
        arguments: [Form.stateOfTheWorld, .incremental]
    )
    func refusedRoutes(_ form: Form) {
        var client = Self.client(form, Self.everything)
        var later: [String] = []
        for response in client.offer(Self.next) {
            let refusal = response.kind == .routeConfiguration ? "no" : nil
            later += client.answer(response, refusal: refusal).responses.lines
        }
        #expect(later == [])
        #expect(client.machine.appliedVersion == nil)
        var better = Self.next
        better.version = "3"
        better.tables[.routeConfiguration] =
            ServedOffer("", [.routeConfiguration: ["r": "r3"]]).tables[.routeConfiguration]
        let lines = client.settle(client.offer(better)).lines
        #expect(lines.first == "RDS r3")
        #expect(lines.contains(form == .incremental ? "CDS -a -b" : "CDS c"))
        #expect(client.machine.appliedVersion == "3")
    }

    @Test("what is kept for a client that refuses everything is bounded")
    func boundedStale() {
        var client = Self.client(.incremental, [.cluster: [], .routeConfiguration: ["r"]])
        for number in 2..<3000 {
            let offer = ServedOffer(
                "\(number)",
                [.cluster: ["c\(number)": "c"], .routeConfiguration: ["r": "r\(number)"]]
            )
            for response in client.offer(offer) {
                client.answer(response, refusal: response.kind == .routeConfiguration ? "no" : nil)
            }
        }
        let kept = client.machine.subscriptions[.cluster]?.sent.count ?? 0
        #expect(kept <= ADSServerStreamStateMachine.maximumStale + 2)
        #expect(kept > 100)
    }

    @Test("what no route can use goes at once")
    func unusedClusters() {
        var client = Self.client(.stateOfTheWorld, Self.everything)
        var next = ADSServerStreamStateMachineTests.world
        next.version = "2"
        next.tables[.cluster] = ServedOffer("", [.cluster: ["a": "a"]]).tables[.cluster]
        #expect(client.offer(next).lines == ["CDS a"])
    }

    @Test("a client that names its clusters keeps a stale one, too, until the routes have let go of it")
    func namedClusters() {
        var client = Self.client(
            .stateOfTheWorld,
            [.cluster: ["a", "b"], .listener: ["l"], .routeConfiguration: ["r"]]
        )
        let next = ServedOffer("2", [.cluster: ["b": "b2"], .listener: ["l": "l"], .routeConfiguration: ["r": "r2"]])
        #expect(client.settle(client.offer(next)).lines == ["CDS a b2", "RDS r2", "CDS b2"])
        #expect(client.offer(next) == [])
    }

    @Test(
        "a changed cluster brings its endpoints with it for clients that wait for them, changed or not",
        arguments: [true, false]
    )
    func warmingClusters(_ warms: Bool) {
        var client = Self.client(.stateOfTheWorld, warms: warms, [.cluster: [], .endpointAssignment: ["ea", "eb"]])
        func push(_ version: String, a: String, ea: String) -> [String] {
            let offer = ServedOffer(
                version,
                [.cluster: ["a": a, "b": "b", "fixed": a], .endpointAssignment: ["ea": ea, "eb": "endpoints"]],
                assignments: ["a": "ea", "b": "eb"]
            )
            return client.settle(client.offer(offer)).lines
        }
        #expect(push("2", a: "a", ea: "1") == ["CDS a b a", "EDS 1 endpoints"])
        #expect(push("3", a: "new", ea: "1") == ["CDS new b new"] + (warms ? ["EDS 1"] : []))
        // Endpoints that change alone do not touch their clusters.
        #expect(push("4", a: "new", ea: "2") == ["EDS 2"])
        #expect(push("5", a: "newer", ea: "3") == ["CDS newer b newer", "EDS 3"])
        #expect(push("6", a: "newer", ea: "3") == [])
    }

    /// An Envoy that has `a` and `b` and is about to be sent to `c`, whose endpoints it has not asked for.
    private static func envoyBeforeNewCluster() -> (ScriptedClient, ServedOffer) {
        let client = client(
            .incremental,
            warms: true,
            [.cluster: [], .endpointAssignment: ["a", "b"], .listener: [], .routeConfiguration: ["r"]]
        )
        let next = ServedOffer(
            "2",
            [
                .cluster: ["a": "a", "b": "b", "c": "c"], .endpointAssignment: ["a": "ea", "b": "eb", "c": "ec"],
                .listener: ["l": "l"], .routeConfiguration: ["r": "to c"],
            ],
            assignments: ["a": "a", "b": "b", "c": "c"]
        )
        return (client, next)
    }

    @Test("a route to a new cluster waits until Envoy has taken the cluster and its endpoints")
    func routesWaitForEndpoints() throws {
        var (client, next) = Self.envoyBeforeNewCluster()
        let clusters = client.offer(next)
        #expect(clusters.lines == ["CDS c"])
        #expect(client.answer(clusters[0]).responses == [])
        let endpoints = client.ask(.endpointAssignment, adding: ["c"]).responses
        #expect(endpoints.lines == ["EDS ec"])
        #expect(client.answer(endpoints[0]).responses.lines == ["RDS to c"])
        #expect(client.machine.deadline == nil)
    }

    @Test("endpoints that are asked for before the cluster is acknowledged count, too")
    func endpointsFirst() {
        var (client, next) = Self.envoyBeforeNewCluster()
        let clusters = client.offer(next)
        let endpoints = client.ask(.endpointAssignment, adding: ["c"]).responses
        #expect(endpoints.lines == ["EDS ec"])
        #expect(client.answer(endpoints[0]).responses == [])
        #expect(client.answer(clusters[0]).responses.lines == ["RDS to c"])
    }

    @Test("who never asks for the endpoints gets the route a second later")
    func patience() throws {
        var (client, next) = Self.envoyBeforeNewCluster()
        let clusters = client.offer(next)
        #expect(client.machine.deadline == nil)
        client.answer(clusters[0])
        let deadline = try #require(client.machine.deadline)
        #expect(deadline == client.now.advanced(by: .seconds(1)))
        #expect(client.machine.timePassed(at: client.now.advanced(by: .milliseconds(999))) == [])
        #expect(client.machine.timePassed(at: deadline).lines == ["RDS to c"])
        #expect(client.machine.deadline == nil)
    }

    @Test("who refuses the cluster gets the route at once, to use what it can")
    func refusedCluster() {
        var (client, next) = Self.envoyBeforeNewCluster()
        let clusters = client.offer(next)
        #expect(client.answer(clusters[0], refusal: "no").responses.lines == ["RDS to c"])
    }

    @Test("what a client asks for itself waits for nothing")
    func askedRoutes() {
        var (client, next) = Self.envoyBeforeNewCluster()
        _ = client.offer(next)
        #expect(client.ask(.routeConfiguration, adding: ["r"]).responses.lines == ["RDS to c"])
    }
}
