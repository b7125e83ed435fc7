// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

// Every policy that needs to know nothing of an operation's input and value can stand in a pipeline.

extension CircuitBreaker: ResiliencePolicy {
    /// What it is set to.
    public func describe() -> PolicyDescription { PolicyDescription(configuration, in: .circuitBreaker, name: name) }

    /// Runs an operation if the breaker lets it pass.
    public func apply<Value: Sendable>(_ operation: @escaping @Sendable () async throws -> Value) async throws -> Value
    {
        try await run { try await operation() }
    }
}

extension Bulkhead: ResiliencePolicy {
    /// What it is set to.
    public func describe() -> PolicyDescription { PolicyDescription(configuration, in: .bulkhead, name: name) }

    /// Runs an operation when there is a place for it.
    public func apply<Value: Sendable>(_ operation: @escaping @Sendable () async throws -> Value) async throws -> Value
    {
        try await run { try await operation() }
    }
}

extension AdaptiveLimit: ResiliencePolicy {
    /// What it is set to.
    public func describe() -> PolicyDescription { PolicyDescription(configuration, in: .adaptiveLimit, name: name) }

    /// Runs an operation when there is a place for it.
    public func apply<Value: Sendable>(_ operation: @escaping @Sendable () async throws -> Value) async throws -> Value
    {
        try await run { try await operation() }
    }
}

extension RateLimiter: ResiliencePolicy {
    /// What it is set to.
    public func describe() -> PolicyDescription { PolicyDescription(configuration, in: .rateLimit, name: name) }

    /// Runs an operation when there is a permit for it.
    public func apply<Value: Sendable>(_ operation: @escaping @Sendable () async throws -> Value) async throws -> Value
    {
        try await run { try await operation() }
    }
}

extension AdmissionControl: ResiliencePolicy {
    /// What it is set to.
    public func describe() -> PolicyDescription { PolicyDescription(configuration, in: .admissionControl, name: name) }

    /// Runs an operation if it is admitted.
    public func apply<Value: Sendable>(_ operation: @escaping @Sendable () async throws -> Value) async throws -> Value
    {
        try await run { try await operation() }
    }
}

extension LoadShedder: ResiliencePolicy {
    /// What it is set to.
    public func describe() -> PolicyDescription { PolicyDescription(configuration, in: .loadShedding, name: name) }

    /// Runs an operation if it is served, with the default criticality.
    public func apply<Value: Sendable>(_ operation: @escaping @Sendable () async throws -> Value) async throws -> Value
    {
        try await run { try await operation() }
    }
}

extension FaultInjector: ResiliencePolicy {
    /// What it is set to.
    public func describe() -> PolicyDescription { PolicyDescription(configuration, in: .fault, name: name) }

    /// Runs an operation, with a fault if the dice say so.
    public func apply<Value: Sendable>(_ operation: @escaping @Sendable () async throws -> Value) async throws -> Value
    {
        try await run { try await operation() }
    }
}

extension Retry: ResiliencePolicy {
    /// What it is set to.
    public func describe() -> PolicyDescription { PolicyDescription(policy, in: .retry, name: name) }

    /// Runs an operation, and again if it fails and may be retried.
    public func apply<Value: Sendable>(_ operation: @escaping @Sendable () async throws -> Value) async throws -> Value
    {
        try await run { try await operation() }
    }
}

extension Hedging: ResiliencePolicy {
    /// What it is set to.
    public func describe() -> PolicyDescription { PolicyDescription(configuration, in: .hedge, name: name) }

    /// Runs an operation, and again beside it while it is slow.
    public func apply<Value: Sendable>(_ operation: @escaping @Sendable () async throws -> Value) async throws -> Value
    {
        try await run { (_: Int) in try await operation() }
    }
}

extension Timeout: ResiliencePolicy {
    /// What it is set to; in a pipeline it limits the time of the whole. See `perAttempt`.
    public func describe() -> PolicyDescription { PolicyDescription(configuration, in: .totalTimeout, name: name) }

    /// Runs an operation and cancels it when the time is up.
    public func apply<Value: Sendable>(_ operation: @escaping @Sendable () async throws -> Value) async throws -> Value
    {
        try await run(operation)
    }

    /// The same timeout for the place inside the retries, where it limits each attempt.
    public var perAttempt: some ResiliencePolicy { AttemptTimeout(timeout: self) }
}

/// A timeout of each attempt.
private struct AttemptTimeout: ResiliencePolicy {
    let timeout: Timeout

    func describe() -> PolicyDescription {
        PolicyDescription(timeout.configuration, in: .attemptTimeout, name: timeout.name)
    }

    func apply<Value: Sendable>(_ operation: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await timeout.run(operation)
    }
}
