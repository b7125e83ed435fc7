// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import Hummingbird
import MeshCore
import MeshHTTP
import MeshHummingbird
import MeshXDS
import ServiceMesh

/// The README's service, so that it compiles.
func readmeService() async throws {
    // What the mesh does is decided by the control plane that GRPC_XDS_BOOTSTRAP names.
    let address = EndpointAddress(host: "127.0.0.1", port: 9080)
    let mesh = try Mesh(sources: [XDSConfigSource(bootstrap: .fromEnvironment(), inboundAddresses: [address])])

    // Outbound: a client. The host is a service; the mesh picks the endpoint, retries, and passes on the trace.
    let client = MeshHTTPClient(mesh: mesh, transport: HTTPTransport())

    // Inbound: one line. Trace and deadline of the caller reach everything that the handler calls.
    let router = Router(context: BasicMeshRequestContext.self)
    router.add(middleware: MeshMiddleware(mesh: mesh, address: address))
    router.get("reviews/:id") { request, context in
        let id = context.parameters.get("id") ?? "0"
        let (response, body) = try await client.get("http://ratings:9080/ratings/\(id)")
        return "ratings said \(response.status): \(String(buffer: body))"
    }

    let app = Application(router: router, configuration: .init(address: .hostname("127.0.0.1", port: 9080)))
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await mesh.run() }
        try await mesh.ready(timeout: .seconds(30))
        try await app.run()
        group.cancelAll()
    }
}
