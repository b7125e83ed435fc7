// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig

/// How the connections are protected that a server takes at the moment.
enum ConnectionProtection: Sendable {
    /// Not at all.
    case plaintext
    /// By TLS.
    case tls(ServerTransportSecurity)
    /// By TLS, if the caller begins with it.
    case either(ServerTransportSecurity)

    /// - Parameters:
    ///   - asked: What the mesh's configuration says; `nil` if it says nothing.
    ///   - secrets: What it names to do it with.
    init(
        _ asked: Listener.InboundSecurity?,
        secrets: ServerTransportSecurity?,
        configuration: MeshHTTPServer.Configuration
    ) {
        guard secrets != nil || configuration.security == nil else {
            self = configuration.security.map(Self.tls) ?? .plaintext
            return
        }
        guard let security = secrets ?? configuration.mutualTLS else {
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
    func takes(secured: Bool) -> Bool {
        switch self {
        case .plaintext: !secured
        case .tls: secured
        case .either: true
        }
    }
}
