// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshHTTP

/// What the client holds at the moment, and what happened so far.
struct ClientFigures: Encodable {
    var endpoints: Int
    var connections: Int
    var idleConnections: Int
    var pendingRequests: Int
    /// What the observer counted.
    var events: [String: Int]
    var process = ProcessFigures.current()

    init(_ statistics: HTTPTransport.Statistics, _ events: [String: Int]) {
        self.endpoints = statistics.endpoints
        self.connections = statistics.connections
        self.idleConnections = statistics.idleConnections
        self.pendingRequests = statistics.pendingRequests
        self.events = events
    }
}
