// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshCore
import Synchronization

/// Where a server listens, for those who wait to know.
final class ListeningAddress: Sendable {
    private enum State {
        case waiting([UInt64: CheckedContinuation<EndpointAddress, any Error>])
        case open(EndpointAddress)
        case closed
    }

    private let state = Mutex((state: State.waiting([:]), nextWaiter: UInt64(0)))

    private static var notListening: RPCError {
        RPCError(code: .unavailable, message: "the server does not listen any more")
    }

    /// The server listens.
    func opened(_ address: EndpointAddress) {
        for waiter in settle(.open(address)) { waiter.resume(returning: address) }
    }

    /// The server has ended, or never began.
    func closed() {
        for waiter in settle(.closed) { waiter.resume(throwing: Self.notListening) }
    }

    private func settle(_ next: State) -> [CheckedContinuation<EndpointAddress, any Error>] {
        state.withLock { state in
            defer { state.state = next }
            guard case .waiting(let waiters) = state.state else { return [] }
            return Array(waiters.values)
        }
    }

    /// Waits until the server listens.
    var value: EndpointAddress {
        get async throws {
            let id = state.withLock { state in
                state.nextWaiter += 1
                return state.nextWaiter
            }
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    let known: Result<EndpointAddress, any Error>? = state.withLock { state in
                        switch state.state {
                        case .open(let address): return .success(address)
                        case .closed: return .failure(Self.notListening)
                        case .waiting(var waiters):
                            // The cancellation comes for the lock after this, or was seen here.
                            guard !Task.isCancelled else { return .failure(CancellationError()) }
                            waiters[id] = continuation
                            state.state = .waiting(waiters)
                            return nil
                        }
                    }
                    if let known { continuation.resume(with: known) }
                }
            } onCancel: {
                let waiter: CheckedContinuation<EndpointAddress, any Error>? = state.withLock { state in
                    guard case .waiting(var waiters) = state.state else { return nil }
                    let waiter = waiters.removeValue(forKey: id)
                    state.state = .waiting(waiters)
                    return waiter
                }
                waiter?.resume(throwing: CancellationError())
            }
        }
    }
}
