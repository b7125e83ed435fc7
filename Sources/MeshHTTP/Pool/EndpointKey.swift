// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// What makes two endpoints the same to a pool: limits and time-outs may change while connections live on.
struct EndpointKey: Hashable, Sendable {
    var address: EndpointAddress
    var security: Endpoint.Security

    init(_ endpoint: Endpoint) {
        self.address = endpoint.address
        self.security = endpoint.security
    }
}
