// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Dispatch
import MeshCore
import MeshManifests

/// Watches a folder of manifests and delivers all of its files whenever they have changed.
///
/// It polls: notifications of the file system do not work on every mount, and a look costs a few system calls a file.
actor ManifestFolder {
    /// What it delivers.
    enum Event: Sendable {
        /// The files, all of them, after a change or at the start.
        case files([ManifestFile])
        /// The folder cannot be read, for this reason; `nil` when it can again. What was delivered last stays good.
        case problem(FolderProblem?)
    }

    /// How long what changes must stand still.
    static let settlingTime = Nanoseconds.milliseconds(50)

    private let reader: FolderReader
    private let interval: Nanoseconds
    private let clock: any MeshClock
    private var machine = FolderWatchStateMachine()
    // The file system may take its time; the threads that run everybody's tasks must not.
    private let queue = DispatchQueue(label: "MeshControlPlane.ManifestFolder")

    init(reader: FolderReader, interval: Nanoseconds, clock: any MeshClock) {
        self.reader = reader
        self.interval = interval
        self.clock = clock
    }

    /// Watches until the task is cancelled.
    /// - Throws: `CancellationError` when it is.
    func run(_ deliver: (Event) async -> Void) async throws {
        while true {
            let before = machine.problem
            let pause = await look(deliver)
            if machine.problem != before { await deliver(.problem(machine.problem)) }
            try await clock.sleep(until: clock.now.advanced(by: pause))
        }
    }

    /// Looks once and says when to look again.
    private func look(_ deliver: (Event) async -> Void) async -> Nanoseconds {
        do {
            let reader = reader
            let listing: FolderListing
            switch machine.seen(try await offThread { try reader.listing() }) {
            case .rest: return interval
            case .lookAgainSoon: return settlingTime
            case .read(let seen): listing = seen
            }
            let files = try await offThread { try reader.files(of: listing) }
            switch machine.read(lookingLike: try await offThread { try reader.listing() }) {
            case .lookAgainSoon: return settlingTime
            case .use: await deliver(.files(files))
            }
        } catch {
            machine.failed(error as? FolderProblem ?? FolderProblem("\(error)"))
        }
        return interval
    }

    private var settlingTime: Nanoseconds { min(Self.settlingTime, interval) }

    private func offThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result { try work() }) }
        }
    }
}
