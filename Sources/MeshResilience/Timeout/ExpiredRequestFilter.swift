// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// Refuses requests whose callers have stopped waiting, a bounded share of all; usable alone around any async closure.
///
/// For servers, after whatever makes requests wait: a request that has come in has its whole time before it.
///
/// ```swift
/// let filter = try ExpiredRequestFilter(ExpiredRequestConfiguration())
/// let page = try await filter.run(deadline: context.deadline) { try await render() }
/// ```
public final class ExpiredRequestFilter: Sendable {
    /// What is refused.
    public let configuration: ExpiredRequestConfiguration
    /// What observers are told that it stands on.
    public let name: String
    private let observers: ObserverSet
    private let clock: any MeshClock
    private let machine: Mutex<ExpiredRequestStateMachine>

    /// Creates a filter.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public convenience init(
        _ configuration: ExpiredRequestConfiguration = ExpiredRequestConfiguration(),
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock()
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(validated: configuration, name: name, observers: observers, clock: clock)
    }

    /// Creates a filter from a configuration that was validated at the edge.
    package init(
        validated configuration: ExpiredRequestConfiguration,
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock()
    ) {
        self.configuration = configuration
        self.name = name
        self.observers = observers
        self.clock = clock
        self.machine = Mutex(ExpiredRequestStateMachine(configuration))
    }

    /// Refuses a request whose deadline has passed, unless enough others were.
    /// - Returns: What became of it, with the time that is left or by which it is late.
    /// - Throws: `MeshError` with code `deadlineExceeded`, which no retry repeats.
    /// - Complexity: O(1), one lock; no allocation unless it refuses.
    @discardableResult
    public func admit(deadline: Deadline) throws(MeshError) -> ExpiredRequestStateMachine.Verdict {
        guard configuration.mode != .disabled else { return .inTime(remaining: .forever) }
        let now = clock.now
        let verdict = machine.withLock { $0.requestReceived(deadline: deadline, at: now) }
        guard case .refused(let late) = verdict else { return verdict }
        let isEnforced = configuration.mode == .enforce
        observers.policyActed(.timeout, name: name, .refused, because: .deadline, isEnforced: isEnforced)
        guard isEnforced else { return verdict }
        throw MeshError(
            .deadlineExceeded,
            origin: .local,
            message: "the request's deadline passed \(late.duration) before it was served",
            reason: .deadline,
            localReply: LocalReply(status: 504, body: "deadline exceeded")
        )
    }

    /// Runs an operation unless its deadline has passed.
    /// - Throws: `MeshError` with code `deadlineExceeded`; else what the operation throws.
    public func run<Value>(deadline: Deadline, _ operation: () async throws -> Value) async throws -> Value {
        try admit(deadline: deadline)
        return try await operation()
    }
}
