// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// One answer in place of a failure, and which failures it is for.
public struct FallbackStep<Value: Sendable>: Sendable {
    let handles: @Sendable (any Error) -> Bool
    let answer: @Sendable (any Error) async throws -> Value

    /// Creates a step.
    /// - Parameters:
    ///   - handles: Which errors it answers for; by default every error.
    ///   - answer: Makes the answer; it gets the error that it is for.
    public init(
        when handles: @escaping @Sendable (any Error) -> Bool = { _ in true },
        _ answer: @escaping @Sendable (_ error: any Error) async throws -> Value
    ) {
        self.handles = handles
        self.answer = answer
    }

    /// The same value for every error.
    public static func value(_ value: Value) -> FallbackStep {
        FallbackStep { _ in value }
    }
}
