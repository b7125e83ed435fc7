// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshConfig
import MeshCore
import MeshHTTP
import MeshIdentity
import MeshRouting
import NIOCore
import NIOPosix
import ServiceMesh

/// The caller's side: short requests over connections that are replaced all the time, and exchanges that stay open.
struct RotationLoad: Sendable {
    /// A server and a version of HTTP.
    struct Target: Hashable, Sendable {
        var kind: RotationServers.Kind
        var version: ConnectionOptions.HTTPVersion

        var name: String { "\(kind.rawValue)-\(version == .http1 ? 1 : 2)".lowercased() }

        static let all = RotationServers.Kind.allCases.flatMap { kind in
            [ConnectionOptions.HTTPVersion.http1, .http2].map { Target(kind: kind, version: $0) }
        }
    }

    let client: MeshHTTPClient
    let transport: HTTPTransport
    let log: RotationLog

    /// - Parameter requestsPerConnection: After so many, a connection is replaced.
    init(
        _ identity: WorkloadIdentity,
        to addresses: [RotationServers.Kind: EndpointAddress],
        server: String,
        requestsPerConnection: UInt32,
        log: RotationLog,
        counter: ConnectionCounter
    ) throws {
        let mesh = try Mesh(
            // No retries: a request that a rotation costs must show.
            MeshConfiguration(outboundTrafficPolicy: .registryOnly, retryBudget: nil, observers: [counter])
        )
        var resources = MeshResources()
        for target in Target.all {
            guard let address = addresses[target.kind] else { continue }
            resources.clusters[target.name] = Cluster(
                name: target.name,
                discovery: .fixed(EndpointAssignment(name: target.name, addresses: [address])),
                upstreamSecurity: .mutualTLS(acceptedIdentities: [server]),
                connection: ConnectionOptions(httpVersion: target.version, maximumRequests: requestsPerConnection)
            )
            let forward = RouteAction.Forward(clusters: WeightedClusters(single: target.name))
            let host = VirtualHost(
                name: target.name,
                domains: [.exact(target.name)],
                routes: [Route(action: .forward(forward))]
            )
            resources.listeners[target.name] = Listener(
                name: target.name,
                routes: .inline(RouteConfiguration(name: target.name, virtualHosts: [host]))
            )
        }
        try mesh.apply(resources)
        var configuration = HTTPTransport.Configuration(eventLoopGroup: .singleton)
        configuration.observers = mesh.observers
        configuration.mutualTLS = ClientTLS { endpoint in
            guard case .mutualTLS(let accepted) = endpoint.security else { throw CancellationError() }
            return try identity.makeClientHandler(
                acceptedIdentities: accepted,
                httpVersion: endpoint.connection.httpVersion
            )
        }
        self.transport = HTTPTransport(configuration)
        self.client = MeshHTTPClient(mesh: mesh, transport: transport)
        self.log = log
    }

    /// Asks until the log says that it is over.
    func call(_ caller: Int) async {
        var number = caller
        while !log.isOver, !Task.isCancelled {
            number += 1
            let target = Target.all[number % Target.all.count]
            log.note(failure: await ask(target, number))
        }
    }

    private func ask(_ target: Target, _ number: Int) async -> String? {
        let isPost = number % 3 == 0
        let size = 100 + number % 5000
        let request = HTTPRequest(
            method: isPost ? .post : .get,
            scheme: "http",
            authority: target.name,
            path: isPost ? "/sum/\(number)" : "/b/\(size)"
        )
        let sent = BytePattern.bytes(at: 0, count: size)
        do {
            let (response, body) = try await client.execute(
                request,
                body: isPost ? .bytes(sent) : .none,
                timeout: .seconds(30)
            )
            let expected = isPost ? ByteBuffer(string: "\(size)") : sent
            guard response.status == .ok else { return "\(target.name) \(request.method) status \(response.status)" }
            return body == expected ? nil : "\(target.name) \(request.method) brought other bytes"
        } catch {
            return "\(target.name) \(request.method) \(error)"
        }
    }

    /// Keeps an exchange open for as long as there are chunks, which come back.
    /// - Returns: How many bytes did.
    func hold(_ target: Target, _ chunks: AsyncStream<ByteBuffer>) async throws -> Int {
        let request = HTTPRequest(method: .post, scheme: "http", authority: target.name, path: "/echo")
        return try await client.withResponse(to: request, body: .stream(chunks)) { response in
            var count = 0
            for try await chunk in response.body { count += chunk.readableBytes }
            return count
        }
    }
}
