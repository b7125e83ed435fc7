// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A name for requests that look alike, for statistics (`envoy.config.route.v3.VirtualCluster`).
public struct VirtualCluster: Hashable, Sendable {
    /// The name.
    public var name: String
    /// What the headers of a request must be; `:path` and `:method` ask the request line.
    public var headers: [HeaderMatcher]

    /// Creates a name.
    public init(_ name: String, headers: [HeaderMatcher]) {
        self.name = name
        self.headers = headers
    }
}
