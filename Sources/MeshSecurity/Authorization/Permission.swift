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
    /// The path without its query is one of the template's (`uri_template`).
    case pathTemplate(PathTemplate)
    /// The address at this end of the connection.
    case destinationAddress(AddressRange)
    /// The port that the request came in on.
    case destinationPort(UInt16)
    /// The port that the request came in on is one of `start ..< end`; both are at most 65536.
    case destinationPorts(Range<UInt32>)
    /// The server name that the client asked for; none counts as an empty one.
    case serverName(StringMatcher)
    /// What filters noted about the request.
    case metadata(MetadataMatcher)

    /// Whether the request does it.
    /// - Complexity: O(size of the permission). No allocation for heads that answer without one.
    public func matches(_ request: some RequestHead, peer: AuthorizationPeer) -> Bool {
        matches(request, path: request.pathWithoutQuery, peer: peer)
    }

    /// - Parameter path: The request's path without its query, which many permissions look at.
    func matches(_ request: some RequestHead, path: Substring, peer: AuthorizationPeer) -> Bool {
        switch self {
        case .any: true
        case .all(let parts): parts.allSatisfy { $0.matches(request, path: path, peer: peer) }
        case .anyOf(let parts): parts.contains { $0.matches(request, path: path, peer: peer) }
        case .not(let part): !part.matches(request, path: path, peer: peer)
        case .header(let matcher): matcher.matches(request)
        case .path(let matcher): matcher.matches(path)
        case .pathTemplate(let template): template.matches(path)
        case .destinationAddress(let range): peer.destination.map(range.contains) ?? false
        case .destinationPort(let port): peer.destinationPort == port
        case .destinationPorts(let range): peer.destinationPort.map { range.contains(UInt32($0)) } ?? false
        case .serverName(let matcher): matcher.matches(peer.serverName ?? "")
        case .metadata(let matcher): matcher.matches(peer.metadata)
        }
    }
}
