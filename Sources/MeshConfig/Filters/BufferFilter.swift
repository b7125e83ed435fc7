// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Refuses requests that are larger than this process should hold (`envoy.extensions.filters.http.buffer.v3.Buffer`).
public struct BufferFilter: Hashable, Sendable {
    /// The most bytes that a request's body may have; at least 1.
    public var maximumRequestBytes: UInt32

    /// Creates a filter.
    public init(maximumRequestBytes: UInt32) {
        self.maximumRequestBytes = maximumRequestBytes
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        guard maximumRequestBytes > 0 else {
            throw ConfigurationError(path: "maximumRequestBytes", "must be at least 1")
        }
    }
}
