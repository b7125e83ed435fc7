// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation
import GRPCCore
import MeshCore
import MeshGRPC
import MeshHTTP
import MeshXDS
import ServiceMesh

/// Our server: it answers calls with its port, and does what lines of JSON (`ServerOrder`) say, until its input is closed.
struct ServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "server",
        abstract: "Answers calls of every named service with its port."
    )

    @Option(help: "The port on 127.0.0.1; 0 lets the system choose.")
    var port: UInt16 = 0

    @Option(help: "A service with the methods Get, and Echo, which repeats its message. May be said several times.")
    var service: [String]

    @Option(help: "The bootstrap file of a control plane that the server waits for (gRFC A36).")
    var bootstrap: String?

    @Option(help: "What answers are compressed by.")
    var compression = MessageAlgorithm.none

    @Option(help: "The only way to compress requests that is accepted; all are without it.")
    var accepts: MessageAlgorithm?

    func run() async throws {
        let address = EndpointAddress(host: "127.0.0.1", port: port)
        let sources = try bootstrap.map {
            [
                XDSConfigSource(
                    bootstrap: try Bootstrap(path: $0),
                    inboundAddresses: [address],
                    asksForAllListeners: false,
                    rules: .grpc
                )
            ]
        }
        let mesh = try Mesh(sources: sources ?? [])
        let stack = InboundStack(mesh: mesh, address: address)
        let load = LoadRecorder()
        let ports = PortService(services: service)
        let server = GRPCServer(
            transport: MeshServerTransport(
                .init(
                    http: .grpc(address: address),
                    compression: MessageCompression(algorithm: compression.algorithm, accepted: accepts?.set ?? .all),
                    requiresListener: bootstrap != nil
                ),
                stack: stack,
                load: load,
                servingModeChanged: { mode in LineOutput.write(["mode": "\(mode)"]) }
            ),
            services: [ports, HealthService(stack, services: service), LoadReportService(load, drain: stack.drain)]
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.serve() }
            group.addTask {
                do { try await mesh.run() } catch is CancellationError {}
            }
            let bound = try await server.transport.listeningAddress
            ports.listens(at: bound.port ?? 0)
            LineOutput.write(["port": Int(bound.port ?? 0)])
            for await line in LineInput.lines() {
                let order = try JSONDecoder().decode(ServerOrder.self, from: Data(line.utf8))
                if let fails = order.fails { ports.setFailing(fails) }
                switch order.phase {
                case "drain"?: stack.drain.beginDraining()
                case "stop"?: stack.drain.beginStopping()
                default: break
                }
                LineOutput.write(["calls": ports.callCount])
            }
            server.beginGracefulShutdown()
            group.cancelAll()
            // What was cancelled ends by an error.
            while await group.nextResult() != nil {}
        }
    }
}
