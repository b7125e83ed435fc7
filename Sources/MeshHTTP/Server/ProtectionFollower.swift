// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ServiceMesh

/// Ends the connections of a server that would not be taken any more, when another configuration is in force.
///
/// They finish what they have: HTTP/1.1 closes behind the response that is on its way, HTTP/2 says GOAWAY. What comes on
/// them meanwhile is judged by the configuration that is in force then, as every request is.
final class ProtectionFollower: ConfigurationListener {
    private let serving: InboundServing
    private let connections: ServerConnections

    init(_ stack: InboundStack, _ serving: InboundServing, _ connections: ServerConnections) {
        self.serving = serving
        self.connections = connections
        stack.add(self)
    }

    func configurationChanged() {
        let protection = serving.protection
        for secured in [false, true] where !protection.takes(secured: secured) {
            connections.quiesce(secured: secured)
        }
    }
}
