// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity

/// An authorization filter in the form that requests use.
struct AuthorizationStep: Sendable {
    /// The filter's name on its listener.
    let name: String
    /// What is enforced, and what is only tried.
    let filter: AuthorizationFilter

    /// - Returns: `nil` if the filter neither enforces nor tries anything.
    init?(_ filter: AuthorizationFilter, name: String) {
        guard filter.rules != nil || filter.shadowRules != nil else { return nil }
        self.name = name
        self.filter = filter
    }

    /// Lets a request pass that the rules allow.
    /// - Throws: `MeshError` with the answer, and the policy that refused as its route.
    func admit(
        _ request: some RequestHead,
        peer: AuthorizationPeer,
        context: inout CallContext,
        listener: String,
        _ observers: ObserverSet
    ) throws(MeshError) {
        guard let rules = filter.rules else { return }
        if case .denied(let policy, let message) = rules.verdict(for: request, peer: peer) {
            throw MeshError(refusing: request, message: message, policy: policy)
        }
    }
}

extension MeshError {
    /// A caller may not do what it asked for: 403 as Envoy answers, or gRPC's PERMISSION_DENIED for those who speak that.
    init(refusing request: some RequestHead, message: String, policy: String?) {
        self.init(
            .unauthorized,
            origin: .downstream,
            message: policy.map { "\(message) (policy \($0))" } ?? message,
            localReply: LocalReply(status: 403, body: message).adapted(to: request)
        )
        route = policy
    }
}
