// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What a line of input tells a server.
struct ServerOrder: Decodable {
    /// Whether calls fail with UNAVAILABLE from now on.
    var fails: Bool?
    /// Whether the server drains, or stops.
    var phase: String?
}
