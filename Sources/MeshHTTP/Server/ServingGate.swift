// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import ServiceMesh
import Synchronization

/// Keeps a server from taking connections while the mesh's configuration has no listener for it (gRFC A36).
///
/// Connections that are open when the listener goes finish what they have, and take nothing new.
package final class ServingGate: ConfigurationListener {
    private struct State {
        /// What was told last; `nil` before anything was.
        var mode: ServingMode?
        var connections: ServerConnections?
    }

    private let stack: InboundStack
    private let changed: @Sendable (ServingMode) -> Void
    private let state = Mutex(State())

    /// - Parameter changed: Is told the mode as the server begins, and each time that it changes. Called from any thread.
    package init(_ stack: InboundStack, changed: @escaping @Sendable (ServingMode) -> Void) {
        self.stack = stack
        self.changed = changed
    }

    /// Whether new connections are taken.
    package var isOpen: Bool { stack.servingMode == .serving }

    /// The server has begun.
    func open(for connections: ServerConnections) {
        state.withLock { $0.connections = connections }
        stack.add(self)
        configurationChanged()
    }

    package func configurationChanged() {
        let connections = state.withLock { state -> (ServerConnections?, ServingMode)? in
            let mode = stack.servingMode
            guard mode != state.mode else { return nil }
            state.mode = mode
            return (state.connections, mode)
        }
        guard let (connections, mode) = connections else { return }
        stack.noticed(mode)
        changed(mode)
        if mode != .serving { connections?.quiesce() }
    }
}
