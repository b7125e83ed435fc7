// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshRouting

/// What a rule, or a share of its traffic, does to headers.
struct HeaderOperations: Hashable, Sendable {
    var mutations = HeaderMutations.none
    /// The authority that requests get, by the name of a header; empty for none.
    var authority = ""
}
