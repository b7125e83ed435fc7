// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Logging
import MeshCore
import MeshGRPC
import MeshLifecycle
import MeshXDS
import ServiceLifecycle
import ServiceMesh
import UnixSignals

/// A server of one version.
struct ServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "server",
        abstract: "Runs a server of the greeter until SIGINT or SIGTERM, and finishes what is under way then."
    )

    @Option(help: "Where it listens, on 127.0.0.1.")
    var port: UInt16 = 50051

    @Option(name: .customLong("version"), help: "The version that it says it is.")
    var serverVersion = "v1"

    @Flag(help: "Serve by the listener that the control plane of GRPC_XDS_BOOTSTRAP has for it (gRFC A36).")
    var xds = false

    func run() async throws {
        let address = EndpointAddress(host: "127.0.0.1", port: port)
        let sources =
            xds ? [XDSConfigSource(bootstrap: try Bootstrap.fromEnvironment(), inboundAddresses: [address])] : []
        let mesh = try Mesh(sources: sources)
        let service = GreeterService(version: serverVersion, name: "\(serverVersion)@\(port)")
        let greeter = GreeterServer(service, mesh: mesh, address: address, requiresListener: xds)
        let group = ServiceGroup(
            services: [MeshService(mesh), GRPCServerService(greeter.server), DrainService(greeter.drain)],
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: Logger(label: "greeter")
        )
        print("\(service.name) listens on \(address)")
        try await group.run()
    }
}
