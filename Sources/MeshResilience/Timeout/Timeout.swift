// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Runs an operation and cancels it when it takes too long; usable alone around any async closure.
///
/// Cancellation is cooperative: the operation ends when it notices, and `run` waits for that. Inside a mesh nothing of
/// this is used: deadlines are values that the transport enforces.
public struct Timeout: Sendable {
    /// How long the operation may take.
    public let duration: Nanoseconds

    /// Creates a timeout.
    /// - Precondition: `duration` is greater than zero.
    public init(_ duration: Duration) {
        self.duration = Nanoseconds(duration)
        precondition(self.duration > .zero, "a timeout must be greater than 0")
    }

    /// Runs an operation under the timeout.
    /// - Throws: `MeshError` with code `deadlineExceeded` if the time is up first; else what the operation throws.
    public func run<Value: Sendable>(
        clock: any MeshClock = SystemClock(),
        _ operation: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let deadline = Deadline(duration, after: clock.now)
        let duration = self.duration
        return try await withThrowingTaskGroup(of: Value.self) { group in
            group.addTask { try await operation() }
            group.addTask {
                try await clock.sleep(until: deadline.instant)
                throw MeshError(
                    .deadlineExceeded,
                    origin: .local,
                    requestState: .maybeSent,
                    message: "the operation took longer than \(duration.duration)"
                )
            }
            defer { group.cancelAll() }
            // The group has two children, so there is a first one to end.
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }
}
