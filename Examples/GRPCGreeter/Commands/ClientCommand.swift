// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import GRPCCore
import MeshCore
import MeshGRPC
import MeshXDS
import ServiceMesh

/// A client.
struct ClientCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "client",
        abstract: "Calls the greeter again and again, and says who answered."
    )

    @Option(help: "Whom to call: xds:///greeter, dns:///host:port, static:a:1,b:2.")
    var target = "xds:///greeter"

    @Option(help: "The control plane, as host:port; without it GRPC_XDS_BOOTSTRAP says where it is.")
    var controlPlane: String?

    @Option(help: "How many calls.")
    var calls = 1000

    func run() async throws {
        var sources: [XDSConfigSource] = []
        if target.hasPrefix("xds:") {
            sources = [
                XDSConfigSource(bootstrap: try bootstrap(), targets: [XDSTarget(GreeterMesh.service)], rules: .grpc)
            ]
        }
        let transport = try MeshClientTransport.mesh(target: target, sources: sources)
        let calls = calls
        let seen = try await withGRPCClient(transport: transport) { client in
            let greeter = Greeter_V1_Greeter.Client(wrapping: client)
            var seen = Tally()
            var request = Greeter_V1_HelloRequest()
            request.name = "you"
            for _ in 0..<calls {
                do {
                    seen.count(try await greeter.sayHello(request))
                } catch let error as RPCError {
                    if seen.failures == 0 { print(error) }
                    seen.failures += 1
                }
            }
            return seen
        }
        print(seen)
    }

    private func bootstrap() throws -> Bootstrap {
        guard let controlPlane else { return try Bootstrap.fromEnvironment() }
        guard let address = EndpointAddress(authority: controlPlane) else {
            throw ValidationError("\(controlPlane) is no host:port")
        }
        return Bootstrap(server: address, node: .init(id: "greeter-client"))
    }
}
