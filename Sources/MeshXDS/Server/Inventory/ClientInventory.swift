// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// The connected clients of an xDS server, for a provider to keep: it passes on what it is told (`noticed`), and its
/// operator sees who has what.
///
/// ```swift
/// let version = try cache.publish(resources, to: "frontend")
/// let report = try await cache.awaitApplied(version, in: "frontend", timeout: .seconds(10))
/// guard report.isApplied else { … }
/// ```
public final class ClientInventory: Sendable {
    private struct State {
        var machine = ClientInventoryStateMachine()
        var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
    }

    private let clock: any MeshClock
    private let state = Mutex(State())

    /// Creates an inventory without clients.
    public init(clock: any MeshClock = SystemClock()) {
        self.clock = clock
    }

    /// A client did something.
    public func noticed(_ event: XDSServerEvent) {
        let over = state.withLock { state in
            state.machine.noticed(event).compactMap { state.waiting.removeValue(forKey: $0) }
        }
        for continuation in over { continuation.resume() }
    }

    /// The connected clients, in the order in which they came.
    public var clients: [XDSClientStatus] { state.withLock { $0.machine.statuses } }

    /// A connected client by the number of its stream; `nil` if it is gone.
    public func client(stream: UInt64) -> XDSClientStatus? { state.withLock { $0.machine.status(of: stream) } }

    /// Waits until all clients have taken a version or a later one, or have refused it, those too that connect
    /// meanwhile.
    /// - Parameters:
    ///   - version: The version, for the report.
    ///   - order: Its `ProvidedResources.order`.
    ///   - group: The group whose clients count; `nil` for all clients.
    ///   - timeout: How long to wait.
    /// - Returns: How far they are, after `timeout` at the latest.
    /// - Throws: `CancellationError` if the task is cancelled.
    public func awaitApplied(
        _ version: String,
        order: UInt64,
        in group: String? = nil,
        timeout: Nanoseconds
    ) async throws -> XDSAppliedReport {
        let end = clock.now.advanced(by: timeout)
        let number = state.withLock { $0.machine.waitBegan(order: order, group: group) }
        defer { state.withLock { $0.machine.waitEnded(number) } }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.waitUntilOver(number) }
            // Cancelled when the wait is over.
            group.addTask { try? await self.clock.sleep(until: end) }
            await group.next()
            group.cancelAll()
        }
        try Task.checkCancellation()
        return state.withLock { $0.machine.report(version: version, order: order, group: group) }
    }

    private func waitUntilOver(_ number: UInt64) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let isOver = state.withLock { state in
                    if Task.isCancelled || state.machine.isOver(number) { return true }
                    state.waiting[number] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: number) }?.resume()
        }
    }
}
