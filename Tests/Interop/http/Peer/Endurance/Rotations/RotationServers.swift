// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import Hummingbird
import Logging
import MeshCore
import MeshHTTP
import MeshHummingbird
import MeshIdentity
import MeshSecurity
import NIOCore
import NIOSSL
import ServiceMesh

/// Our two servers with one identity. They answer `/b/SIZE`, `/sum/NAME` and `/echo`, and those only whom they expect.
struct RotationServers: Sendable {
    enum Kind: String, CaseIterable, Sendable {
        case nio = "MeshHTTPServer"
        case hummingbird = "Hummingbird"
    }

    let identity: WorkloadIdentity
    /// The only caller that is served.
    let client: String
    let log: RotationLog

    /// Serves until the task is cancelled.
    func run(_ kind: Kind, onListening: @escaping @Sendable (EndpointAddress) -> Void) async throws {
        switch kind {
        case .nio: try await runMeshHTTPServer(onListening)
        case .hummingbird: try await runHummingbird(onListening)
        }
    }

    private func runMeshHTTPServer(_ onListening: @Sendable (EndpointAddress) -> Void) async throws {
        let tls = identity.makeServerTLSConfiguration(applicationProtocols: ["h2", "http/1.1"])
        var configuration = MeshHTTPServer.Configuration()
        configuration.security = ServerTransportSecurity(
            context: try NIOSSLContext(configuration: tls.configuration),
            verify: { [log] presented, promise in
                log.note(clientCertificate: presented.first)
                tls.verify(presented, promise)
            }
        )
        let ledger = Replica.Ledger()
        let server = MeshHTTPServer(
            configuration,
            stack: InboundStack(mesh: try Mesh(), address: EndpointAddress(host: "127.0.0.1", port: 9080)),
            peerIdentity: { await WorkloadIdentity.peerIdentity(of: $0)?.description },
            handler: { [client] request in
                guard request.peerIdentity == client else { return InboundResponse(status: .forbidden) }
                return try await FleetApplication.answer(request, ledger)
            }
        )
        try await server.run(onListening: onListening)
    }

    private func runHummingbird(_ onListening: @escaping @Sendable (EndpointAddress) -> Void) async throws {
        let router = Router(context: BasicMeshRequestContext.self)
        router.add(
            middleware: MeshMiddleware(mesh: try Mesh(), address: EndpointAddress(host: "127.0.0.1", port: 9080))
        )
        router.add(middleware: OnlyFor(client: client, log: log))
        router.get("/b/{size}") { _, context in
            BytePattern.bytes(at: 0, count: try context.parameters.require("size", as: Int.self))
        }
        router.post("/sum/{name}") { request, _ in
            var count = 0
            for try await chunk in request.body { count += chunk.readableBytes }
            return "\(count)"
        }
        router.post("/echo") { request, _ in
            Response(status: .ok, body: .init(asyncSequence: request.body))
        }
        var logger = Logger(label: "http-peer")
        logger.logLevel = .error
        let application = Application(
            router: router,
            server: try .mutualTLS(identity),
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                let port = UInt16(exactly: channel.localAddress?.port ?? 0) ?? 0
                onListening(EndpointAddress(host: "127.0.0.1", port: port))
            },
            logger: logger
        )
        try await application.run()
    }
}

/// Serves one caller only, and notes the certificate of each connection's.
private struct OnlyFor: RouterMiddleware {
    typealias Context = BasicMeshRequestContext

    let client: String
    let log: RotationLog

    func handle(
        _ request: Request,
        context: Context,
        next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard InboundContext.current?.peerIdentity == client else { throw HTTPError(.forbidden) }
        // With HTTP/2 the connection is the parent of the request's stream.
        let isStream = context.channel.parent?.parent != nil
        let connection = isStream ? context.channel.parent : context.channel
        if let connection {
            let certificate = try await connection.eventLoop.submit {
                try connection.pipeline.syncOperations.handler(type: NIOSSLHandler.self).peerCertificate
            }.get()
            log.note(clientCertificate: certificate)
        }
        return try await next(request, context)
    }
}
