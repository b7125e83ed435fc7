// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshRouting

/// What requests are turned into before they are sent on.
struct RequestRewrite: Hashable, Sendable {
    var path: PathRewrite?
    /// The authority that requests get; empty for none.
    var authority = ""
}
