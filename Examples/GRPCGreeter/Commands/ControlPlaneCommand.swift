// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import MeshCore
import MeshXDS

/// A control plane of the greeter for servers and clients that run elsewhere.
struct ControlPlaneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "control-plane",
        abstract: "Serves the greeter's configuration over xDS."
    )

    @Option(help: "The port for xDS; 0 lets the system choose.")
    var port: UInt16 = 18_000

    @Option(help: "The servers of version v1, as host:port.")
    var v1: [String] = ["127.0.0.1:50051"]

    @Option(help: "The servers of version v2, as host:port.")
    var v2: [String] = ["127.0.0.1:50052"]

    @Option(help: "The share of v2 in percent.")
    var share: UInt32 = 10

    @Option(help: "Another share of v2, which counts after some seconds.")
    var thenShare: UInt32?

    @Option(help: "After how many seconds it counts.")
    var after: UInt64 = 10

    func run() async throws {
        let controlPlane = try LiveControlPlane(try mesh(share: share))
        let server = XDSServer(address: EndpointAddress(host: "127.0.0.1", port: port), provider: controlPlane)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            print("xDS on \(try await server.listeningAddress)")
            if let thenShare {
                let clock = SystemClock()
                try await clock.sleep(until: clock.now.advanced(by: .seconds(after)))
                try controlPlane.update(try mesh(share: thenShare))
                print("v2 gets \(thenShare) %")
            }
            try await group.next()
        }
    }

    private func mesh(share: UInt32) throws -> GreeterMesh {
        guard share <= 100 else { throw ValidationError("a share is at most 100 %") }
        return GreeterMesh(versions: [
            .init(name: "v1", share: 100 - share, addresses: try v1.map(Self.address)),
            .init(name: "v2", share: share, addresses: try v2.map(Self.address)),
        ])
    }

    private static func address(_ text: String) throws -> EndpointAddress {
        guard let address = EndpointAddress(authority: text) else { throw ValidationError("\(text) is no host:port") }
        return address
    }
}
