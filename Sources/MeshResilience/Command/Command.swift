// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// A named operation with everything that Hystrix put around one: fallback, circuit breaker, limit, timeout, and counts of
/// what happened.
///
/// ```swift
/// let ratings = try Command("GetRatings", group: "ratings", fallback: { _, _ in Ratings.none }) { product in
///     try await client.ratings(of: product)
/// }
/// let shown = try await ratings.execute("7")
/// for await line in ratings.hystrixStream() { try await writer.write(line) }     // for Hystrix' dashboard
/// ```
/// What Hystrix gets wrong is left out: refusals of its own do not count as failures, so that an open circuit cannot keep
/// itself open; and a caller that gives up counts for nothing.
public final class Command<Input: Sendable, Output: Sendable>: Sendable {
    /// The command's name, in metrics and as observers are told.
    public let name: String
    /// The group that dashboards show it in.
    public let group: String
    /// How it protects the operation.
    public let configuration: CommandConfiguration
    /// Its circuit breaker, for whoever wants to force it.
    public let circuitBreaker: CircuitBreaker
    private let bulkhead: Bulkhead
    private let fallbackPlaces: Bulkhead
    private let timeout: Timeout?
    private let classifier: ResponseClassifier
    private let observers: ObserverSet
    private let clock: any MeshClock
    private let wallClock: WallClock
    private let statistics = Mutex(CommandStatistics())
    private let operation: @Sendable (Input) async throws -> Output
    private let fallback: (@Sendable (Input, any Error) async throws -> Output)?

    /// Creates a command.
    /// - Parameters:
    ///   - classifier: Which errors are failures. One that it ignores, and that is neither a cancellation nor a refusal of
    ///     this process' own (`MeshError.Origin.local`), is the caller's fault: it is thrown as it is, without a fallback
    ///     (Hystrix' `HystrixBadRequestException`).
    ///   - fallback: Answers in place of what fails; it gets the input and the error.
    ///   - operation: What the command does.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public init(
        _ name: String,
        group: String = "",
        _ configuration: CommandConfiguration = CommandConfiguration(),
        classifier: ResponseClassifier = .standard,
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock(),
        wallClock: WallClock = .system,
        random: MeshRandom = MeshRandom(),
        fallback: (@Sendable (Input, any Error) async throws -> Output)? = nil,
        _ operation: @escaping @Sendable (Input) async throws -> Output
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.name = name
        self.group = group.isEmpty ? name : group
        self.configuration = configuration
        self.classifier = classifier
        self.observers = observers
        self.clock = clock
        self.wallClock = wallClock
        self.circuitBreaker = CircuitBreaker(
            validated: configuration.breakerPolicy,
            name: name,
            observers: observers,
            clock: clock,
            random: random,
            classifier: classifier
        )
        self.bulkhead = Bulkhead(
            validated: configuration.bulkheadPolicy,
            name: name,
            observers: observers,
            clock: clock
        )
        self.fallbackPlaces = Bulkhead(
            validated: configuration.fallbackPolicy,
            name: "\(name) fallback",
            observers: observers,
            clock: clock
        )
        self.timeout = configuration.timeoutPolicy.map {
            Timeout(validated: $0, name: name, observers: observers, timers: .serving(clock))
        }
        self.operation = operation
        self.fallback = fallback
    }

    /// Runs the operation, or the fallback in its place.
    /// - Throws: What the operation threw or the command refused with, if there is no fallback or it only observes;
    ///   `FallbackFailure` with both errors if that failed, too. A caller that has given up gets no fallback, but what the
    ///   operation threw.
    public func execute(_ input: Input) async throws -> Output {
        let start = clock.now
        statistics.withLock { $0.callStarted(at: start) }
        defer {
            let end = clock.now
            statistics.withLock { $0.callEnded(after: end.elapsed(since: start), at: end) }
        }
        do {
            return try await attempt(input)
        } catch let error where error is CancellationError || Task.isCancelled {
            // An operation that was cancelled may say so in its own words.
            note(.cancelled)
            throw (error as? BadRequest)?.error ?? error
        } catch let failure as BadRequest {
            note(.badRequest)
            note(.exceptionThrown)
            throw failure.error
        } catch {
            return try await fallBack(input, from: error)
        }
    }

    /// What the command did lately.
    public var metrics: CommandMetrics {
        let now = clock.now
        let isOpen = circuitBreaker.isRefusing
        return statistics.withLock { $0.metrics(name: name, group: group, isCircuitOpen: isOpen, at: now) }
    }

    /// The policies that a call passes, the outermost first.
    public func describe() -> StackDescription {
        var policies: [PolicyDescription] = []
        if fallback != nil {
            let places = PolicySetting(
                "maximumConcurrent",
                configuration.maximumConcurrentFallbacks,
                default: 10,
                from: "Hystrix"
            )
            policies.append(
                PolicyDescription(slot: .fallback, name: name, mode: configuration.mode, settings: [places])
            )
        }
        policies.append(PolicyDescription(circuitBreaker.configuration, in: .circuitBreaker, name: name))
        policies.append(PolicyDescription(bulkhead.configuration, in: .bulkhead, name: name))
        if let timeout { policies.append(PolicyDescription(timeout.configuration, in: .attemptTimeout, name: name)) }
        return StackDescription(policies)
    }

    private func attempt(_ input: Input) async throws -> Output {
        let permit: CircuitBreaker.Permit
        do {
            permit = try circuitBreaker.acquire()
        } catch {
            note(.shortCircuited)
            throw error
        }
        // A permit that is dropped on the way out gives itself back, and counts for nothing.
        let place: BulkheadPermit
        do {
            place = try await bulkhead.acquire()
        } catch {
            if !(error is CancellationError) { note(.semaphoreRejected) }
            throw error
        }
        let start = clock.now
        let (result, isLate) = await run(input)
        place.release()
        let end = clock.now
        statistics.withLock { $0.executed(for: end.elapsed(since: start), at: end) }
        switch result {
        case .success(let output):
            permit.end(.success)
            note(.success)
            return output
        case .failure(let error):
            if isLate {
                permit.end(.failure)
                note(.timeout)
                throw timeout?.timedOut(cause: error) ?? error
            }
            if error is CancellationError || Task.isCancelled { throw error }
            let outcome = classifier.outcome(error: error)
            permit.end(outcome)
            guard outcome != .ignored else {
                // What this process refused further in (a limit, an open circuit) says nothing of the peer, and is not the
                // caller's fault either: the fallback answers.
                throw (error as? MeshError)?.origin == .local ? error : BadRequest(error: error)
            }
            note(.failure)
            throw error
        }
    }

    /// What the operation came to, and whether the command's own timeout was over before: the operation may have run into
    /// one of those below it.
    private func run(_ input: Input) async -> (Result<Output, any Error>, isLate: Bool) {
        do {
            guard let timeout else { return (.success(try await operation(input)), false) }
            let operation = operation
            return try await timeout.outcome { try await operation(input) }
        } catch {
            return (.failure(error), false)
        }
    }

    private func fallBack(_ input: Input, from error: any Error) async throws -> Output {
        guard let fallback, configuration.mode == .enforce else {
            if fallback == nil { note(.fallbackMissing) }
            note(.exceptionThrown)
            if fallback != nil, configuration.mode == .observe { tellFellBack(from: error) }
            throw error
        }
        guard let place = fallbackPlaces.tryAcquire() else {
            note(.fallbackRejection)
            note(.exceptionThrown)
            throw error
        }
        tellFellBack(from: error)
        do {
            let output = try await fallback(input, error)
            place.release()
            note(.fallbackSuccess)
            return output
        } catch let second {
            if second is CancellationError, Task.isCancelled {
                note(.cancelled)
                throw second
            }
            note(.fallbackFailure)
            note(.exceptionThrown)
            throw FallbackFailure(original: error, fallbacks: [second])
        }
    }

    private func tellFellBack(from error: any Error) {
        let reason = (error as? MeshError)?.reason ?? .failure
        let isEnforced = configuration.mode == .enforce
        observers.policyActed(.fallback, name: name, .fellBack, because: reason, isEnforced: isEnforced)
    }

    private func note(_ event: CommandEvent) {
        let now = clock.now
        statistics.withLock { $0.happened(event, at: now) }
    }

    /// What the dashboard shows beside the figures.
    var streamProperties: CommandMetrics.StreamProperties {
        let breaker = circuitBreaker.configuration
        let state = circuitBreaker.state
        return CommandMetrics.StreamProperties(
            minimumCalls: breaker.minimumCalls,
            openDuration: breaker.openDuration,
            failurePercentage: Int(((breaker.failureRate ?? 1) * 100).rounded()),
            isForcedOpen: state == .forcedOpen,
            isForcedClosed: state == .forcedClosed,
            isBreakerEnabled: circuitBreaker.mode == .enforce,
            timeout: configuration.timeout,
            maximumConcurrency: configuration.maximumConcurrent,
            maximumFallbackConcurrency: configuration.maximumConcurrentFallbacks
        )
    }

    var ticks: any MeshClock { clock }
    var timeOfDay: WallClock { wallClock }
}

/// An error that is the caller's own fault.
private struct BadRequest: Error {
    var error: any Error
}

extension CircuitBreaker {
    /// Whether a call would be refused now.
    fileprivate var isRefusing: Bool {
        switch state {
        case .open, .forcedOpen: mode == .enforce
        default: false
        }
    }
}
