// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// The requests that wait to be sent: at most one of each kind, since a later request says all that an earlier one did.
///
/// One task takes from it; any may put in.
final class ADSOutbox: Sendable {
    private struct State {
        var waiting: [ADSSessionStateMachine.Request] = []
    }

    private let state = Mutex(State())
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init() {
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Puts requests in, each in the place of one of its kind that still waits.
    func put(_ requests: [ADSSessionStateMachine.Request]) {
        guard !requests.isEmpty else { return }
        state.withLock { state in
            for request in requests {
                if let position = state.waiting.firstIndex(where: { $0.kind == request.kind }) {
                    state.waiting[position] = request
                } else {
                    state.waiting.append(request)
                }
            }
        }
        signal.yield()
    }

    /// Takes what waits, as soon as something does.
    /// - Returns: `nil` when there will be nothing more.
    func next() async -> [ADSSessionStateMachine.Request]? {
        for await _ in signals {
            let waiting = state.withLock { state in
                defer { state.waiting = [] }
                return state.waiting
            }
            if !waiting.isEmpty { return waiting }
        }
        return nil
    }

    /// Nothing more will be sent.
    func finish() {
        signal.finish()
    }
}
