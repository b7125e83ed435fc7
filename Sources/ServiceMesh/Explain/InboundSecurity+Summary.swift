// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

extension Listener.InboundSecurity {
    /// What new connections get, for people.
    var summary: String {
        switch self {
        case .plaintext: "plaintext"
        case .permissive: "mutual TLS, or plaintext where the caller begins with it"
        case .mutualTLS: "mutual TLS"
        case .tls: "TLS, without a certificate of the caller's"
        }
    }
}

extension PeerNameMatcher {
    /// Which names are meant, for people.
    var summary: String {
        let text =
            switch matcher.pattern {
            case .exact(let text): "is \(text)"
            case .prefix(let text): "begins with \(text)"
            case .suffix(let text): "ends with \(text)"
            case .contains(let text): "contains \(text)"
            case .regularExpression(let expression): "matches \(expression)"
            }
        return "\(kind?.rawValue ?? "any name") \(text)"
    }
}
