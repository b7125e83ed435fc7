// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// Delays and aborts a share of the calls on purpose; usable alone around any async closure.
///
/// ```swift
/// let chaos = try FaultInjector(
///     FaultConfiguration(
///         delay: .init(duration: .milliseconds(100), percentage: .init(percent: 10), upTo: .seconds(2)),
///         abort: .init(status: 503, percentage: .init(percent: 1)),
///         timeToLive: .seconds(3_600)
///     ),
///     name: "checkout"
/// )
/// try await chaos.run { try await call() }
/// ```
///
/// It stands innermost around a call whose policies are to be tried, and outside the retries where they are not to mask
/// it.
public final class FaultInjector: Sendable {
    /// What is injected.
    public let configuration: FaultConfiguration
    /// What it stands on, for observers.
    public let name: String
    private let observers: ObserverSet
    private let clock: any MeshClock
    private let random: MeshRandom
    private let endsAt: MeshInstant
    /// Whether requests decide, too. Most faults have no such conditions, and need not look at the request.
    @usableFromInline let looksAtRequests: Bool
    /// The shares where no request says otherwise.
    private let shares: FaultShares
    /// Whether it always acts: neither switched off, nor observing, nor to end at some time, and on any request.
    private let alwaysActs: Bool
    private let active = Atomic(0)
    private let hasEnded = Atomic(false)

    /// Creates an injector whose time to live begins now.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public convenience init(
        _ configuration: FaultConfiguration,
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock(),
        random: MeshRandom = MeshRandom()
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(validated: configuration, name: name, observers: observers, clock: clock, random: random)
    }

    /// Creates an injector of a configuration that was validated at the edge.
    package init(
        validated configuration: FaultConfiguration,
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock(),
        random: MeshRandom = MeshRandom()
    ) {
        self.configuration = configuration
        self.looksAtRequests = configuration.hasConditions || configuration.asksRequests
        self.shares = FaultShares(of: configuration)
        self.alwaysActs =
            configuration.mode == .enforce && configuration.timeToLive == .forever && !looksAtRequests
        self.name = name
        self.observers = observers
        self.clock = clock
        self.random = random
        let isEndless = configuration.timeToLive == .forever
        self.endsAt = isEndless ? MeshInstant(nanoseconds: .max) : clock.now.advanced(by: configuration.timeToLive)
    }

    /// Whether the time to live is over, so that nothing is injected any more.
    public var isExpired: Bool { endsAt.nanoseconds != .max && clock.now >= endsAt }

    /// How many calls are held back now.
    public var activeFaults: Int { active.load(ordering: .relaxed) }

    /// Draws the faults of a request; it gets none if its headers do not match.
    /// - Complexity: O(headers), two draws; the clock is read only if there is a time to live.
    @inlinable
    public func faults(for request: some RequestHead) -> FaultDecision {
        let drawn = draw()
        return drawn.isEmpty ? FaultDecision() : decision(drawn, for: request)
    }

    /// Draws where chance alone decides, which costs most requests the least.
    @usableFromInline
    func draw() -> FaultShares.Drawn {
        alwaysActs ? shares.drawn(using: random) : .undecided
    }

    /// The faults of a request for which these were drawn.
    @usableFromInline
    func decision(_ drawn: FaultShares.Drawn, for request: some RequestHead) -> FaultDecision {
        var decision: FaultDecision
        if drawn != .undecided {
            decision = FaultDecision(drawn, of: configuration, FaultWishes(), using: random)
        } else if looksAtRequests, !configuration.concerns(request) {
            return FaultDecision()
        } else if configuration.asksRequests {
            let wishes = FaultWishes(request)
            decision = draw(FaultShares(of: configuration, cutTo: wishes), wishes)
        } else {
            decision = draw(shares, FaultWishes())
        }
        if decision.abort != nil { decision.adapt(to: request) }
        return decision
    }

    /// Whether requests to a cluster may get faults.
    public func concerns(cluster: String) -> Bool {
        configuration.upstreamCluster.isEmpty || configuration.upstreamCluster == cluster
    }

    /// Draws the faults of a request, holds it back and aborts it, as drawn.
    /// - Throws: `MeshError` with code `faultInjected` for an abort, or `deadlineExceeded` when the caller's deadline
    ///   passes during the delay; `CancellationError`.
    @inlinable
    public func inject(into request: some RequestHead, _ context: inout CallContext) async throws {
        let decision = faults(for: request)
        if !decision.isEmpty { try await inject(decision, &context) }
    }

    /// Holds a request back and aborts it, as drawn; leaves it alone if too many suffer already.
    @usableFromInline
    func inject(_ decision: FaultDecision, _ context: inout CallContext) async throws {
        guard begin(decision) else { return }
        defer { end() }
        try await decision.take(&context, clock: clock, observers: observers, name: name)
    }

    /// Injects what was drawn; what suffers goes on suffering until `ended`: the context says so.
    @usableFromInline
    func inject(
        _ drawn: FaultShares.Drawn,
        into request: some RequestHead,
        untilTheEndOf context: inout CallContext
    ) async throws {
        let decision = self.decision(drawn, for: request)
        guard !decision.isEmpty, begin(decision) else { return }
        context.timePassed()
        do {
            try await decision.take(&context, clock: clock, observers: observers, name: name)
        } catch {
            end()
            throw error
        }
        context.heldPermits.insert(.fault)
    }

    /// A request that suffered has ended.
    @usableFromInline
    func ended(_ context: inout CallContext) {
        context.heldPermits.remove(.fault)
        end()
    }

    /// Runs an operation, after the delay and unless it is aborted, as drawn. Faults with conditions on headers leave
    /// it alone, because it has none.
    /// - Parameters:
    ///   - deadline: When nobody waits for the result any more; it goes on running during a delay.
    ///   - instead: What an aborted call gets: returns any result, throws any error, or does something else first and
    ///     then whatever the operation does. Default `nil`: a `MeshError` with code `faultInjected`.
    ///   - operation: What is run at most once.
    /// - Throws: As `inject`; else what `instead` or the operation throws.
    public func run<Value>(
        until deadline: Deadline = .never,
        instead: (() async throws -> Value)? = nil,
        _ operation: () async throws -> Value
    ) async throws -> Value {
        let decision = looksAtRequests ? FaultDecision() : draw(shares, FaultWishes())
        guard !decision.isEmpty, begin(decision) else { return try await operation() }
        do {
            defer { end() }
            var context = CallContext(now: clock.now, deadline: deadline)
            try await decision.holdBack(&context, clock: clock, observers: observers, name: name)
        }
        guard let abort = decision.abort else { return try await operation() }
        decision.tellAborted(observers, name: name)
        guard let instead else { throw abort.error() }
        return try await instead()
    }

    /// Draws the faults of a call for which the conditions hold, of shares that the request may have cut, where the injector
    /// may be off, over, or observing.
    private func draw(_ shares: FaultShares, _ wishes: FaultWishes) -> FaultDecision {
        guard configuration.mode != .disabled else { return FaultDecision() }
        if isExpired {
            tellEnded()
            return FaultDecision()
        }
        let decision = FaultDecision(shares.drawn(using: random), of: configuration, wishes, using: random)
        guard configuration.mode == .observe, !decision.isEmpty else { return decision }
        if decision.responseBytesPerSecond > 0 { decision.tellSlowed(observers, name: name, isEnforced: false) }
        if decision.delay != nil { decision.tellDelayed(observers, name: name, isEnforced: false) }
        if decision.abort != nil { decision.tellAborted(observers, name: name, isEnforced: false) }
        return FaultDecision()
    }

    private func begin(_ decision: FaultDecision) -> Bool {
        let count = active.wrappingAdd(1, ordering: .relaxed).newValue
        guard let maximum = configuration.maximumActive, count > maximum else { return true }
        end()
        return false
    }

    private func end() {
        active.wrappingSubtract(1, ordering: .relaxed)
    }

    /// Says once that the injector has switched itself off.
    private func tellEnded() {
        guard !hasEnded.exchange(true, ordering: .relaxed) else { return }
        let isEnforced = configuration.mode == .enforce
        observers.policyActed(.fault, name: name, .changed, because: .recovered, isEnforced: isEnforced)
    }
}
