// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

extension HostNames {
    /// Somebody is about to look names up, so that it makes sense to wait for it.
    func began() {
        state.withLock { $0.isRunning = true }
    }

    /// Looks names up until the task is cancelled.
    /// - Parameter publish: Puts what is known in force.
    func run(publishing publish: @Sendable () -> Void) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            while true {
                let (lookups, next) = beginLookups(at: clock.now)
                for lookup in lookups {
                    group.addTask { await self.perform(lookup) }
                }
                if takePublishing() {
                    publish()
                    published()
                }
                try await wait(until: next)
            }
        }
    }

    /// Returns when every name of the configuration was looked up once and what was found is in force, or when nobody
    /// looks names up.
    func waitUntilWarm() async {
        let id = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let isDone = state.withLock { state in
                    if state.isWarm || Task.isCancelled { return true }
                    state.waiters[id] = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }

    private func perform(_ lookup: Lookup) async {
        let begunAt = clock.now
        do {
            let answer = try await ask(lookup, begunAt)
            ended(lookup, answer.map { .success($0) }, begunAt: begunAt)
        } catch {
            // When the mesh ends, that is no failure of the name.
            ended(lookup, Task.isCancelled ? nil : .failure(error), begunAt: begunAt)
        }
    }

    /// - Returns: `nil` if nobody wants the answer any more.
    private func ask(_ lookup: Lookup, _ begunAt: MeshInstant) async throws -> [ResolvedAddress]? {
        try await withThrowingTaskGroup(of: [ResolvedAddress]?.self) { group in
            group.addTask {
                try await lookup.resolver.resolve(lookup.query.host, family: lookup.query.family)
            }
            group.addTask {
                try await self.clock.sleep(until: lookup.deadline)
                throw LookupTimedOut(limit: lookup.deadline.elapsed(since: begunAt))
            }
            group.addTask {
                for await _ in lookup.withdrawal {}
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }

    /// Waits for the doorbell, and for that instant.
    private func wait(until instant: MeshInstant?) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await self.doorbell.wait() }
            if let instant {
                group.addTask { try await self.clock.sleep(until: instant) }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
        try Task.checkCancellation()
    }

    private func takePublishing() -> Bool {
        state.withLock { state in
            guard state.needsPublishing else { return false }
            state.needsPublishing = false
            state.isPublishing = true
            return true
        }
    }

    private func published() {
        let waiters = state.withLock { state in
            state.isPublishing = false
            return state.takeSatisfiedWaiters()
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Nobody looks names up any more: what is known stays in use, and nobody is kept waiting for more.
    func stopped() {
        let waiters = state.withLock { state in
            state.isRunning = false
            return state.takeSatisfiedWaiters()
        }
        for waiter in waiters { waiter.resume() }
    }
}
