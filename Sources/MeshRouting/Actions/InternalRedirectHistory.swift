// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The redirects of one request that the mesh has followed.
public struct InternalRedirectHistory: Hashable, Sendable {
    /// How many.
    public private(set) var count: UInt32 = 0
    /// For each route that redirects came from: the routes which they led to.
    private var targets: [String: Set<String>] = [:]

    /// Creates a history of no redirect.
    public init() {}

    /// Notes that a redirect is followed.
    /// - Parameters:
    ///   - route: The name of the route that it leads to.
    ///   - origin: The name of the route that it comes from.
    public mutating func follow(to route: String, from origin: String) {
        count += count == .max ? 0 : 1
        targets[origin, default: []].insert(route)
    }

    /// Whether the predicates of a policy let a redirect lead to a route.
    /// - Parameters:
    ///   - route: The name of that route.
    ///   - origin: The name of the route that it comes from, whose policy it is.
    ///   - isDowngrade: Whether it leads from `https` to `http`.
    public func admits(
        _ route: String,
        from origin: String,
        isDowngrade: Bool,
        by policy: InternalRedirectPolicy
    ) -> Bool {
        policy.predicates.allSatisfy { predicate in
            switch predicate {
            case .previousRoutes: targets[origin]?.contains(route) != true
            case .allowListed(let names): names.contains(route)
            case .safeCrossScheme: !isDowngrade
            }
        }
    }
}
