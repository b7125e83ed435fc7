// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Dispatch
import MeshConfig
import MeshCore
import Synchronization

/// Reads the last good configuration at the start, and writes the ones that follow.
final class LastKnownGoodKeeper: Sendable {
    private let setting: LastKnownGood
    private let source: String
    private let clock: any MeshClock
    private let wallClock: WallClock
    private let machine: Mutex<LastKnownGoodStateMachine>
    /// What is to be written: a later configuration takes the place of one that still waits.
    private let waiting = Mutex<[ResourceSnapshot.Entry]?>(nil)
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation
    // The file system may take its time; the threads that run everybody's tasks must not.
    private let queue = DispatchQueue(label: "MeshXDS.LastKnownGood")

    init(_ setting: LastKnownGood, source: String, clock: any MeshClock, wallClock: WallClock) {
        self.setting = setting
        self.source = source
        self.clock = clock
        self.wallClock = wallClock
        machine = Mutex(LastKnownGoodStateMachine(patience: setting.patience))
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// How old the configuration in force is, if it is from the file.
    var age: Nanoseconds? { machine.withLock { $0.age(at: clock.now) } }

    /// The control plane has brought a configuration, and it is in force.
    /// - Parameter entries: What is to be kept; `nil` to keep what is kept already.
    func configurationReceived(_ entries: [ResourceSnapshot.Entry]?) {
        machine.withLock { $0.configurationReceived() }
        guard let entries else { return }
        waiting.withLock { $0 = entries }
        signal.yield()
    }

    /// Reads the file, and puts it in force if the control plane keeps everybody waiting.
    /// - Parameters:
    ///   - decode: The configuration that resources make.
    ///   - apply: Puts one in force, unless the control plane was faster.
    func restore(
        _ sink: ConfigSink,
        decode: @escaping @Sendable ([ResourceSnapshot.Entry]) throws(ConfigurationError) -> MeshResources,
        apply: (MeshResources, Nanoseconds) async -> Void
    ) async {
        machine.withLock { $0.started(at: clock.now) }
        let restored: LastKnownGoodStateMachine.Restored
        do {
            guard let content = try await blocking({ () throws(ConfigurationError) in try self.read(decode) }) else {
                return
            }
            restored = content
        } catch {
            sink.notice(.lastKnownGood(source: source, .refused(error.prefixed(by: setting.path))))
            return
        }
        var due = machine.withLock { $0.fileRead(restored, at: clock.now) }
        while due == nil, let deadline = machine.withLock({ $0.nextDeadline }) {
            guard (try? await clock.sleep(until: deadline)) != nil else { return }
            due = machine.withLock { $0.timePassed(at: clock.now) }
        }
        if let due { await apply(due.resources, due.age) }
    }

    /// Writes what is put in force, until the task is cancelled.
    func write(_ sink: ConfigSink) async {
        for await _ in signals {
            await writeWaiting(sink)
            _ = try? await clock.sleep(until: clock.now.advanced(by: LastKnownGood.pause))
        }
        // What came last is not lost because it came late.
        await writeWaiting(sink)
    }

    private func writeWaiting(_ sink: ConfigSink) async {
        guard let entries = waiting.withLock({ $0.take() }) else { return }
        let takenAt = wallClock.sinceEpoch
        do {
            try await blocking { () throws(FileProblem) in
                let snapshot = ResourceSnapshot(takenAt: takenAt, entries: entries.compactMap(\.redacted))
                let bytes = SnapshotFormat.encode(snapshot)
                guard bytes.count <= self.setting.maximumBytes else {
                    let limit = self.setting.maximumBytes
                    throw FileProblem("\(self.setting.path): \(bytes.count) bytes are more than the \(limit) allowed")
                }
                try SnapshotFile(path: self.setting.path).replace(with: bytes)
            }
        } catch {
            sink.notice(.lastKnownGood(source: source, .notWritten(error)))
        }
    }

    /// Reads the file.
    /// - Returns: `nil` if there is none.
    private func read(
        _ decode: ([ResourceSnapshot.Entry]) throws(ConfigurationError) -> MeshResources
    ) throws(ConfigurationError) -> LastKnownGoodStateMachine.Restored? {
        guard !SnapshotFile(path: setting.path).isMissing else { return nil }
        let bytes: [UInt8]
        do {
            bytes = try LocalFile(path: setting.path).read(upTo: setting.maximumBytes + 1).bytes
        } catch {
            throw ConfigurationError(path: "", "\(error)")
        }
        guard bytes.count <= setting.maximumBytes else {
            throw ConfigurationError(path: "", "is longer than \(setting.maximumBytes) bytes")
        }
        let snapshot = try SnapshotFormat.decode(bytes)
        let resources = try decode(snapshot.entries)
        // A time of day that jumped back makes nothing older than it is.
        let now = wallClock.sinceEpoch
        let age = now > snapshot.takenAt ? Nanoseconds(rawValue: now.rawValue - snapshot.takenAt.rawValue) : .zero
        return LastKnownGoodStateMachine.Restored(resources: resources, age: age)
    }

    private func blocking<Value: Sendable, Failure>(
        _ work: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        typealias Outcome = Result<Value, Failure>
        let outcome = await withCheckedContinuation { (continuation: CheckedContinuation<Outcome, Never>) in
            queue.async { continuation.resume(returning: Outcome(catching: work)) }
        }
        return try outcome.get()
    }
}
