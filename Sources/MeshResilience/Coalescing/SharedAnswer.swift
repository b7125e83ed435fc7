// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// A response that was collected for several callers, and the one of them whose request it answers.
struct SharedAnswer<Response: Sendable>: Sendable {
    var response: Response
    /// The number of the caller who sent the request.
    var leader: UInt64
    /// Whether the others may have it, too.
    var isForOthers: Bool
    /// The attempt that it came from.
    var attempt: Int
    /// The endpoint that it came from.
    var endpoint: Endpoint?

    /// Whether a caller may have it.
    func isFor(_ caller: UInt64) -> Bool { isForOthers || caller == leader }
}
