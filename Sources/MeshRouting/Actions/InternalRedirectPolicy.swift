// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// When a redirect of the upstream is followed by the mesh itself (`envoy.config.route.v3.InternalRedirectPolicy`).
public struct InternalRedirectPolicy: Hashable, Sendable {
    /// A further condition on the route that the redirect leads to.
    public enum Predicate: Hashable, Sendable {
        /// No redirect of this request came from that route before (`previous_routes`).
        case previousRoutes
        /// That route's name is one of these (`allow_listed_routes`).
        case allowListed([String])
        /// The redirect does not lead from `https` to `http` (`safe_cross_scheme`).
        case safeCrossScheme
    }

    /// How many redirects of one request are followed. Default 1.
    public var maximumRedirects: UInt32
    /// The status codes that are followed, of 301, 302, 303, 307 and 308. Default: 302.
    public var statuses: Set<Int>
    /// What else must hold.
    public var predicates: [Predicate]
    /// Whether a redirect may change the scheme. Default `false`.
    public var allowsCrossScheme: Bool
    /// Header fields of the redirect that the next request gets; where the redirect has none, the request loses its own.
    public var copiedHeaders: [HeaderName]

    /// Creates a policy.
    public init(
        maximumRedirects: UInt32 = 1,
        statuses: Set<Int> = [302],
        predicates: [Predicate] = [],
        allowsCrossScheme: Bool = false,
        copiedHeaders: [HeaderName] = []
    ) {
        self.maximumRedirects = maximumRedirects
        self.statuses = statuses
        self.predicates = predicates
        self.allowsCrossScheme = allowsCrossScheme
        self.copiedHeaders = copiedHeaders
    }
}
