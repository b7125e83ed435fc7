// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import SwiftProtobuf

/// What a client was served of one kind, and what it made of it.
public struct XDSServedKind: Sendable {
    /// The kind.
    public let kind: ResourceKind
    /// Whether the client asks for all there are.
    public let isWildcard: Bool
    private let names: Set<String>
    private let sent: [String: EncodedResource]
    private let unsent: Set<String>
    private let isAnswered: Bool
    private let isRefused: Bool

    init(_ subscription: ServedSubscription) {
        kind = subscription.kind
        isWildcard = subscription.isWildcard
        names = subscription.names
        sent = subscription.sent
        unsent = subscription.due
        isAnswered = subscription.isAnswered
        isRefused = subscription.isRefused
    }

    /// How many names the client asks for itself.
    public var nameCount: Int { names.count }

    /// How many resources the client was sent.
    public var sentCount: Int { sent.count }

    /// What was sent under a name, without its keys; `nil` if nothing was, or if only its version is known.
    func message(of name: String) -> Google_Protobuf_Any? {
        guard let message = sent[name]?.message, !message.isEmpty else { return nil }
        guard let shown = PackedResource(message).redacted(kind) else { return nil }
        return Google_Protobuf_Any(typeName: shown.typeName, bytes: shown.bytes)
    }

    /// Each resource, by name, as `envoy.service.status.v3` has it.
    /// - Complexity: O(n log n) in the number of resources.
    public var resources: [XDSServedResource] {
        Set(sent.keys).union(names).union(unsent).sorted().map { name in
            let status: XDSServedResource.Status =
                if sent[name] == nil || unsent.contains(name) {
                    .notSent
                } else if !isAnswered {
                    .stale
                } else {
                    isRefused ? .error : .synced
                }
            return XDSServedResource(kind: kind, name: name, version: sent[name]?.versionText, status: status)
        }
    }
}

/// A resource that a client asked for or was sent (`envoy.service.status.v3.ClientConfig.GenericXdsConfig`).
public struct XDSServedResource: Hashable, Sendable {
    /// What the server knows of it (`envoy.service.status.v3.ConfigStatus`).
    public enum Status: String, Hashable, Sendable {
        /// The client has taken it.
        case synced = "SYNCED"
        /// There is no such resource, or the client does not have it as it is now: it owes an answer to an earlier
        /// response.
        case notSent = "NOT_SENT"
        /// It was sent, and the client has not answered.
        case stale = "STALE"
        /// The client has refused the response that it may have been in.
        case error = "ERROR"
    }

    /// Its kind.
    public var kind: ResourceKind
    /// Its name.
    public var name: String
    /// The version that was sent: a hash of its bytes, in hexadecimal digits. `nil` if none was.
    public var version: String?
    /// What became of it.
    public var status: Status
}
