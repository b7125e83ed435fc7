// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Dispatch
import Synchronization

/// The thread that a command begins on.
enum MainThread {
    /// Waits for what asynchronous work brings, in a command that is synchronous itself because valgrind cannot follow an
    /// asynchronous main function.
    static func wait<Value: Sendable>(for work: @escaping @Sendable () async throws -> Value) throws -> Value? {
        let outcome = Mutex<Result<Value, any Error>?>(nil)
        let finished = DispatchSemaphore(value: 0)
        // The main thread owns it and waits for its end; detached, because the task would run on the main actor otherwise,
        // which is this thread.
        Task.detached {
            do {
                let value = try await work()
                outcome.withLock { $0 = .success(value) }
            } catch {
                outcome.withLock { $0 = .failure(error) }
            }
            finished.signal()
        }
        finished.wait()
        return try outcome.withLock { $0 }?.get()
    }
}
