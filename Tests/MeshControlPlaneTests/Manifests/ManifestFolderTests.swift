// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore
import MeshManifests
import MeshTesting
import Synchronization
import Testing

@testable import MeshControlPlane

@Suite(.timeLimit(.minutes(5))) struct ManifestFolderTests {
    /// What was delivered, in words.
    private final class Log: Sendable {
        private let lines = Mutex<[String]>([])

        var all: [String] { lines.withLock { $0 } }

        func add(_ event: ManifestFolder.Event) {
            let line =
                switch event {
                case .files(let files):
                    files.map { "\($0.name)=\(String(decoding: $0.bytes, as: UTF8.self))" }.joined(separator: " ")
                case .problem(let problem): problem == nil ? "readable" : "unreadable"
                }
            lines.withLock { $0.append(line) }
        }
    }

    private let folder: TemporaryFolder
    private let clock = ManualClock()
    private let log = Log()
    private let watched: ManifestFolder

    init() throws {
        self.folder = try TemporaryFolder()
        self.watched = ManifestFolder(
            reader: FolderReader(path: folder.path, limits: ControlPlaneConfiguration.Limits()),
            interval: .milliseconds(500),
            clock: clock
        )
    }

    private func whileWatching(_ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [watched, log] in
                do { try await watched.run { log.add($0) } } catch is CancellationError {}
            }
            await clock.waitForSleepers()
            try await body()
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    /// Lets time pass and waits until the folder has been looked at.
    private func pass(_ time: Nanoseconds) async {
        clock.advance(by: time)
        await clock.waitForSleepers()
    }

    @Test func `files are delivered at the start and after each change that stands still`() async throws {
        try folder.write("1", to: "a.yaml")
        try await whileWatching {
            #expect(log.all == ["a.yaml=1"])
            await pass(.milliseconds(500))
            #expect(log.all.count == 1)
            try folder.write("2", to: "b.yaml")
            await pass(.milliseconds(500))
            #expect(log.all.count == 1)
            await pass(ManifestFolder.settlingTime)
            #expect(log.all == ["a.yaml=1", "a.yaml=1 b.yaml=2"])
            try folder.remove("a.yaml")
            await pass(.milliseconds(500))
            await pass(ManifestFolder.settlingTime)
            #expect(log.all.last == "b.yaml=2")
        }
    }

    @Test func `a file that is being written is left alone until it stands still`() async throws {
        try await whileWatching {
            #expect(log.all == [""])
            for length in 1...5 {
                try folder.write(String(repeating: "x", count: length), to: "a.yaml")
                await pass(length == 1 ? .milliseconds(500) : ManifestFolder.settlingTime)
                #expect(log.all.count == 1)
            }
            await pass(ManifestFolder.settlingTime)
            #expect(log.all == ["", "a.yaml=xxxxx"])
        }
    }

    @Test func `a folder that goes is told once, and once when it is back`() async throws {
        try folder.write("1", to: "a.yaml")
        try await whileWatching {
            let away = folder.path + "-away"
            #expect(rename(folder.path, away) == 0)
            await pass(.milliseconds(500))
            await pass(.milliseconds(500))
            #expect(log.all == ["a.yaml=1", "unreadable"])
            #expect(rename(away, folder.path) == 0)
            await pass(.milliseconds(500))
            #expect(log.all == ["a.yaml=1", "unreadable", "readable"])
        }
    }
}
