// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import ServiceMesh

extension InboundStack {
    /// Admits a request, for tests that do not look at what filters write into it.
    func admit(_ request: some RequestHead, peerIdentity: String?, context: inout CallContext) async throws {
        var request = request
        try await admit(&request, peerIdentity: peerIdentity, context: &context)
    }

    /// The same, for a connection.
    func admit(_ request: some RequestHead, peer: AuthorizationPeer, context: inout CallContext) async throws {
        var request = request
        try await admit(&request, peer: peer, context: &context)
    }
}
