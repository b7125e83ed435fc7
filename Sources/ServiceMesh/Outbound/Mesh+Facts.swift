// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshRouting

extension Mesh {
    /// What routes may ask of a request besides its head.
    @inlinable
    func facts(of context: borrowing CallContext, isSecure: Bool = false) -> RoutingFacts {
        // The runtime's values stand in the tables.
        var facts = RoutingFacts(random: context.random, isSecure: isSecure)
        if let state = context.filterState { facts.metadata = state.metadata.mapValues { .fields($0) } }
        return facts
    }
}
