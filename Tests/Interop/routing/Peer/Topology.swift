// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshXDS

/// Which endpoints there are, and whose.
struct Topology: Sendable {
    /// One endpoint.
    struct Endpoint: Sendable {
        var cluster: String
        var number: Int
        var isMirror: Bool
    }

    private var endpoints: [EndpointAddress: Endpoint] = [:]

    /// - Parameter clusters: The file's `clusters`.
    init(_ clusters: DocumentNode?) {
        for (name, cluster) in clusters?.members ?? [] where cluster["refuses"]?.isTrue != true {
            let isMirror = cluster["mirror"]?.isTrue == true
            for (number, address) in (cluster["endpoints"]?.elements ?? []).enumerated() {
                guard let address = address.text.flatMap({ EndpointAddress(authority: $0) }) else { continue }
                endpoints[address] = Endpoint(cluster: name, number: number, isMirror: isMirror)
            }
        }
    }

    /// Endpoints that are not there refuse connections.
    subscript(address: EndpointAddress) -> Endpoint? { endpoints[address] }
}
