// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshConfig
package import MeshCore

extension InboundStack {
    /// How the server's listener wants connections to be protected that come now, and the secrets that it names for it.
    ///
    /// Without a listener, and while there is no configuration, nothing is said. No secrets means the process's own
    /// identity. Asked for each connection that comes.
    package var protection: (security: Listener.InboundSecurity?, secrets: DeliveredSecrets?) {
        guard !mesh.isDisabled else { return (nil, nil) }
        let snapshot = mesh.loadSnapshot()
        guard let listener = snapshot.inbound[address]?.listener, case .inbound(_, let security) = listener.direction
        else { return (nil, nil) }
        return (security, snapshot.secrets[listener.secrets])
    }

    /// Tells a listener when another configuration is in force, as long as the listener lives.
    package func add(_ listener: any ConfigurationListener) {
        mesh.add(listener)
    }

    /// Tells the mesh's observers of a caller that was refused before it could ask for anything.
    package func noticed(_ refusal: PeerRefusal) {
        mesh.observers.noticed(.peerRefused(refusal))
    }

    /// Refuses a request whose listener names secrets: for servers that protect their connections in another way, and so
    /// have taken callers by other roots than the listener's.
    package func refuseSecrets(_ context: CallContext) throws(MeshError) {
        guard let listener = listener(context)?.listener, listener.secrets != nil else { return }
        let message = "\(listener.name) names secrets, which this server cannot use"
        throw MeshError(
            .notReady,
            origin: .local,
            message: message,
            localReply: LocalReply(status: 503, body: message)
        )
    }
}
