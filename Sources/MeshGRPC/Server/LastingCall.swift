// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import ServiceMesh

/// Work of a call that lasts until its caller leaves or its server stops.
struct LastingCall: Sendable {
    private let cancellation: ServerContext.RPCCancellationHandle
    private let drain: ServerDrain?

    init(_ cancellation: ServerContext.RPCCancellationHandle, _ drain: ServerDrain?) {
        self.cancellation = cancellation
        self.drain = drain
    }

    /// Runs work that ends only by an error, and ends it where the call ends.
    /// - Parameter onDraining: Is called when the server begins to leave; it still serves then.
    /// - Throws: `RPCError`: `cancelled`, or `unavailable` when the server stops; what the work throws.
    func run(
        onDraining: @escaping @Sendable () -> Void = {},
        _ work: @escaping @Sendable () async throws -> Never
    ) async throws -> Metadata {
        try await withThrowingTaskGroup(of: Metadata.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await work() }
            group.addTask {
                // Transports that cancel no tasks say it here.
                try await cancellation.cancelled
                throw RPCError(code: .cancelled, message: "the caller has left")
            }
            if let drain {
                group.addTask {
                    try await drain.untilDraining()
                    onDraining()
                    try await drain.untilStopping()
                    throw RPCError(code: .unavailable, message: "the server stops")
                }
            }
            return try await group.next() ?? [:]
        }
    }
}
