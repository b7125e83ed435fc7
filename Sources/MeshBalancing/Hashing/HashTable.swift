// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What a consistent balancer looks hashes up in.
protocol HashTable: Sendable {
    /// How many different places a hash may lead to; 0 if there is no endpoint.
    var placeCount: Int { get }

    /// The position of the endpoint for a hash.
    /// - Parameter attempt: How many endpoints were passed over already for this request.
    func endpoint(for hash: UInt64, attempt: Int) -> Int
}
