// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import Synchronization

/// The calls under way, and whether others may begin.
final class CallRegister: Sendable {
    private enum Phase {
        case open
        case connected
        /// No more calls; those under way end by themselves.
        case closing
    }

    private struct State {
        var phase = Phase.open
        var wasConnected = false
        var calls: [Int: RPCCall] = [:]
        var nextCall = 0
        var drained: CheckedContinuation<Void, Never>?
        /// Whether whoever waits for the end waits no longer.
        var isAbandoned = false

        var isDrained: Bool {
            if case .closing = phase { calls.isEmpty } else { false }
        }
    }

    private let state = Mutex(State())

    /// How many calls are under way.
    var count: Int { state.withLock { $0.calls.count } }

    /// Whether no more calls may begin.
    var isClosing: Bool {
        state.withLock { state in
            if case .closing = state.phase { true } else { false }
        }
    }

    /// - Returns: The call's number.
    /// - Throws: `RPCError` with code `failedPrecondition` while it closes.
    func began(_ call: RPCCall) throws(RPCError) -> Int {
        let id: Int? = state.withLock { state in
            if case .closing = state.phase { return nil }
            state.nextCall += 1
            state.calls[state.nextCall] = call
            return state.nextCall
        }
        guard let id else {
            throw RPCError(code: .failedPrecondition, message: "the transport is closing, and takes no more calls")
        }
        return id
    }

    func ended(_ id: Int) {
        state.withLock { state in
            state.calls[id] = nil
            return state.isDrained ? state.drained.take() : nil
        }?.resume()
    }

    /// - Throws: `RPCError` with code `failedPrecondition` for the second time.
    func connected() throws(RPCError) {
        let isFirst = state.withLock { state in
            defer { state.wasConnected = true }
            if case .open = state.phase { state.phase = .connected }
            return !state.wasConnected
        }
        guard isFirst else {
            throw RPCError(code: .failedPrecondition, message: "a transport connects once")
        }
    }

    /// No more calls.
    func close() {
        state.withLock { state in
            state.phase = .closing
            return state.isDrained ? state.drained.take() : nil
        }?.resume()
    }

    /// Waits until it closes and the last call has ended, or the task is cancelled.
    func waitUntilDrained() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.isDrained || state.isAbandoned { return true }
                    state.drained = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { state in
                state.isAbandoned = true
                return state.drained.take()
            }?.resume()
        }
    }

    /// Ends all calls.
    func abort() {
        close()
        for call in state.withLock({ Array($0.calls.values) }) { call.abort() }
    }
}
