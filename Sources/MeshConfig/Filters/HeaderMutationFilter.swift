// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshRouting

/// Changes header fields before the router does (`envoy.extensions.filters.http.header_mutation.v3.HeaderMutation`).
///
/// The listener's changes are made first, then those of the table, the virtual host, the route and the cluster's share:
/// all of them.
public struct HeaderMutationFilter: Hashable, Sendable {
    /// The listener's own changes.
    public var rules: HeaderMutationRules
    /// Whether the changes of the more specific places come last, and win. Default `false`: they come first.
    public var mostSpecificWins: Bool

    /// Creates a filter.
    public init(_ rules: HeaderMutationRules = HeaderMutationRules(), mostSpecificWins: Bool = false) {
        self.rules = rules
        self.mostSpecificWins = mostSpecificWins
    }
}
