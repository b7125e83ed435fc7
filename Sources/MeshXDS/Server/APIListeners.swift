// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig

extension XDSNode {
    /// Whether the client has a use for listeners without an address (`Listener.api_listener`).
    ///
    /// Envoy takes one from its bootstrap and none from a control plane: it acknowledges them, and drops each with a
    /// warning in its log. Who is not known may be a client without a proxy, and gets what the API documents.
    var takesAPIListeners: Bool { userAgentName != "envoy" }
}

extension MeshResources {
    /// Leaves out the listeners without an address. Their routes stay, for listeners that a proxy has of its own.
    /// - Returns: What is to be said about that; `nil` if there are none.
    mutating func leaveOutAPIListeners() -> FieldReport? {
        let count = listeners.count
        listeners = listeners.filter { $0.value.direction != .outbound || $0.value.capturedAddress != nil }
        guard listeners.count < count else { return nil }
        return FieldReport(
            path: "listeners",
            reason: "\(count - listeners.count) without an address are not sent: Envoy drops them;"
                + " a listener of its own can name their routes"
        )
    }
}
