// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore

extension Error {
    /// Whether connecting took longer than it may.
    var isConnectTimeout: Bool {
        if case .connectTimeout? = self as? ChannelError { true } else { false }
    }

    /// What a failure to connect should say beyond that it happened; empty if there is nothing.
    var connectHint: String {
        switch self {
        case let refusal as ProxyReply.Refusal: ": \(refusal)"
        case let refusal as HTTP2Refusal: ": \(refusal)"
        case let missing as DeliveredSecrets.Missing: ": \(missing)"
        case let refusal as PeerNames.NotAccepted: ": \(refusal)"
        default: ""
        }
    }
}
