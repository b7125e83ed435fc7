// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
import MeshXDS

/// Where operators of this machine ask a client of a control plane what became of its resources.
struct StatusPort {
    private let source: XDSConfigSource

    init(_ source: XDSConfigSource) {
        self.source = source
    }

    /// Serves until the task is cancelled, and prints where.
    func serve(at port: UInt16) async throws {
        let server = GRPCServer(
            transport: .http2NIOPosix(
                address: .ipv4(host: "127.0.0.1", port: Int(port)),
                transportSecurity: .plaintext
            ),
            services: [ClientStatusService(sources: [source])]
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.serve() }
            if let address = try await server.listeningAddress?.ipv4 {
                try printJSON(["event": "status", "address": "\(address.host):\(address.port)"])
            }
            try await group.next()
        }
    }
}
