// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshTesting
import Testing

@testable import MeshXDS

@Suite("The inventory of clients")
struct ClientInventoryStateMachineTests {
    private var machine = ClientInventoryStateMachine()

    /// A client of group `g`, which is served a version.
    private mutating func connect(_ stream: UInt64, serving order: UInt64 = 1, group: String? = "g") {
        _ = machine.noticed(.connected(stream: stream, XDSNode(id: "n\(stream)")))
        _ = offer(stream, order, group: group)
    }

    private mutating func offer(_ stream: UInt64, _ order: UInt64, group: String? = "g") -> [UInt64] {
        machine.noticed(.offered(stream: stream, version: "v\(order)", order: order, group: group))
    }

    private mutating func apply(_ stream: UInt64, _ order: UInt64) -> [UInt64] {
        machine.noticed(.applied(stream: stream, version: "v\(order)"))
    }

    private func report(_ order: UInt64, group: String? = "g") -> [[UInt64]] {
        let report = machine.report(version: "v\(order)", order: order, group: group)
        return [report.applied, report.refused, report.pending].map { $0.map(\.stream) }
    }

    @Test("nobody to wait for is waited for no longer than that")
    mutating func nobody() {
        let empty = machine.waitBegan(order: 1, group: "g")
        #expect(machine.isOver(empty))
        connect(1, group: "other")
        let group = machine.waitBegan(order: 1, group: "g")
        let all = machine.waitBegan(order: 1, group: nil)
        #expect(machine.isOver(group))
        #expect(!machine.isOver(all))
    }

    @Test("who asks for more of a version does not have it any more, but has those before it")
    mutating func behind() throws {
        connect(1, serving: 4)
        _ = apply(1, 4)
        #expect(machine.noticed(.behind(stream: 1)) == [])
        #expect(report(4) == [[], [], [1]] && report(3) == [[1], [], []])
        #expect(try #require(machine.status(of: 1)).appliedVersion == nil)
        #expect(apply(1, 4) == [])
        #expect(report(4) == [[1], [], []])
    }

    @Test("a wait is over when the last client of the group has the version or a later one")
    mutating func applied() {
        for stream in 1...3 { connect(UInt64(stream)) }
        connect(9, group: "other")
        _ = apply(1, 1)
        let wait = machine.waitBegan(order: 2, group: "g")
        for stream in 1...3 { #expect(offer(UInt64(stream), 2) == []) }
        #expect(apply(1, 2) == [])
        #expect(apply(2, 2) == [])
        #expect(report(2) == [[1, 2], [], [3]])
        // It had no time for the second version before there was a third.
        #expect(offer(3, 3) == [])
        #expect(apply(3, 3) == [wait])
        #expect(machine.isOver(wait))
        #expect(report(2) == [[1, 2, 3], [], []])
    }

    @Test("who refuses has answered, too, and who goes is waited for no more")
    mutating func refusedAndGone() {
        for stream in 1...3 { connect(UInt64(stream)) }
        let wait = machine.waitBegan(order: 1, group: "g")
        #expect(machine.noticed(.refuses(stream: 1, version: "v1")) == [])
        #expect(machine.noticed(.disconnected(stream: 2)) == [])
        #expect(apply(3, 1) == [wait])
        #expect(report(1) == [[3], [1], []])
        #expect(!machine.report(version: "v1", order: 1, group: "g").isApplied)
        _ = offer(1, 2)
        _ = apply(1, 2)
        #expect(report(1) == [[1, 3], [], []])
    }

    @Test("who comes meanwhile counts, and who leaves the group does not")
    mutating func comingAndLeaving() {
        connect(1)
        let wait = machine.waitBegan(order: 1, group: "g")
        connect(2)
        #expect(apply(1, 1) == [])
        #expect(!machine.isOver(wait))
        #expect(offer(2, 1, group: "other") == [wait])
        machine.waitEnded(wait)
        let all = machine.waitBegan(order: 1, group: nil)
        _ = machine.noticed(.connected(stream: 3, XDSNode(id: "c")))
        #expect(apply(2, 1) == [])
        #expect(machine.noticed(.disconnected(stream: 3)) == [all])
    }

    @Test("who has just come is waited for until it is known which group it belongs to")
    mutating func unknownGroup() {
        _ = machine.noticed(.connected(stream: 1, XDSNode(id: "n1")))
        let early = machine.waitBegan(order: 1, group: "g")
        _ = machine.noticed(.connected(stream: 2, XDSNode(id: "n2")))
        #expect(report(1) == [[], [], [1, 2]])
        #expect(offer(1, 1, group: "other") == [])
        #expect(offer(2, 1) == [])
        #expect(apply(2, 1) == [early])
        #expect(report(1) == [[2], [], []])
    }

    @Test("what is over is over once, and what ended is forgotten")
    mutating func ends() {
        connect(1)
        let wait = machine.waitBegan(order: 1, group: "g")
        #expect(apply(1, 1) == [wait])
        #expect(apply(1, 1) == [])
        machine.waitEnded(wait)
        _ = offer(1, 0)
        #expect(machine.isOver(wait))
    }

    @Test("what clients say is kept, as far as there is room for it")
    mutating func bounds() throws {
        connect(1)
        let long = String(repeating: "x", count: 5000)
        _ = machine.noticed(.rejected(stream: 1, .cluster, version: "v1", message: long))
        let reports = (0..<1000).map { FieldReport(path: "\($0)", reason: "r") }
        _ = machine.noticed(.translated(stream: 1, reports))
        _ = machine.noticed(.ignores(stream: 1, reports.map(\.path)))
        let client = try #require(machine.status(of: 1))
        // And an ellipsis.
        #expect(client.kinds[.cluster]?.reason?.count == ClientInventoryStateMachine.maximumMessageLength + 1)
        #expect(client.translations.count == ClientInventoryStateMachine.maximumReports)
        #expect(client.ignoredFields.count == ClientInventoryStateMachine.maximumReports)
        #expect(client.servedVersion == "v1" && client.appliedVersion == nil)
        _ = machine.noticed(.disconnected(stream: 1))
        #expect(machine.statuses.isEmpty)
        // What comes late has nowhere to go.
        #expect(apply(1, 1) == [])
        #expect(machine.statuses.isEmpty)
    }
}
