// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation
import HTTPTypes
import MeshConfig
import MeshCore
import MeshHTTP
import MeshIdentity
import MeshRouting
import MeshSecurity
import ServiceMesh

/// Our client with an identity, which calls one server by the mesh's mutual TLS.
struct IdentityClientCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identity-client",
        abstract: "Makes requests by mutual TLS until standard input is closed; lines of JSON on it are orders."
    )

    @OptionGroup var options: IdentityOptions

    @Option(help: "HOST:PORT of the server.")
    var target: String

    @Option(help: "The SPIFFE ID that the certificate names.")
    var spiffeID: String

    @Option(help: "An identity that the server may prove; none for any of the trust domain.")
    var accept: [String] = []

    @Option(help: "The beginning of URIs that the server may prove as well.")
    var acceptPrefix: [String] = []

    @Option(help: "The server name that is asked for.")
    var serverName: String?

    @Flag(help: "Speaks HTTP/2.")
    var http2 = false

    @Flag(help: "Makes a new connection for each request.")
    var once = false

    @Flag(help: "Uses the files as secrets that a configuration delivers, in place of the process's own identity.")
    var secrets = false

    func run() async throws {
        let mesh = try Mesh(MeshConfiguration(observers: [RefusalPrinter()]))
        let identity = WorkloadIdentity(spiffeID: try SPIFFEID(spiffeID), observers: mesh.observers)
        if !secrets { try await identity.install(try options.material()) }
        try mesh.apply(try resources())
        var configuration = HTTPTransport.Configuration()
        configuration.mutualTLS = ClientTLS { try identity.makeClientHandler(to: $0) }
        configuration.observers = mesh.observers
        let transport = HTTPTransport(configuration)
        let client = MeshHTTPClient(mesh: mesh, transport: transport)
        LineOutput.write(["event": "ready"])
        await withTaskGroup(of: Void.self) { group in
            for await line in LineInput.lines() {
                guard let order = try? JSONDecoder().decode(IdentityOrder.self, from: Data(line.utf8)) else { continue }
                group.addTask {
                    LineOutput.write(await self.outcome(of: order, client, mesh, identity, transport))
                }
            }
        }
        await transport.shutdown()
    }

    private func outcome(
        of order: IdentityOrder,
        _ client: MeshHTTPClient,
        _ mesh: Mesh,
        _ identity: WorkloadIdentity,
        _ transport: HTTPTransport
    ) async -> IdentityOrder.Outcome {
        var outcome = IdentityOrder.Outcome(id: order.id)
        do {
            switch order.order {
            case .get, .serve:
                let answer = try await client.get("http://server\(order.path ?? "/")")
                (outcome.status, outcome.body) = (answer.response.status.code, String(buffer: answer.body))
            case .reload:
                if !secrets { try await identity.install(try options.material()) }
                try mesh.apply(try resources())
            case .figures: outcome.connections = transport.statistics.connections
            }
        } catch {
            outcome.error = "\(error)"
        }
        return outcome
    }

    private func resources() throws -> MeshResources {
        var cluster = Cluster(
            name: "server",
            discovery: .fixed(EndpointAssignment(name: "server", addresses: [try ClientOptions.address(target)])),
            upstreamSecurity: .mutualTLS(acceptedIdentities: accept),
            serverName: serverName,
            peerNames: acceptPrefix.map { PeerNameMatcher(.uri, StringMatcher(.prefix($0))) }
        )
        cluster.connection = ConnectionOptions(httpVersion: http2 ? .http2 : .http1, maximumRequests: once ? 1 : 0)
        let action = RouteAction.forward(.init(clusters: WeightedClusters(single: "server")))
        let host = VirtualHost(name: "server", domains: [.exact("server")], routes: [Route(name: "all", action: action)])
        let listener = Listener(
            name: "outbound",
            routes: .inline(RouteConfiguration(name: "outbound", virtualHosts: [host]))
        )
        guard secrets else { return MeshResources(listeners: [listener], clusters: [cluster]) }
        let material = try options.material()
        cluster.secrets = SecretReference(certificate: "own", validation: "roots")
        let validation = PeerValidation(
            trustedRoots: material.roots[options.trustDomain] ?? "",
            revocationLists: options.lists
        )
        return MeshResources(
            listeners: [listener],
            clusters: [cluster],
            secrets: [
                Secret(name: "own", content: .certificate(material.certificate)),
                Secret(name: "roots", content: .validation(validation)),
            ]
        )
    }
}
