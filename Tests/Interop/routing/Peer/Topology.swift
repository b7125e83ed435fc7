// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Which endpoints there are, and whose.
struct Topology: Sendable {
    /// One endpoint.
    struct Endpoint: Sendable {
        var cluster: String
        var number: Int
        var isMirror: Bool
    }

    private var endpoints: [EndpointAddress: Endpoint] = [:]

    /// Endpoints that are not there refuse connections.
    subscript(address: EndpointAddress) -> Endpoint? { endpoints[address] }

    mutating func add(_ endpoint: Endpoint, at address: EndpointAddress) {
        endpoints[address] = endpoint
    }
}
