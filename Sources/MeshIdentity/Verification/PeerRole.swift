// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import X509

/// Which end of a connection a certificate is shown by.
enum PeerRole: String, Sendable {
    /// The peer called us.
    case client
    /// We called the peer.
    case server

    /// What a certificate that restricts its use must be good for (RFC 5280 §4.2.1.12).
    var usage: ExtendedKeyUsage.Usage {
        switch self {
        case .client: .clientAuth
        case .server: .serverAuth
        }
    }
}
