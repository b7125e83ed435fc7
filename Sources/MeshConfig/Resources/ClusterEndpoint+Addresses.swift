// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension ClusterEndpoint {
    /// Checks that the additional addresses can be dialled as they are, and that nobody else has them (gRFC A61).
    func validateAdditionalAddresses(
        at path: String,
        seen addresses: inout Set<EndpointAddress>,
        _ problems: inout ProblemCollector
    ) {
        let path = path + ".additionalAddresses"
        problems.require(
            additionalAddresses.count <= Self.mostAdditionalAddresses,
            path,
            "must be at most \(Self.mostAdditionalAddresses), are \(additionalAddresses.count)"
        )
        problems.require(
            additionalAddresses.isEmpty || address.isOneIPAddress,
            path,
            "belong to an IP address, and \(address) is none"
        )
        for (position, address) in additionalAddresses.enumerated() {
            let path = path + "[\(position)]"
            problems.require(address.isOneIPAddress, path, "must be an IP address with a port, is \(address)")
            problems.require(addresses.insert(address).inserted, path, "the address \(address) appears twice")
        }
    }
}

extension EndpointAddress {
    /// Whether it can be dialled without asking anybody for addresses.
    fileprivate var isOneIPAddress: Bool { port.map { $0 > 0 } == true && IPAddress(host) != nil }
}
