// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Keeps a number of requests under way: each task makes the next when it has read the answer to the last.
struct ClosedLoop: Sendable {
    let plan: LoadPlan

    /// Loads a client.
    /// - Parameter executor: Where the tasks run from their beginning to their end; `nil` for the global pool.
    func run(_ client: some LoadClient, on executor: (any TaskExecutor)? = nil) async throws -> LoadReport {
        let window = MeasuredWindow(plan)
        async let timer: Void = window.run()
        let logs = try await withThrowingTaskGroup(of: LatencyLog.self) { group in
            for _ in 0..<plan.concurrency {
                group.addTask(executorPreference: executor) { try await work(client, window) }
            }
            var logs: [LatencyLog] = []
            for try await log in group { logs.append(log) }
            return logs
        }
        try await timer
        return try window.report(logs)
    }

    private func work(_ client: some LoadClient, _ window: MeasuredWindow) async throws -> LatencyLog {
        let worker = try await client.makeWorker()
        let expected = plan.size.byteCount
        var log = LatencyLog(window)
        repeat {
            let count = try await worker.exchange()
            guard count == expected else { throw LoadError("an answer had \(count) bytes in place of \(expected)") }
        } while log.requestEnded()
        return log
    }
}
