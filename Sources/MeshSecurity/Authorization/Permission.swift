// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What is done (`envoy.config.rbac.v3.Permission`).
public indirect enum Permission: Hashable, Sendable {
    /// Anything.
    case any
    /// All of them match.
    case all([Permission])
    /// One of them matches.
    case anyOf([Permission])
    /// It does not match.
    case not(Permission)
    /// A header, or `:method`, `:authority`, `:path` of the request line.
    case header(HeaderMatcher)
    /// The path without its query.
    case path(StringMatcher)
    /// The port that the request came in on.
    case destinationPort(UInt16)

    /// Whether the request does it.
    public func matches(_ request: some RequestHead, peer: AuthorizationPeer) -> Bool {
        switch self {
        case .any: true
        case .all(let parts): parts.allSatisfy { $0.matches(request, peer: peer) }
        case .anyOf(let parts): parts.contains { $0.matches(request, peer: peer) }
        case .not(let part): !part.matches(request, peer: peer)
        case .header(let matcher): matcher.matches(request)
        case .path(let matcher): matcher.matches(request.pathWithoutQuery)
        case .destinationPort(let port): peer.destinationPort == port
        }
    }
}

/// Who does it (`envoy.config.rbac.v3.Principal`).
public indirect enum Principal: Hashable, Sendable {
    /// Anybody, with or without an identity.
    case any
    /// All of them match.
    case all([Principal])
    /// One of them matches.
    case anyOf([Principal])
    /// It does not match.
    case not(Principal)
    /// The peer proved an identity; with a matcher, one that it accepts.
    case authenticated(StringMatcher?)
    /// A header of the request.
    case header(HeaderMatcher)

    /// Whether the peer is it.
    public func matches(_ request: some RequestHead, peer: AuthorizationPeer) -> Bool {
        switch self {
        case .any: true
        case .all(let parts): parts.allSatisfy { $0.matches(request, peer: peer) }
        case .anyOf(let parts): parts.contains { $0.matches(request, peer: peer) }
        case .not(let part): !part.matches(request, peer: peer)
        case .authenticated(let matcher):
            if let identity = peer.identity { matcher?.matches(identity) ?? true } else { false }
        case .header(let matcher): matcher.matches(request)
        }
    }
}
