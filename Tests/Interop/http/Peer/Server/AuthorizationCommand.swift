// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation
import MeshConfig
import MeshCore
import MeshHTTP
import MeshXDS
import NIOPosix
import ServiceMesh

/// Our server on the listeners of a document that Envoy is started with, too: who may pass is what is compared.
struct AuthorizationCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "authorization",
        abstract: "Serves the inbound listeners of an Envoy configuration until standard input is closed.",
        discussion: "Each decision of an authorization filter is a line of JSON; `path` says of which request."
    )

    @Argument(help: "The configuration that Envoy is started with, in JSON.")
    var document: String

    func run() async throws {
        let read = try ResourceDocument(json: String(contentsOfFile: document, encoding: .utf8)).bootstrap()
        let mesh = try Mesh(MeshConfiguration(observers: [DecisionObserver()]))
        try mesh.apply(read.resource)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let servers = read.resource.listeners.values.compactMap { listener -> MeshHTTPServer? in
            guard case .inbound(let address, _) = listener.direction else { return nil }
            let configuration = MeshHTTPServer.Configuration(address: address, eventLoopGroup: group)
            return MeshHTTPServer(configuration, stack: InboundStack(mesh: mesh, address: address)) { _ in
                InboundResponse(body: .text("served"))
            }
        }
        LineOutput.write(Ignored(ignored: read.ignored.map { "\($0)" }))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for server in servers {
                group.addTask {
                    do {
                        try await server.run { LineOutput.write(["address": $0.description]) }
                    } catch {
                        // Whoever waits for its address is to know at once, and the others never end by themselves.
                        Self.exit(withError: error)
                    }
                }
            }
            for await _ in LineInput.lines() {}
            for server in servers { server.drain.beginStopping() }
            try await group.waitForAll()
        }
    }

    /// What the decoder left aside.
    private struct Ignored: Encodable {
        var ignored: [String]
    }
}

/// Prints what authorization filters decide.
private struct DecisionObserver: Observer {
    private struct Line: Encodable {
        var path: String
        var prefix: String
        var outcome: String
        var policy: String?
    }

    func noticed(_ event: MeshEvent) {
        guard case .authorizationDecided(let decision) = event else { return }
        LineOutput.write(
            Line(
                path: decision.request?.path ?? "",
                prefix: decision.prefix,
                outcome: decision.outcome.rawValue,
                policy: decision.policy
            )
        )
    }
}
