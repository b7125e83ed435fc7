// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig

/// How the connections are protected that a server takes at the moment.
package enum ConnectionProtection: Sendable {
    /// Not at all.
    case plaintext
    /// By TLS.
    case tls(ServerTransportSecurity)
    /// By TLS, if the caller begins with it.
    case either(ServerTransportSecurity)

    /// - Parameters:
    ///   - asked: What the mesh's configuration says; `nil` if it says nothing.
    ///   - secrets: What it names to do it with.
    ///   - always: What the application has on every connection, whatever the configuration says.
    ///   - own: What it has for those that the configuration wants it for.
    init(
        _ asked: Listener.InboundSecurity?,
        secrets: ServerTransportSecurity?,
        always: ServerTransportSecurity?,
        own: ServerTransportSecurity?
    ) {
        if secrets == nil, let always {
            self = .tls(always)
            return
        }
        guard let security = secrets ?? own else {
            // Where it is wanted all the same, requests are refused for want of an identity.
            self = .plaintext
            return
        }
        switch asked {
        case .mutualTLS, .tls, nil: self = .tls(security)
        case .permissive: self = .either(security)
        case .plaintext: self = .plaintext
        }
    }

    /// Whether a connection is taken that has TLS, or has none.
    package func takes(secured: Bool) -> Bool {
        switch self {
        case .plaintext: !secured
        case .tls: secured
        case .either: true
        }
    }
}
