// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshCore
import MeshGRPC
import MeshXDS
import ServiceMesh

/// The scenes of the demonstration, each with what has to come of it.
struct Demo: Sendable {
    let controlPlane: LiveControlPlane
    let mesh: GreeterMesh
    /// The server that will fail, one of two of its version.
    let failing: GreeterService
    let xds: EndpointAddress

    private typealias Client = Greeter_V1_Greeter.Client<MeshClientTransport>

    /// How often a scene is looked at again before it counts as not held.
    private static let patience = 100

    /// - Returns: Whether all scenes held.
    func play() async throws -> Bool {
        let ejections = EjectionObserver()
        let source = XDSConfigSource(
            bootstrap: Bootstrap(server: xds, node: .init(id: "greeter-demo")),
            targets: [XDSTarget(GreeterMesh.service)],
            rules: .grpc
        )
        let transport = try MeshClientTransport.mesh(
            target: "xds:///\(GreeterMesh.service)",
            sources: [source],
            meshConfiguration: MeshConfiguration(observers: [ejections])
        )
        return try await withGRPCClient(transport: transport) { client in
            let greeter = Client(wrapping: client)
            var holds = try await split(greeter)
            holds = try await liveChange(greeter) && holds
            holds = try await retries(greeter) && holds
            return try await ejection(greeter, ejections) && holds
        }
    }

    private func split(_ greeter: Client) async throws -> Bool {
        let seen = try await tally(greeter, calls: 1000)
        return tell("90 % to v1 and 10 % to v2", seen, seen.share(of: "v2", isWithin: 0.05...0.15))
    }

    private func liveChange(_ greeter: Client) async throws -> Bool {
        var even = mesh
        for place in even.versions.indices { even.versions[place].share = 50 }
        try controlPlane.update(even)
        var seen = Tally()
        for _ in 0..<Self.patience {
            seen = try await tally(greeter, calls: 200)
            if seen.share(of: "v2", isWithin: 0.4...0.6) { break }
        }
        return tell("50 % each, while the client runs", seen, seen.share(of: "v2", isWithin: 0.4...0.6))
    }

    private func retries(_ greeter: Client) async throws -> Bool {
        failing.setFailing(true)
        let before = failing.callCount
        let seen = try await tally(greeter, calls: 200)
        let attempts = failing.callCount - before
        let holds = seen.failures == 0 && attempts > 0
        return tell("\(failing.name) fails \(attempts) calls, and no caller sees it: others are asked", seen, holds)
    }

    private func ejection(_ greeter: Client, _ ejections: EjectionObserver) async throws -> Bool {
        for _ in 0..<Self.patience where ejections.count == 0 {
            _ = try await tally(greeter, calls: 100)
            try await SystemClock().sleep(until: SystemClock().now.advanced(by: .milliseconds(50)))
        }
        let before = failing.callCount
        let seen = try await tally(greeter, calls: 300)
        let attempts = failing.callCount - before
        let holds = seen.failures == 0 && ejections.count > 0 && attempts == 0
        return tell("\(failing.name) is ejected, and asked \(attempts) times", seen, holds)
    }

    private func tally(_ greeter: Client, calls: Int) async throws -> Tally {
        var seen = Tally()
        var request = Greeter_V1_HelloRequest()
        request.name = "mesh"
        for _ in 0..<calls {
            do {
                seen.count(try await greeter.sayHello(request))
            } catch is RPCError {
                seen.failures += 1
            }
        }
        return seen
    }

    private func tell(_ scene: String, _ seen: Tally, _ holds: Bool) -> Bool {
        print("\(holds ? "ok  " : "NOT ") \(scene)\n     \(seen)")
        return holds
    }
}
