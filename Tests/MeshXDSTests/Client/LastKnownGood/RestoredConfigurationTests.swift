// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

@Suite("A configuration that is put together from kept resources")
struct RestoredConfigurationTests {
    private static func entries(
        _ mesh: MeshResources,
        inbound: Set<String> = []
    ) -> [ResourceSnapshot.Entry] {
        var session = ScriptedSession.connected(inbound: inbound)
        _ = session.serve(mesh)
        return session.machine.snapshotEntries
    }

    @Test("is the one that was in force", arguments: XDSVariant.allCases)
    func whole(variant: XDSVariant) throws {
        let machine = ADSSessionStateMachine(servers: [.init(variant: variant)])
        #expect(try machine.configuration(of: Self.entries(Fixtures.mesh)) == Fixtures.mesh)
    }

    @Test("has what its routes lacked then, and lacks it still")
    func dangling() throws {
        var session = ScriptedSession.connected()
        var mesh = Fixtures.mesh
        mesh.routeConfigurations["r"] = Fixtures.routes("r", to: "c", "gone")
        _ = session.respond(.listener, mesh)
        _ = session.respond(.routeConfiguration, mesh)
        _ = session.respond(.cluster, mesh)
        _ = session.respond(.endpointAssignment, mesh)
        #expect(session.advance(15).publication == mesh)
        let restored = try ADSSessionStateMachine().configuration(of: session.machine.snapshotEntries)
        #expect(restored == mesh)
    }

    @Test("is refused as a whole if one resource cannot be used")
    func refusal() throws {
        var entries = Self.entries(Fixtures.mesh)
        let position = try #require(entries.firstIndex { $0.kind == .cluster })
        entries[position].packed = try Fixtures.badCluster("c")
        let error = #expect(throws: ConfigurationError.self) {
            try ADSSessionStateMachine().configuration(of: entries)
        }
        #expect("\(try #require(error))".contains("discovery type ORIGINAL_DST is not supported"))
    }

    @Test("is none for a process that serves other listeners, if nothing comes of it")
    func nothing() {
        #expect(throws: Never.self) { try ADSSessionStateMachine().configuration(of: []) }
    }
}

@Suite("Whether the last good configuration is put in force")
struct LastKnownGoodStateMachineTests {
    private static let start = MeshInstant(nanoseconds: 1_000_000_000)
    private static let kept = LastKnownGoodStateMachine.Restored(resources: Fixtures.mesh, age: .seconds(3600))

    private static func instant(_ seconds: UInt64) -> MeshInstant { start.advanced(by: .seconds(seconds)) }

    private static func started() -> LastKnownGoodStateMachine {
        var machine = LastKnownGoodStateMachine(patience: .seconds(5))
        machine.started(at: start)
        return machine
    }

    @Test("the control plane is waited for")
    func patience() {
        var machine = Self.started()
        #expect(machine.fileRead(Self.kept, at: Self.instant(1)) == nil)
        #expect(machine.nextDeadline == Self.instant(5))
        #expect(machine.timePassed(at: Self.instant(4)) == nil)
        #expect(machine.age(at: Self.instant(4)) == nil)
        #expect(machine.timePassed(at: Self.instant(5)) == Self.kept)
        #expect(machine.timePassed(at: Self.instant(6)) == nil)
        #expect(machine.nextDeadline == nil)
        #expect(machine.age(at: Self.instant(15)) == .seconds(3610))
    }

    @Test("a slow disk takes no more time than there is")
    func slowDisk() {
        var machine = Self.started()
        #expect(machine.timePassed(at: Self.instant(5)) == nil)
        #expect(machine.fileRead(Self.kept, at: Self.instant(9)) == Self.kept)
    }

    @Test("a control plane that was faster is what counts")
    func live() {
        var machine = Self.started()
        machine.configurationReceived()
        #expect(machine.fileRead(Self.kept, at: Self.instant(9)) == nil)
        #expect(machine.timePassed(at: Self.instant(9)) == nil)
        #expect(machine.nextDeadline == nil)
    }

    @Test("a control plane that comes later takes over")
    func takeover() {
        var machine = Self.started()
        _ = machine.fileRead(Self.kept, at: Self.instant(9))
        machine.configurationReceived()
        #expect(machine.age(at: Self.instant(20)) == nil)
    }

    @Test("bounds are checked, and named")
    func bounds() throws {
        #expect(throws: Never.self) { try LastKnownGood(path: "/x", maximumBytes: 1024, patience: .zero) }
        let error = #expect(throws: ConfigurationError.self) {
            try LastKnownGood(path: "", maximumBytes: 1023, patience: .seconds(3601))
        }
        #expect(try #require(error).problems.map(\.path) == ["path", "maximumBytes", "patience"])
    }
}
