// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What makes two endpoints the same to whoever keeps connections: limits and time-outs may change while connections
/// live on.
package struct EndpointKey: Hashable, Sendable {
    /// Where it listens.
    package var address: EndpointAddress
    /// How connections to it are protected.
    package var security: Endpoint.Security
    /// What is spoken on them.
    package var httpVersion: ConnectionOptions.HTTPVersion
    /// The proxy that they go through.
    package var proxy: EndpointAddress?
    /// The cluster that they belong to.
    package var cluster: String

    /// The key of an endpoint.
    package init(_ endpoint: Endpoint) {
        self.address = endpoint.address
        self.security = endpoint.security
        self.httpVersion = endpoint.connection.httpVersion
        self.proxy = endpoint.proxy
        self.cluster = endpoint.cluster
    }
}
