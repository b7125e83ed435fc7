// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation
import HTTPTypes
import MeshCore
import MeshHTTP
import MeshJWT
import MeshXDS
import NIOPosix
import ServiceMesh

/// Our server behind the filters of Envoy's own configuration: it answers with the head of the request as its handler got
/// it, until its input is closed.
struct GuardedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "guarded",
        abstract:
            "Serves behind the static listener of a bootstrap document; each line of input names another document."
    )

    @OptionGroup var options: ServerOptions

    @Argument(help: "The document: static_resources with a listener at the server's address.")
    var document: String

    @Option(help: "HOST:PORT of the service that says who may pass, whatever clusters are called.")
    var authorizer: String?

    func run() async throws {
        let observer = GuardObserver()
        let external = try authorizer.map { try ExternalAuthorizationClient(address: ClientOptions.address($0)) }
        let mesh = try Mesh(
            MeshConfiguration(
                retryBudget: nil,
                signatureVerifier: JWTKitVerifier(),
                externalAuthorizers: external.map { ExternalAuthorizers($0) } ?? .none,
                observers: [observer]
            )
        )
        try apply(document, to: mesh)
        let configuration = try options.configuration()
        // What fetches key sets.
        let transport = HTTPTransport(
            HTTPTransport.Configuration(eventLoopGroup: MultiThreadedEventLoopGroup(numberOfThreads: 1))
        )
        let client = MeshHTTPClient(mesh: mesh, transport: transport)
        let stack = InboundStack(mesh: mesh, address: configuration.address)
        let server = MeshHTTPServer(configuration, stack: stack) { Self.answer($0) }
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run { LineOutput.write(["address": $0.description]) } }
            if let external { group.addTask { try? await external.run() } }
            group.addTask {
                do { try await mesh.run() } catch is CancellationError {}
            }
            for await line in LineInput.lines() {
                do {
                    if line == "events" {
                        LineOutput.write(observer.counts)
                    } else {
                        try apply(line, to: mesh)
                        LineOutput.write(["applied": line])
                    }
                } catch {
                    LineOutput.write(["error": "\(error)"])
                }
            }
            server.drain.beginStopping()
            group.cancelAll()
            // What was cancelled ends by an error.
            while await group.nextResult() != nil {}
        }
        _ = client
        await transport.shutdown()
    }

    private func apply(_ path: String, to mesh: Mesh) throws {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let read = try ResourceDocument(json: text).bootstrap()
        for field in read.ignored { LineOutput.write(["ignored": "\(field)"]) }
        try mesh.apply(read.resource)
    }

    /// The request as the handler sees it.
    private static func answer(_ request: InboundRequest) -> InboundResponse {
        let seen = Seen(
            path: request.head.path ?? "",
            headers: request.head.headerFields.map { [$0.name.canonicalName, $0.value] }
        )
        guard let text = try? JSONEncoder().encode(seen) else { return InboundResponse(status: .internalServerError) }
        return InboundResponse(body: .text(String(decoding: text, as: UTF8.self)))
    }

    private struct Seen: Encodable {
        var path: String
        var headers: [[String]]
    }
}
