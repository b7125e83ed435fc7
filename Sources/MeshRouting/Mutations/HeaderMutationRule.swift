// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// One change of header fields (`envoy.config.common.mutation_rules.v3.HeaderMutation`).
public enum HeaderMutationRule: Hashable, Sendable {
    /// The field is removed.
    case remove(HeaderName)
    /// The field is added, or changed, as it says.
    case add(HeaderAddition)
}

/// The changes that the header mutation filter makes, in order
/// (`envoy.extensions.filters.http.header_mutation.v3.Mutations`).
public struct HeaderMutationRules: Hashable, Sendable {
    /// Changes of requests.
    public var request: [HeaderMutationRule]
    /// Changes of responses.
    public var response: [HeaderMutationRule]

    /// Creates a list of changes.
    public init(
        request: [HeaderMutationRule] = [],
        response: [HeaderMutationRule] = []
    ) {
        self.request = request
        self.response = response
    }

    /// Whether nothing changes.
    public var isEmpty: Bool { request.isEmpty && response.isEmpty }
}

extension HeaderMutationRules {
    /// The changes as levels, each of one change: what one has done the next one sees.
    fileprivate var levels: [HeaderMutations] {
        request.map { rule in
            switch rule {
            case .remove(let name): HeaderMutations(requestRemovals: [name])
            case .add(let addition): HeaderMutations(requestAdditions: [addition])
            }
        }
            + response.map { rule in
                switch rule {
                case .remove(let name): HeaderMutations(responseRemovals: [name])
                case .add(let addition): HeaderMutations(responseAdditions: [addition])
                }
            }
    }
}

extension CompiledHeaderMutations {
    /// Compiles the header mutation filter's changes for requests of one place.
    /// - Parameters:
    ///   - listener: The filter's own, which come first.
    ///   - places: Those of the table, the virtual host, the route and the cluster's share, as far as there are any.
    ///   - mostSpecificWins: Whether the places follow in that order, so that the last one wins; by default it is the
    ///     other way round.
    public init(listener: HeaderMutationRules, places: [HeaderMutationRules], mostSpecificWins: Bool) {
        let ordered = mostSpecificWins ? places : places.reversed()
        self.init(listener.levels + ordered.flatMap(\.levels))
    }
}
