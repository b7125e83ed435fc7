// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Policies around an operation.
///
/// ```swift
/// let pipeline = try PolicyPipeline("ratings", [retry, breaker, bulkhead])     // sorted into the canonical order
/// let ratings = try await pipeline.run { try await fetchRatings() }
/// print(pipeline.describe())
/// ```
/// A call allocates a closure for each policy. Where that is too much, nest the policies' own `run`, or use the layers
/// of a `Transport`, which allocate nothing.
public struct PolicyPipeline: Sendable {
    /// What the pipeline is for.
    public let name: String
    private let policies: [any ResiliencePolicy]

    /// Creates a pipeline in the canonical order, whatever the order of `policies`; of two in the same place the first
    /// stands outside.
    /// - Throws: `ConfigurationError` if two policies stand in a place that has room for one.
    public init(_ name: String = "", _ policies: [any ResiliencePolicy]) throws(ConfigurationError) {
        let sorted = policies.enumerated().sorted { lhs, rhs in
            (lhs.element.describe().slot, lhs.offset) < (rhs.element.describe().slot, rhs.offset)
        }
        try self.init(name, outermostFirst: sorted.map(\.element))
    }

    /// Creates a pipeline in an order of one's own.
    /// - Parameters:
    ///   - policies: The policies, the outermost first.
    ///   - isChecked: Whether an order that does harm is refused. Default `true`; whoever knows better switches it off,
    ///     and `describe()` goes on naming the problems.
    /// - Throws: `ConfigurationError` with a problem for each pair that stands the wrong way round.
    public init(
        _ name: String = "",
        outermostFirst policies: [any ResiliencePolicy],
        isChecked: Bool = true
    ) throws(ConfigurationError) {
        self.name = name
        self.policies = policies
        guard isChecked else { return }
        var problems = ProblemCollector()
        for problem in describe().problems { problems.note("policies[\(problem.position)]", problem.description) }
        try problems.throwIfAny()
    }

    /// Runs an operation under all policies.
    /// - Throws: What a policy refuses with; else what the operation throws.
    public func run<Value: Sendable>(
        _ operation: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await run(policies[...], operation)
    }

    private func run<Value: Sendable>(
        _ rest: ArraySlice<any ResiliencePolicy>,
        _ operation: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        guard let outermost = rest.first else { return try await operation() }
        let inner = rest.dropFirst()
        return try await outermost.apply { try await run(inner, operation) }
    }

    /// The policies that a call passes, the outermost first, with the source of every value.
    public func describe() -> StackDescription {
        StackDescription(policies.map { $0.describe() })
    }
}
