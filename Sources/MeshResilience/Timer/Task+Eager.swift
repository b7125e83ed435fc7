// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension Task where Failure == Never {
    /// Starts a task that whoever calls this owns; on the caller's thread up to its first suspension where the system can
    /// (SE-0472), which saves a hop between threads.
    static func eager(_ operation: @escaping @Sendable () async -> Success) -> Task<Success, Never> {
        if #available(macOS 26, iOS 26, tvOS 26, watchOS 26, visionOS 26, *) {
            // The caller of this function owns the task.
            return Task.immediate { await operation() }
        }
        // The caller of this function owns the task.
        return Task { await operation() }
    }
}

extension Task where Failure == any Error {
    /// Starts a task that whoever calls this owns; on the caller's thread up to its first suspension where the system can
    /// (SE-0472), which saves a hop between threads.
    static func eager(_ operation: @escaping @Sendable () async throws -> Success) -> Task<Success, any Error> {
        if #available(macOS 26, iOS 26, tvOS 26, watchOS 26, visionOS 26, *) {
            // The caller of this function owns the task.
            return Task.immediate { try await operation() }
        }
        // The caller of this function owns the task.
        return Task { try await operation() }
    }
}
