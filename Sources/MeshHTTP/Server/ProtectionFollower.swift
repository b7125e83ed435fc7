// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import ServiceMesh

/// Ends the connections of a server that would not be taken any more, when another configuration is in force.
///
/// They finish what they have: HTTP/1.1 closes behind the response that is on its way, HTTP/2 says GOAWAY. What comes on
/// them meanwhile is judged by the configuration that is in force then, as every request is.
package final class ProtectionFollower: ConfigurationListener {
    private let protection: ServerProtection
    private let connections: ServerConnections

    package init(_ stack: InboundStack, _ protection: ServerProtection, _ connections: ServerConnections) {
        self.protection = protection
        self.connections = connections
        stack.add(self)
    }

    package func configurationChanged() {
        let protection = protection.current
        for secured in [false, true] where !protection.takes(secured: secured) {
            connections.quiesce(secured: secured)
        }
    }
}
