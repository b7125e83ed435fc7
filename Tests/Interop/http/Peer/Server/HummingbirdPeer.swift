// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import Hummingbird
import Logging
import MeshCore
import MeshHummingbird
import NIOCore
import ServiceMesh

/// A Hummingbird application with the mesh in front of its routes.
struct HummingbirdPeer {
    private let options: ServerOptions

    init(_ options: ServerOptions) {
        self.options = options
    }

    func run(_ mesh: Mesh) async throws {
        let address = EndpointAddress(host: "127.0.0.1", port: options.port)
        let router = Router(context: BasicMeshRequestContext.self)
        router.add(middleware: MeshMiddleware(mesh: mesh, address: address))
        router.get("/b/{size}") { _, context in
            BytePattern.bytes(at: 0, count: try context.parameters.require("size", as: Int.self))
        }
        router.post("/echo") { request, _ in
            Response(status: .ok, body: ResponseBody(asyncSequence: request.body))
        }
        router.get("/") { _, _ in "hello" }
        var logger = Logger(label: "http-peer")
        logger.logLevel = .error
        let application = Application(
            router: router,
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: Int(options.port))),
            onServerRunning: { channel in
                LineOutput.write(["address": "127.0.0.1:\(channel.localAddress?.port ?? 0)"])
            },
            logger: logger
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await application.run() }
            group.addTask { for await _ in LineInput.lines() {} }
            try await group.next()
            group.cancelAll()
        }
    }
}
