// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

@Suite("The last good configuration on disk", .timeLimit(.minutes(5)))
struct LastKnownGoodIntegrationTests {
    /// A folder that is gone afterwards.
    private static func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lkg-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder.appending(path: "last-known-good").path)
    }

    /// Where nobody listens: the port was the system's choice a moment ago.
    private static func source(_ path: String, to address: EndpointAddress) throws -> XDSConfigSource {
        XDSConfigSource(
            bootstrap: Bootstrap(server: address, node: .init(id: "n")),
            lastKnownGood: try LastKnownGood(path: path, patience: .zero),
            backoff: ReconnectBackoff(base: .milliseconds(5), maximum: .milliseconds(50))
        )
    }

    private static func following(
        _ source: XDSConfigSource,
        _ recorder: RecordingSink,
        _ body: () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await source.run(delivering: recorder.sink) }
            try await body()
            group.cancelAll()
            while let result = await group.nextResult() { _ = result }
        }
    }

    private static func write(_ mesh: MeshResources, to path: String) throws {
        var session = ScriptedSession.connected()
        _ = session.serve(mesh)
        let now = WallClock.system.sinceEpoch
        let snapshot = ResourceSnapshot(takenAt: now, entries: session.machine.snapshotEntries)
        try SnapshotFile(path: path).replace(with: SnapshotFormat.encode(snapshot))
    }

    @Test("a process starts from it without a control plane, says so, and goes over to the control plane when it comes")
    func start() async throws {
        try await Self.withFolder { path in
            try Self.write(Fixtures.mesh, to: path)
            var changed = Fixtures.mesh
            changed.endpointAssignments["c"] = Fixtures.endpoints("c", "10.0.0.2")
            let recorder = RecordingSink()
            let socket = path + ".sock"
            let source = try Self.source(path, to: EndpointAddress(unixSocketPath: socket))
            try await Self.following(source, recorder) {
                #expect(await recorder.configuration() == Fixtures.mesh)
                guard case .lastKnownGood = source.origin else {
                    Issue.record("the origin is \(source.origin)")
                    return
                }
                let server = XDSServer(
                    address: EndpointAddress(unixSocketPath: socket),
                    provider: ScriptedProvider(changed)
                )
                await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await server.run() }
                    #expect(await recorder.configuration() == changed)
                    #expect(source.origin == .controlPlane)
                    group.cancelAll()
                    while let result = await group.nextResult() { _ = result }
                }
            }
            // What the control plane brought is kept for the next start.
            let kept = try SnapshotFormat.decode(LocalFile(path: path).read(upTo: 1 << 20).bytes)
            #expect(try ADSSessionStateMachine().configuration(of: kept.entries) == changed)
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            let folder = (path as NSString).deletingLastPathComponent
            let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasSuffix(".sock") }
            #expect(files == ["last-known-good"])
        }
    }

    @Test("a damaged file is refused with the reason, and the process goes on")
    func damage() async throws {
        try await Self.withFolder { path in
            try Self.write(Fixtures.mesh, to: path)
            var bytes = try LocalFile(path: path).read(upTo: 1 << 20).bytes
            bytes[bytes.count / 2] ^= 1
            try SnapshotFile(path: path).replace(with: bytes)
            let recorder = RecordingSink()
            let source = try Self.source(path, to: EndpointAddress(unixSocketPath: path + ".sock"))
            try await Self.following(source, recorder) {
                while let event = await recorder.event() {
                    guard event.contains("lastKnownGood") else { continue }
                    #expect(event.contains("refused") && event.contains("the file is damaged or cut off"))
                    break
                }
                #expect(source.origin == .nowhere)
            }
        }
    }
}
