// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshHTTP

/// What became of a run of chaos.
struct ChaosResult: Sendable {
    /// How many requests ended in each way.
    var outcomes: [String: Int] = [:]
    /// Answers whose bytes were not those that were asked for.
    var wrong = 0
    /// The transport after the last request.
    var idle = HTTPTransport.Statistics()
    /// The transport after its shutdown.
    var end = HTTPTransport.Statistics()
    var servedUnderWay = 0
    var serverConnections = 0
    var doneTwice: [String] = []
    var connections: [String: Int] = [:]

    /// How many requests have ended.
    var ended: Int { outcomes.values.reduce(0, +) }
    /// How many were answered in full.
    var answered: Int { outcomes["answered"] ?? 0 }
}
