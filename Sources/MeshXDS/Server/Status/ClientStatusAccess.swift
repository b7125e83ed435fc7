// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore

/// Who may ask an `XDSServer` what its clients have (`envoy.service.status.v3.ClientStatusDiscoveryService`).
///
/// An answer names every client and holds what each is served, so that it is not for all who may ask for a
/// configuration of their own.
public struct ClientStatusAccess: Sendable {
    private enum Rule: Sendable {
        case sameMachine
        case bearer(@Sendable (String) -> Bool)
    }

    private let rule: Rule

    /// Callers of the same machine: over a loopback address or a Unix socket. Others are refused with
    /// `PERMISSION_DENIED`.
    ///
    /// Not for a server behind a proxy on its own machine, which makes all callers local.
    public static let sameMachine = ClientStatusAccess(rule: .sameMachine)

    /// Bearers of a token, from wherever: `authorization: Bearer TOKEN` in the call's metadata. Others are refused with
    /// `UNAUTHENTICATED`.
    /// - Parameter isKnown: Whether a token is good. Called for each call, from many tasks at once.
    public static func bearer(_ isKnown: @escaping @Sendable (String) -> Bool) -> ClientStatusAccess {
        ClientStatusAccess(rule: .bearer(isKnown))
    }

    /// Lets a call in or throws why not.
    /// - Parameter peer: The caller's address, as gRPC writes it.
    func check(_ metadata: Metadata, peer: String) throws(RPCError) {
        switch rule {
        case .sameMachine:
            guard Self.isLocal(peer) else {
                throw RPCError(code: .permissionDenied, message: "the status is for callers of the same machine")
            }
        case .bearer(let isKnown):
            guard let token = metadata.bearerToken, isKnown(token) else {
                throw RPCError(code: .unauthenticated, message: "a known bearer token is needed")
            }
        }
    }

    private static func isLocal(_ peer: String) -> Bool {
        // The last one is how a socket for both versions of IP writes the first.
        ["unix:", "ipv4:127.", "ipv6:[::1]:", "ipv6:[::ffff:127."].contains { peer.hasPrefix($0) }
    }
}

extension Metadata {
    /// The token of the first `authorization` that has one (RFC 6750 §2.1); `nil` if none has.
    var bearerToken: String? {
        for value in self[stringValues: "authorization"] {
            let parts = value.split(separator: " ", maxSplits: 1)
            // The scheme's name is case-insensitive, and any number of spaces follows it (RFC 9110 §11.1 and §11.4).
            if parts.count == 2, parts[0].lowercased() == "bearer" { return String(parts[1].drop { $0 == " " }) }
        }
        return nil
    }
}
