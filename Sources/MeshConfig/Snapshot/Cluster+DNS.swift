// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore

extension Cluster {
    /// Checks what DNS clusters demand of the endpoints that stand in them: names or addresses with ports; of logical ones
    /// a single endpoint (gRFC A37).
    /// - Throws: `ConfigurationError` with every problem.
    func validateNames() throws(ConfigurationError) {
        guard case .dns(let assignment, let settings) = discovery else { return }
        var problems = ProblemCollector()
        _ = problems.nest("dns") { () throws(ConfigurationError) in try settings.validate() }
        _ = problems.nest("endpoints") { () throws(ConfigurationError) in try assignment.validate() }
        for (position, group) in assignment.localities.enumerated() {
            for (number, endpoint) in group.endpoints.enumerated() {
                problems.require(
                    endpoint.address.port != nil && EndpointAddress.isHost(endpoint.address.host),
                    "endpoints.localities[\(position)].endpoints[\(number)].address",
                    "must be a host name of at most 255 bytes, or an IP address, and a port; is \(endpoint.address)"
                )
            }
        }
        if settings.kind == .logical {
            problems.require(
                assignment.localities.count == 1 && assignment.localities.first?.endpoints.count == 1,
                "endpoints",
                "must be one endpoint in one locality, as the cluster's DNS is logical"
            )
        }
        try problems.throwIfAny()
    }
}

extension EndpointAddress {
    /// The name to look up; `nil` for an IP address and for a Unix domain socket.
    package var hostName: String? {
        port == nil || IPAddress(host) != nil ? nil : host
    }

    /// Whether a resolver can be asked for it, which is given it as a text that ends with a zero.
    package static func isHost(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }
    }
}
