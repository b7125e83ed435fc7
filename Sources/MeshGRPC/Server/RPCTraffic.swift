// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// The bytes of one RPC's messages, either way, as they are on the wire, without their prefixes.
final class RPCTraffic: Sendable {
    private let requestBytes = Atomic<UInt64>(0)
    private let responseBytes = Atomic<UInt64>(0)

    /// So many have come by now.
    func received(_ count: UInt64) {
        requestBytes.store(count, ordering: .relaxed)
    }

    func sent(_ count: Int) {
        responseBytes.wrappingAdd(UInt64(count), ordering: .relaxed)
    }

    var bytes: (request: UInt64, response: UInt64) {
        (requestBytes.load(ordering: .relaxed), responseBytes.load(ordering: .relaxed))
    }
}
