// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

extension ResourceGenerator {
    /// More addresses of an endpoint, which only IP addresses have.
    mutating func otherAddresses(besides address: EndpointAddress, _ number: Int) -> [EndpointAddress] {
        guard address.port != nil, IPAddress(address.host) != nil else { return [] }
        return list(0...2) { generator in
            EndpointAddress(
                host: generator.pick(["2001:db8:1::\(number)", "10.1.0.\(number)"]),
                port: UInt16(1 + generator.below(65_535))
            )
        }
    }
}
