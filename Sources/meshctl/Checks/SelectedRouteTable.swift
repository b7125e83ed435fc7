// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig

/// A route table that was chosen.
struct SelectedRouteTable {
    /// The file that it is from.
    var file: String
    /// The table.
    var configuration: RouteConfiguration
    /// What of the file was left out, each with its place, path and reason.
    var warnings: [String]
}
