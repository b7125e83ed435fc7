// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
package import MeshCore

extension InboundStack {
    /// The secrets that the server's listener names; `nil` if the process's own identity protects its connections, and
    /// while there is no configuration. Asked for each connection that comes.
    package var secrets: DeliveredSecrets? {
        let snapshot = mesh.loadSnapshot()
        return snapshot.secrets[snapshot.inbound[address]?.listener.secrets]
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
