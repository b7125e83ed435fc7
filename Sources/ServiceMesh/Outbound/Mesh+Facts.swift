// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshRouting

extension Mesh {
    /// What routes may ask of a request besides its head.
    @inlinable
    func facts(of context: borrowing CallContext, isSecure: Bool = false) -> RoutingFacts {
        var facts = RoutingFacts(random: context.random, isSecure: isSecure, runtime: runtime)
        if let state = context.filterState { facts.metadata = state.metadata.mapValues { .fields($0) } }
        return facts
    }
}
