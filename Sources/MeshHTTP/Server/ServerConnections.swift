// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import NIOCore
import Synchronization

/// The connections that a server has open.
package final class ServerConnections: Sendable {
    private struct Connection {
        var channel: any Channel
        /// Whether it has TLS; `nil` while nobody knows.
        var isSecure: Bool?
    }

    private struct State {
        var open: [ObjectIdentifier: Connection] = [:]
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let maximum: Int
    private let state = Mutex(State())

    package init(maximum: Int) {
        self.maximum = maximum
    }

    var count: Int { state.withLock { $0.open.count } }

    /// Takes a connection in, and forgets it when it has closed.
    /// - Returns: Whether there is room for it.
    package func admit(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let isAdmitted = state.withLock { state in
            guard state.open.count < maximum else { return false }
            state.open[id] = Connection(channel: channel)
            return true
        }
        if isAdmitted { channel.closeFuture.whenComplete { _ in self.remove(id) } }
        return isAdmitted
    }

    /// Asks every connection to finish what it has, and to take nothing new.
    func quiesce() {
        quiesce(channels)
    }

    /// Asks the connections that have TLS, or those that have none, to finish what they have.
    func quiesce(secured: Bool) {
        quiesce(state.withLock { $0.open.values.filter { $0.isSecure == secured }.map(\.channel) })
    }

    /// It is known whether a connection has TLS.
    package func note(_ channel: any Channel, isSecure: Bool) {
        state.withLock { $0.open[ObjectIdentifier(channel)]?.isSecure = isSecure }
    }

    private func quiesce(_ channels: [any Channel]) {
        for channel in channels {
            channel.eventLoop.execute {
                channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
            }
        }
    }

    /// Closes every connection at once.
    func closeAll() {
        for channel in channels { channel.close(promise: nil) }
    }

    /// Waits until the last connection has closed.
    func untilEmpty() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if !state.open.isEmpty { state.waiters.append(continuation) }
                return state.open.isEmpty
            }
            if isEmpty { continuation.resume() }
        }
    }

    private var channels: [any Channel] { state.withLock { $0.open.values.map(\.channel) } }

    private func remove(_ id: ObjectIdentifier) {
        let waiters = state.withLock { state in
            state.open[id] = nil
            guard state.open.isEmpty else { return [CheckedContinuation<Void, Never>]() }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
