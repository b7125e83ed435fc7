// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A policy that can stand around any operation, in any order: the seam of free composition.
///
/// The policies' own `run` takes an operation that stays where its caller is and allocates nothing; this form lets a
/// policy run the operation elsewhere, later, or more than once.
public protocol ResiliencePolicy: Sendable {
    /// Its place, its settings and where they come from.
    func describe() -> PolicyDescription

    /// Runs an operation under the policy.
    ///
    /// What the operation throws passes unchanged unless the policy answers in its place. An implementation lets the
    /// caller's cancellation through to the operation, counts it as neither success nor failure, and holds nothing when
    /// it returns.
    func apply<Value: Sendable>(_ operation: @escaping @Sendable () async throws -> Value) async throws -> Value
}
