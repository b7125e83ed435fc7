// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// In which order the addresses of one endpoint are tried.
enum AddressOrder {
    /// An address that can be tried.
    struct Candidate: Hashable, Sendable {
        let address: EndpointAddress
        let isVersion6: Bool

        /// - Returns: `nil` for what is no IP address with a port.
        init?(_ address: EndpointAddress) {
            guard address.port != nil, let ip = IPAddress(address.host) else { return nil }
            self.address = address
            self.isVersion6 = ip.isVersion6
        }
    }

    /// Both families by turns, the first one's first, each in its order, and none twice (RFC 8305 §4 with a First Address
    /// Family Count of 1, gRFC A61; Envoy's default `happy_eyeballs_config`): one family that leads nowhere costs one
    /// delay.
    static func interleaved(_ candidates: [Candidate]) -> [Candidate] {
        guard let first = candidates.first else { return [] }
        var seen: Set<Candidate> = []
        let unique = candidates.filter { seen.insert($0).inserted }
        let ahead = unique.filter { $0.isVersion6 == first.isVersion6 }
        let behind = unique.filter { $0.isVersion6 != first.isVersion6 }
        var order: [Candidate] = []
        for position in 0..<max(ahead.count, behind.count) {
            if position < ahead.count { order.append(ahead[position]) }
            if position < behind.count { order.append(behind[position]) }
        }
        return order
    }
}
