// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// What makes two endpoints the same to a pool: limits and time-outs may change while connections live on.
struct EndpointKey: Hashable, Sendable {
    var address: EndpointAddress
    var security: Endpoint.Security
    var httpVersion: ConnectionOptions.HTTPVersion
    var proxy: EndpointAddress?
    var cluster: String

    init(_ endpoint: Endpoint) {
        self.address = endpoint.address
        self.security = endpoint.security
        self.httpVersion = endpoint.connection.httpVersion
        self.proxy = endpoint.proxy
        self.cluster = endpoint.cluster
    }
}
