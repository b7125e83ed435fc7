// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Dispatch
public import MeshConfig
public import MeshCore

/// Endpoints from a file: the assignments of clusters whose endpoints come by themselves (`.endpointDiscovery`). Routes
/// and clusters come from the mesh's other sources.
///
/// The file is what Envoy reads by `eds_config.path_config_source`: a `DiscoveryResponse` in JSON, with the
/// `ClusterLoadAssignment`s of any number of clusters (Envoy takes one a file). It is looked at in an interval, because
/// notifications of the file system do not work on every mount (Envoy waits for renames by inotify), and may be replaced
/// by renaming or written in place: a change is read once it stood still for 50 ms. An assignment that it does not name
/// any more is gone. While it is missing, or its content is bad, the last good one stays in force.
public struct EndpointFileSource: ConfigSource {
    /// The largest file that is read, in bytes: 64 MiB, some 100 000 endpoints.
    static let maximumBytes = JSONReader.maximumLength
    /// How long what changes must stand still.
    static let settlingTime = Nanoseconds.milliseconds(50)
    /// How long it may be between two looks.
    static let intervals = Nanoseconds.milliseconds(100)...Nanoseconds.seconds(3600)

    /// The source's name.
    public let name: String

    private let file: LocalFile
    private let interval: Nanoseconds
    private let registry: ExtensionRegistry
    private let clock: any MeshClock

    /// Creates a source.
    /// - Parameters:
    ///   - path: The file. It may be missing at first.
    ///   - interval: How long it is between two looks at the file, from 100 ms to 1 h; default 1 s. A look costs one
    ///     system call.
    ///   - registry: The extensions that resources may name.
    ///   - clock: What waits are measured by.
    /// - Throws: `ConfigurationError` if the path is empty or the interval breaks a bound.
    public init(
        path: String,
        interval: Nanoseconds = .seconds(1),
        registry: ExtensionRegistry = .standard,
        clock: any MeshClock = SystemClock()
    ) throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(!path.isEmpty, "path", "is empty")
        problems.require(Self.intervals.contains(interval), "interval", "must be from 100 ms to 1 h")
        try problems.throwIfAny()
        self.name = "file \(path)"
        self.file = LocalFile(path: path)
        self.interval = interval
        self.registry = registry
        self.clock = clock
    }

    /// Watches the file until the task is cancelled.
    /// - Throws: `CancellationError` when it is.
    public func run(delivering sink: ConfigSink) async throws {
        // The file system may take its time; the threads that run everybody's tasks must not.
        let queue = DispatchQueue(label: "MeshXDS.EndpointFileSource")
        var watch = FileWatchStateMachine()
        var inForce: MeshResources?
        while true {
            let before = watch.availability
            let (pause, content) = await look(&watch, on: queue)
            if watch.availability != before { tell(watch.availability, sink) }
            if let content { deliver(content, to: sink, &inForce) }
            try await clock.sleep(until: clock.now.advanced(by: pause))
        }
    }

    /// Looks once.
    /// - Returns: When to look again, and what the file holds if that is news.
    private func look(
        _ watch: inout FileWatchStateMachine,
        on queue: DispatchQueue
    ) async -> (pause: Nanoseconds, content: Result<MeshResources, ConfigurationError>?) {
        do {
            let file = file
            switch watch.seen(try await queue.result { () throws(FileProblem) in try file.fingerprint() }) {
            case .rest: return (interval, nil)
            case .lookAgainSoon: return (Self.settlingTime, nil)
            case .read: break
            }
            let reading = try await queue.result { () throws(FileProblem) in try read() }
            switch watch.read(reading.before, lookingLike: reading.after) {
            case .use: return (interval, reading.content)
            case .lookAgainSoon: return (Self.settlingTime, nil)
            }
        } catch {
            watch.failed(error)
            return (interval, nil)
        }
    }

    private struct Reading: Sendable {
        /// What the file looked like that was read.
        var before: FileFingerprint
        /// What the path led to afterwards.
        var after: FileFingerprint
        /// `nil` if it changed meanwhile, and is not worth decoding.
        var content: Result<MeshResources, ConfigurationError>?
    }

    private func read() throws(FileProblem) -> Reading {
        let (bytes, before) = try file.read(upTo: Self.maximumBytes + 1)
        var reading = Reading(before: before, after: try file.fingerprint())
        guard before == reading.after else { return reading }
        do throws(ConfigurationError) {
            reading.content = .success(try decode(bytes))
        } catch {
            reading.content = .failure(error)
        }
        return reading
    }

    private func decode(_ bytes: [UInt8]) throws(ConfigurationError) -> MeshResources {
        guard bytes.count <= Self.maximumBytes else {
            throw ConfigurationError(path: file.path, "is longer than \(Self.maximumBytes) bytes")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ConfigurationError(path: file.path, "is no UTF-8")
        }
        return try ResourceDocument(json: text, file: file.path).endpointAssignments(registry)
    }

    /// Puts what was read in force, unless it is already: whoever touches a file changes nothing.
    private func deliver(
        _ content: Result<MeshResources, ConfigurationError>,
        to sink: ConfigSink,
        _ inForce: inout MeshResources?
    ) {
        switch content {
        case .success(let resources):
            guard resources != inForce else { return }
            // The sink tells its observers of a refusal; the last good configuration stays in force.
            guard (try? sink.apply(resources)) != nil else { return }
            inForce = resources
        case .failure(let error): sink.notice(.configurationRejected(source: name, error: error))
        }
    }

    private func tell(_ availability: FileWatchStateMachine.Availability, _ sink: ConfigSink) {
        switch availability {
        case .unknown: break
        case .available: sink.notice(.sourceConnection(source: name, isConnected: true, reason: nil))
        case .unavailable(let problem):
            sink.notice(.sourceConnection(source: name, isConnected: false, reason: problem.description))
        }
    }
}

extension DispatchQueue {
    /// What a piece of work gives that blocks its thread.
    fileprivate func result<Value: Sendable, Failure>(
        _ work: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        typealias Outcome = Result<Value, Failure>
        let outcome = await withCheckedContinuation { (continuation: CheckedContinuation<Outcome, Never>) in
            async { continuation.resume(returning: Outcome(catching: work)) }
        }
        return try outcome.get()
    }
}
