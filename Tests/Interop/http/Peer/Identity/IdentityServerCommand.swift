// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import MeshConfig
import MeshCore
import MeshHTTP
import MeshHummingbird
import MeshIdentity
import MeshSecurity
import ServiceMesh

/// Our server with an identity: strict, permissive or in plaintext, and another way when the script says so. It answers
/// who called; everybody whom it refused is a line with the reason.
struct IdentityServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identity-server",
        abstract: "Serves by the mesh's mutual TLS until standard input is closed; lines of JSON on it are orders."
    )

    @OptionGroup var options: IdentityOptions

    @Option(help: "The port to listen on.")
    var port: UInt16

    @Option(help: "strict, permissive, plaintext or tls.")
    var mode = "strict"

    @Option(help: "The SPIFFE ID that the certificate names.")
    var spiffeID: String

    @Flag(help: "Uses the files as secrets that a configuration delivers, in place of the process's own identity.")
    var secrets = false

    @Flag(help: "Serves by Hummingbird instead.")
    var hummingbird = false

    private var address: EndpointAddress { EndpointAddress(host: "127.0.0.1", port: port) }

    func run() async throws {
        let mesh = try Mesh(MeshConfiguration(observers: [RefusalPrinter()]))
        let identity = WorkloadIdentity(spiffeID: try SPIFFEID(spiffeID), observers: mesh.observers)
        if !secrets { try await identity.install(try options.material()) }
        try mesh.apply(try resources(mode: mode, allow: nil))
        try await withThrowingTaskGroup(of: Void.self) { group in
            let drain = ServerDrain()
            group.addTask { try await serve(mesh, identity, drain) }
            var (mode, allow) = (mode, [String]?.none)
            for await line in LineInput.lines() {
                let order = try JSONDecoder().decode(IdentityOrder.self, from: Data(line.utf8))
                var outcome = IdentityOrder.Outcome(id: order.id)
                do {
                    if order.order == .serve {
                        (mode, allow) = (order.mode ?? mode, order.allow ?? allow)
                    } else if !secrets {
                        try await identity.install(try options.material())
                    }
                    try mesh.apply(try resources(mode: mode, allow: allow))
                } catch {
                    outcome.error = "\(error)"
                }
                LineOutput.write(outcome)
            }
            drain.beginStopping()
            group.cancelAll()
        }
    }

    private func serve(_ mesh: Mesh, _ identity: WorkloadIdentity, _ drain: ServerDrain) async throws {
        if hummingbird { return try await serveByHummingbird(mesh, identity) }
        var configuration = MeshHTTPServer.Configuration(address: address)
        configuration.mutualTLS = ServerTransportSecurity { try identity.makeServerHandler() }
        let proven: @Sendable (any Channel) async -> String? = { await identity.provenIdentity(of: $0)?.description }
        let server = MeshHTTPServer(
            configuration,
            stack: InboundStack(mesh: mesh, address: address, drain: drain),
            peerIdentity: secrets ? nil : proven
        ) { request in
            InboundResponse(body: .text(Self.answer))
        }
        try await server.run { LineOutput.write(["address": $0.description]) }
    }

    private func serveByHummingbird(_ mesh: Mesh, _ identity: WorkloadIdentity) async throws {
        let router = Router(context: BasicMeshRequestContext.self)
        router.add(middleware: MeshMiddleware(mesh: mesh, address: address, identity: identity))
        router.get("/") { _, _ in Self.answer }
        var logger = Logger(label: "http-peer")
        logger.logLevel = .error
        let application = Application(
            router: router,
            server: .inMesh(mesh, address: address, identity: identity),
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: Int(port))),
            onServerRunning: { _ in LineOutput.write(["address": "127.0.0.1"]) },
            logger: logger
        )
        try await application.run()
    }

    /// Who called, as an application's handler reads it.
    private static var answer: String {
        let peer = InboundContext.current?.peerCertificate
        let names = (peer?.uriNames ?? []) + (peer?.dnsNames ?? [])
        return "\(InboundContext.current?.peerIdentity ?? "nobody") \(names) \(peer?.serialNumber ?? "-")"
    }

    private func resources(mode: String, allow: [String]?) throws -> MeshResources {
        let modes: [String: Listener.InboundSecurity] = [
            "strict": .mutualTLS, "permissive": .permissive, "plaintext": .plaintext, "tls": .tls,
        ]
        guard let security = modes[mode] else { throw ValidationError("there is no mode \(mode)") }
        let host = VirtualHost(name: "all", domains: [.any], routes: [Route(name: "all", action: .nonForwarding)])
        var listener = Listener(
            name: "server",
            direction: .inbound(address: address, security: security),
            routes: .inline(RouteConfiguration(name: "server", virtualHosts: [host]))
        )
        if let allow {
            let policy = AuthorizationPolicy(
                name: "allowed",
                permissions: [.any],
                principals: allow.map { .authenticated(StringMatcher(.exact($0))) }
            )
            listener.filters = [.authorization(AuthorizationRules(action: .allow, policies: [policy]))]
        }
        guard secrets, security.takesTLS else { return MeshResources(listeners: [listener]) }
        let material = try options.material()
        let validation = PeerValidation(
            trustedRoots: material.roots[options.trustDomain] ?? "",
            revocationLists: options.lists,
            trustDomain: options.trustDomain
        )
        listener.secrets = SecretReference(certificate: "own", validation: security == .tls ? nil : "roots")
        return MeshResources(
            listeners: [listener],
            secrets: [
                Secret(name: "own", content: .certificate(material.certificate)),
                Secret(name: "roots", content: .validation(validation)),
            ]
        )
    }
}
