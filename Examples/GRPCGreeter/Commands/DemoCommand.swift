// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import GRPCCore
import MeshCore
import MeshGRPC
import MeshXDS
import ServiceMesh

/// Plays it all in one process, over sockets.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Runs a control plane, three servers of two versions and a client, and shows what calls meet."
    )

    private static let loopback = EndpointAddress(host: "127.0.0.1", port: 0)

    func run() async throws {
        let servers = try [("v1", "v1"), ("v2", "v2-a"), ("v2", "v2-b")].map { version, name in
            GreeterServer(GreeterService(version: version, name: name), mesh: try Mesh(), address: Self.loopback)
        }
        let holds = try await withThrowingTaskGroup(of: Void.self) { group in
            for each in servers { group.addTask { try await each.server.serve() } }
            var addresses: [EndpointAddress] = []
            for each in servers { addresses.append(try await each.server.transport.listeningAddress) }
            let mesh = GreeterMesh(versions: [
                .init(name: "v1", share: 90, addresses: [addresses[0]]),
                .init(name: "v2", share: 10, addresses: Array(addresses.dropFirst())),
            ])
            let controlPlane = try LiveControlPlane(mesh)
            let xds = XDSServer(address: Self.loopback, provider: controlPlane)
            group.addTask { try await xds.run() }
            let demo = Demo(
                controlPlane: controlPlane,
                mesh: mesh,
                failing: servers[2].service,
                xds: try await xds.listeningAddress
            )
            let holds = try await demo.play()
            for each in servers { each.server.beginGracefulShutdown() }
            group.cancelAll()
            return holds
        }
        print(holds ? "all of it held" : "not all of it held")
        if !holds { throw ExitCode.failure }
    }
}
