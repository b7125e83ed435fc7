// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

@Suite("The file of the last good configuration")
struct SnapshotFormatTests {
    private static var snapshot: ResourceSnapshot {
        var session = ScriptedSession.connected()
        _ = session.serve(Fixtures.mesh, version: "7")
        return ResourceSnapshot(takenAt: .seconds(1_700_000_000), entries: session.machine.snapshotEntries)
    }

    private static func error(_ bytes: [UInt8]) -> String? {
        do {
            _ = try SnapshotFormat.decode(bytes)
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test("holds every resource of the configuration in force, with its version")
    func roundTrip() throws {
        let snapshot = Self.snapshot
        // Keys are not kept, and nobody asked for a layer of the runtime.
        let kinds = ADSSessionStateMachine.order.filter { $0 != .secret && $0 != .runtimeLayer }
        #expect(snapshot.entries.map(\.kind) == kinds)
        #expect(snapshot.entries.map(\.version) == ["7", "7", "7", "7"])
        #expect(try SnapshotFormat.decode(SnapshotFormat.encode(snapshot)) == snapshot)
        let empty = ResourceSnapshot(takenAt: .zero, entries: [])
        #expect(try SnapshotFormat.decode(SnapshotFormat.encode(empty)) == empty)
    }

    @Test("has nothing in it that is not in force")
    func cachedOnly() {
        var session = ScriptedSession.connected()
        _ = session.serve(Fixtures.mesh)
        _ = session.respond(.listener, [])
        #expect(session.machine.snapshotEntries == [])
        // The cluster is kept for a while in case that it is asked for again.
        #expect(session.machine.subscriptions[.cluster]?.cached.isEmpty == false)
    }

    @Test("is refused if a single bit of it is another")
    func everyBit() {
        let bytes = SnapshotFormat.encode(Self.snapshot)
        var accepted = 0
        for position in bytes.indices {
            var damaged = bytes
            damaged[position] ^= 1 << UInt8(position % 8)
            if Self.error(damaged) == nil { accepted += 1 }
        }
        #expect(accepted == 0)
    }

    @Test("is refused if it is cut off anywhere, or longer than it was")
    func everyLength() {
        let bytes = SnapshotFormat.encode(Self.snapshot)
        for length in bytes.indices { #expect(Self.error(Array(bytes.prefix(length))) != nil) }
        #expect(Self.error(bytes + [0]) != nil)
    }

    @Test("says why it is refused")
    func reasons() {
        let bytes = SnapshotFormat.encode(Self.snapshot)
        #expect(Self.error([])?.contains("is no file of a last good configuration") == true)
        #expect(Self.error(Array("{\"resources\": []}".utf8))?.contains("is no file") == true)
        var newer = bytes
        newer[8] = 2
        #expect(Self.error(newer)?.contains("is 2; this library reads 1") == true)
        var damaged = bytes
        damaged[100] ^= 1
        #expect(Self.error(damaged)?.contains("the file is damaged or cut off") == true)
    }

    @Test("random bytes behind a good beginning crash nothing")
    func garbage() {
        let random = MeshRandom(seed: 3)
        for length in 0..<400 {
            let noise = (0..<length).map { _ in UInt8(random.below(256)) }
            let body = Array("SSMESHLK".utf8) + [1, 0, 0, 0] + noise
            let sum = body.withUnsafeBytes { XXH64.hash(bytes: $0) }
            // The checksum is right: what is in it is read.
            let bytes = body + (0..<8).map { UInt8(truncatingIfNeeded: sum >> (8 * UInt64($0))) }
            #expect(Self.error(bytes) != nil)
        }
    }
}
