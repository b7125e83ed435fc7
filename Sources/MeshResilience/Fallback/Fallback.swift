// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Answers in place of an operation that failed; usable alone around any async closure.
///
/// ```swift
/// let fallback = try Fallback<Page>(steps: [FallbackStep { _ in try await cachedPage() }, .value(.empty)])
/// let page = try await fallback.run { try await fetch(page: 7) }
/// ```
///
/// The first step that handles the error answers; if it fails too, the next step that handles its error does. A caller
/// that gave up wants no answer.
public final class Fallback<Value: Sendable>: Sendable {
    /// The answers, in the order in which they are tried.
    public let steps: [FallbackStep<Value>]
    private let gate: FallbackGate

    /// The bound.
    public var configuration: FallbackConfiguration { gate.configuration }
    /// What it stands on, as observers are told; empty if nobody gave it a name.
    public var name: String { gate.name }
    /// How many fallbacks are under way.
    public var running: Int { gate.running }

    /// Creates a fallback.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public init(
        _ configuration: FallbackConfiguration = FallbackConfiguration(),
        steps: [FallbackStep<Value>],
        name: String = "",
        observers: ObserverSet = .none
    ) throws(ConfigurationError) {
        var problems = ProblemCollector()
        _ = problems.nest("") { () throws(ConfigurationError) in try configuration.validate() }
        problems.require(!steps.isEmpty, "steps", "must not be empty")
        try problems.throwIfAny()
        self.steps = steps
        self.gate = FallbackGate(configuration, name: name, observers: observers)
    }

    package init(
        validated configuration: FallbackConfiguration,
        steps: [FallbackStep<Value>],
        name: String,
        observers: ObserverSet
    ) {
        self.steps = steps
        self.gate = FallbackGate(configuration, name: name, observers: observers)
    }

    /// Runs an operation, and answers in its place if it fails.
    /// - Throws: The operation's error if no step handles it or the caller gave up; `FallbackFailure` with every error if
    ///   the fallbacks failed too; `MeshError` with code `overflow` if too many are under way.
    /// - Complexity: O(1) and no allocation when the operation succeeds.
    @inlinable
    public func run(_ operation: () async throws -> Value) async throws -> Value {
        do {
            return try await operation()
        } catch {
            return try await answer(for: error)
        }
    }

    @usableFromInline
    func answer(for original: any Error) async throws -> Value {
        guard
            configuration.mode != .disabled, !FallbackGate.isUnwanted(original),
            let first = steps.firstIndex(where: { $0.handles(original) })
        else { throw original }
        guard configuration.mode == .enforce else {
            gate.tell(.fellBack, because: .failure)
            throw original
        }
        guard gate.enter() else { throw gate.refusal(cause: original) }
        defer { gate.leave() }
        var errors: [any Error] = []
        var error = original
        for step in steps[first...] where step.handles(error) {
            do {
                return try await step.answer(error)
            } catch let failure {
                if FallbackGate.isUnwanted(failure) { throw failure }
                errors.append(failure)
                error = failure
            }
        }
        throw FallbackFailure(original: original, fallbacks: errors)
    }
}
