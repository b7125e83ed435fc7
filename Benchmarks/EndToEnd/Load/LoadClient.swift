// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A client that is measured by tasks which make one request after the other.
protocol LoadClient: Sendable {
    /// What a task keeps from one request to the next.
    associatedtype Worker: LoadWorker

    /// Makes what one task needs; called on the task.
    func makeWorker() async throws -> Worker
}

/// One task's share of a client.
protocol LoadWorker {
    /// Makes one request and reads its answer to the end.
    /// - Returns: The bytes of the answer's body.
    func exchange() async throws -> Int
}

extension LoadClient where Self: LoadWorker {
    /// A client whose tasks share everything.
    func makeWorker() async throws -> Self { self }
}
