// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension VirtualCluster {
    /// Whether a request looks like this.
    public func contains(_ request: some RequestHead) -> Bool {
        headers.allSatisfy { $0.matches(request) }
    }

    /// The name under which requests count that no virtual cluster of their host names.
    public static let other = "other"

    /// The name that a request counts under: the first that fits, else `other`; `nil` where the host has none.
    /// - Complexity: O(number of conditions until the first that fits).
    public static func name(of request: some RequestHead, among clusters: [VirtualCluster]) -> String? {
        guard !clusters.isEmpty else { return nil }
        return clusters.first { $0.contains(request) }?.name ?? other
    }
}
