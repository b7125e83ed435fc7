// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Calls that a line of input asks for.
struct ClientJob: Decodable {
    /// The method: `/SERVICE/METHOD`.
    var path: String
    /// How many calls, one after another. Default 1.
    var count: Int?
    /// How long each may take, in seconds. Default 30.
    var timeout: Double?
    /// Metadata, as pairs.
    var metadata: [[String]]?
    /// The message. Default none.
    var message: String?
    /// What it is compressed by. Default what the transport does: nothing.
    var compression: MessageAlgorithm?

    /// The path's parts.
    var method: (service: String, name: String) {
        let parts = path.dropFirst().split(separator: "/", maxSplits: 1).map(String.init)
        return (parts.first ?? "", parts.count > 1 ? parts[1] : "")
    }
}
