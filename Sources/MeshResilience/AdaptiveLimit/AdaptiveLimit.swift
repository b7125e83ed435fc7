// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// Limits the calls under way to what the peer can serve, which it finds from their latencies; usable alone around any
/// async closure.
///
/// ```swift
/// let limit = try AdaptiveLimit(AdaptiveLimitConfiguration(algorithm: .envoyGradient))
/// let answer = try await limit.run { try await call() }
/// ```
public final class AdaptiveLimit: Sendable {
    private struct State {
        var algorithm: any LimitAlgorithm
        var limit: Int
    }

    /// What it was made with.
    public let configuration: AdaptiveLimitConfiguration
    /// What it stands on, as observers are told.
    public let name: String
    /// Whether some calls are guaranteed a share.
    @usableFromInline let hasPartitions: Bool
    private let observers: ObserverSet
    private let clock: any MeshClock
    private let random: MeshRandom
    private let places: Bulkhead
    private let state: Mutex<State>
    private let shares: Mutex<PartitionShares>

    /// Creates a limit at its algorithm's start.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public convenience init(
        _ configuration: AdaptiveLimitConfiguration = AdaptiveLimitConfiguration(),
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock(),
        random: MeshRandom = MeshRandom()
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(validated: configuration, name: name, observers: observers, clock: clock, random: random)
    }

    /// Creates a limit with an algorithm of one's own; the configuration's algorithm and window are not used.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public convenience init(
        algorithm: any LimitAlgorithm,
        configuration: AdaptiveLimitConfiguration = AdaptiveLimitConfiguration(),
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock(),
        random: MeshRandom = MeshRandom()
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(algorithm, configuration, name, observers, clock, random)
    }

    /// Creates a limit from a configuration whose bounds hold.
    package convenience init(
        validated configuration: AdaptiveLimitConfiguration,
        name: String,
        observers: ObserverSet,
        clock: any MeshClock,
        random: MeshRandom
    ) {
        let algorithm = configuration.algorithm.begin(window: configuration.window)
        self.init(algorithm, configuration, name, observers, clock, random)
    }

    private init(
        _ algorithm: any LimitAlgorithm,
        _ configuration: AdaptiveLimitConfiguration,
        _ name: String,
        _ observers: ObserverSet,
        _ clock: any MeshClock,
        _ random: MeshRandom
    ) {
        self.configuration = configuration
        self.name = name
        self.hasPartitions = !configuration.partitions.isEmpty
        self.observers = observers
        self.clock = clock
        self.random = random
        // The answer of Envoy's adaptive concurrency filter.
        let reply = LocalReply(status: configuration.status, body: "reached concurrency limit")
        self.places = Bulkhead(
            configuration.places,
            kind: .adaptiveLimit,
            refusals: BulkheadRefusals(.shed, subject: "the adaptive concurrency limit is reached", reply: reply),
            name: name,
            observers: observers,
            clock: clock
        )
        // A limit of nobody would never see a call end, and so stay what it is.
        let limit = max(algorithm.limit, 1)
        self.state = Mutex(State(algorithm: algorithm, limit: limit))
        self.shares = Mutex(PartitionShares(configuration.partitions))
        _ = places.setLimit(limit)
    }

    /// The limit now.
    public var limit: Int { state.withLock { $0.limit } }
    /// The calls under way.
    public var inFlight: Int { places.inFlight }
    /// The calls that wait.
    public var queued: Int { places.queued }
    /// The calls that wait or have not heard yet what became of their wait.
    package var unsettled: Int { places.unsettled }

    /// The calls under way of a partition.
    public func inFlight(in partition: String) -> Int {
        shares.withLock { $0.inFlight($0.number(of: partition)) }
    }

    /// Takes a place, and waits for one if it may.
    /// - Parameters:
    ///   - partition: The partition that the call belongs to; a name that is not configured is guaranteed nothing.
    ///   - deadline: When nobody wants the place any more. A call whose deadline has passed does not wait.
    /// - Throws: `MeshError` with code `shed` and the reason (`limit`, `queueFull`, `waitTooLong`), or `deadlineExceeded`;
    ///   `CancellationError` if the task is cancelled while it waits.
    public func acquire(
        partition: String? = nil,
        deadline: Deadline = .never
    ) async throws -> AdaptiveLimitPermit {
        let admission = try await enter(partition: number(of: partition), deadline: deadline)
        return AdaptiveLimitPermit(self, admission)
    }

    /// Runs an operation under the limit. What it throws decides whether it counts: see `LimitEnding.init(error:)`.
    /// - Throws: what `acquire` throws; else what the operation throws.
    /// - Complexity: that of the algorithm, O(1) for all of ours but at the end of a window; no allocation unless it waits.
    @inlinable
    public func run<Value>(
        partition: String? = nil,
        deadline: Deadline = .never,
        _ operation: () async throws -> Value
    ) async throws -> Value {
        let number = number(of: partition)
        let entry = entry(partition: number)
        let admission = entry.mustWait ? try await wait(partition: number, deadline: deadline) : entry.admission
        let value: Value
        do {
            value = try await operation()
        } catch {
            if let admission { leave(admission, failedBy: error) }
            throw error
        }
        if let admission { leave(admission, .completed) }
        return value
    }
}

extension AdaptiveLimit {
    /// What an admitted call has to know when it ends.
    @usableFromInline
    struct Admission: Sendable {
        @usableFromInline let startedAt: MeshInstant
        /// The calls under way in the lower 24 bits, the partition's number in the upper 8: what a context can carry.
        @usableFromInline let stamp: UInt32

        @usableFromInline
        init(startedAt: MeshInstant, stamp: UInt32) {
            self.startedAt = startedAt
            self.stamp = stamp
        }

        init(startedAt: MeshInstant, inFlight: Int, partition: Int) {
            self.startedAt = startedAt
            self.stamp = UInt32(min(inFlight, LimitBounds.most)) | UInt32(partition) << 24
        }

        var inFlight: Int { Int(stamp & 0xFF_FFFF) }
        var partition: Int { Int(stamp >> 24) }
    }

    /// The number of a partition; 0 for none.
    @usableFromInline
    func number(of partition: String?) -> Int {
        partition == nil || configuration.partitions.isEmpty ? 0 : shares.withLock { $0.number(of: partition) }
    }

    /// The number of the partition that a request names; 0 for none.
    @usableFromInline
    func partition(of request: borrowing some RequestHead) -> Int {
        guard !configuration.partitions.isEmpty, let header = configuration.partitionHeader else { return 0 }
        return number(of: request.value(of: header))
    }

    /// What a call finds at the door.
    @usableFromInline
    struct Entry: Sendable {
        /// What `leave` wants to know; `nil` if no place is held.
        @usableFromInline let admission: Admission?
        /// Whether it may have to wait for a place.
        @usableFromInline let mustWait: Bool

        init(_ admission: Admission?, mustWait: Bool = false) {
            self.admission = admission
            self.mustWait = mustWait
        }
    }

    /// Takes a place if there is one; never waits.
    @usableFromInline
    func entry(partition: Int) -> Entry {
        guard configuration.mode != .disabled else { return Entry(nil) }
        guard partition == 0, configuration.mode == .enforce else { return Entry(nil, mustWait: true) }
        let inFlight = places.entryCounting()
        guard inFlight > 0 else { return Entry(nil, mustWait: true) }
        return Entry(Admission(startedAt: clock.now, inFlight: inFlight, partition: 0))
    }

    /// Takes a place and waits for it if it may.
    /// - Returns: `nil` if no place is held; otherwise what `leave` wants to know.
    @usableFromInline
    func wait(partition: Int, deadline: Deadline) async throws -> Admission? {
        let inFlight: Int
        if partition > 0, let excess = guaranteedPlace(in: partition) {
            inFlight = excess
        } else {
            inFlight = try await places.enterCounting(deadline: deadline)
            guard inFlight > 0 else { return nil }
            if partition > 0 { shares.withLock { $0.placeTaken(partition) } }
        }
        return Admission(startedAt: clock.now, inFlight: inFlight, partition: partition)
    }

    /// Takes a place and waits for it if it may.
    /// - Returns: `nil` if no place is held; otherwise what `leave` wants to know.
    func enter(partition: Int, deadline: Deadline) async throws -> Admission? {
        let entry = entry(partition: partition)
        return entry.mustWait ? try await wait(partition: partition, deadline: deadline) : entry.admission
    }

    /// A place beyond the limit, if that is used up and the partition has not got its share.
    private func guaranteedPlace(in partition: Int) -> Int? {
        let limit = places.limit
        guard places.inFlight >= limit, shares.withLock({ $0.guaranteedPlaceWanted(partition, of: limit) }) else {
            return nil
        }
        return places.enterRegardless()
    }

    /// Gives a place back, and learns from how the call ended.
    @usableFromInline
    func leave(_ admission: Admission, _ ending: LimitEnding) {
        if ending != .ignored { learn(from: admission, isDrop: ending == .dropped) }
        if admission.partition > 0 { shares.withLock { $0.placeReturned(admission.partition) } }
        places.leave()
    }

    /// Gives the place back of a call that threw. One that was cancelled may say so in its own words, a timeout's among
    /// them, and says nothing of the peer.
    @usableFromInline
    func leave(_ admission: Admission, failedBy error: any Error) {
        leave(admission, Task.isCancelled ? .ignored : LimitEnding(error: error))
    }

    private func learn(from admission: Admission, isDrop: Bool) {
        let now = clock.now
        let sample = LimitSample(
            rtt: now.elapsed(since: admission.startedAt),
            inFlight: admission.inFlight,
            isDrop: isDrop,
            endedAt: now
        )
        let change = state.withLock { state -> (from: Int, to: Int, isWaitedFor: Bool)? in
            let before = state.limit
            let after = max(state.algorithm.sampled(sample, using: random), 1)
            guard after != before else { return nil }
            state.limit = after
            // Inside this lock, or an older limit could overtake a newer one on its way to the places.
            return (before, after, places.storeLimit(after))
        }
        guard let change else { return }
        if change.isWaitedFor { places.settle() }
        let reason: PolicyDecision.Reason = change.to > change.from ? .recovered : isDrop ? .failures : .latency
        let isEnforced = configuration.mode == .enforce
        observers.policyActed(.adaptiveLimit, name: name, .changed, because: reason, isEnforced: isEnforced)
    }
}
