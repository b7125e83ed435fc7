// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshCore
import MeshGRPC
import MeshHTTP
import ServiceMesh

/// A server of the greeter in the mesh, with its health and its load.
struct GreeterServer: Sendable {
    let service: GreeterService
    let server: GRPCServer<MeshServerTransport>
    let drain: ServerDrain

    /// - Parameters:
    ///   - mesh: The mesh whose configuration decides what the server lets pass.
    ///   - address: Where it listens.
    ///   - requiresListener: Whether it takes connections only while the mesh has a listener for it (gRFC A36).
    init(_ service: GreeterService, mesh: Mesh, address: EndpointAddress, requiresListener: Bool = false) {
        let stack = InboundStack(mesh: mesh, address: address)
        let load = LoadRecorder()
        self.service = service
        self.drain = stack.drain
        self.server = GRPCServer(
            transport: .mesh(
                stack,
                .init(http: .grpc(address: address), requiresListener: requiresListener),
                load: load
            ) { print("\(service.name) is \($0)") },
            services: [
                service,
                HealthService(stack, services: [Greeter_V1_Greeter.descriptor.fullyQualifiedService]),
                LoadReportService(load, drain: stack.drain),
            ]
        )
    }
}
