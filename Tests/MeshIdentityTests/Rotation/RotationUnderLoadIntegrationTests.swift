// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshHTTP
import MeshIdentity
import MeshSecurity
import MeshTesting
import NIOCore
import NIOSSL
import ServiceMesh
import SwiftASN1
import Synchronization
import Testing
import X509

/// Both ends' certificates rotate while requests are on their way: the small version of `http-peer rotations`.
@Suite(.timeLimit(.minutes(5))) struct RotationUnderLoadIntegrationTests {
    private static let rounds = 50
    private static let client = "spiffe://cluster.local/ns/default/sa/productpage"
    private static let server = "spiffe://cluster.local/ns/default/sa/reviews"

    /// Signs by one of several roots and gives all that are in force to everybody.
    private final class RotatingIssuer: CertificateIssuer {
        private struct State {
            var roots: [TestAuthority]
            var serials: [String: [String]] = [:]
        }

        private let state: Mutex<State>

        init() throws {
            self.state = Mutex(State(roots: [try TestAuthority()]))
        }

        func serials(of identity: String) -> [String] { state.withLock { $0.serials[identity] ?? [] } }

        /// A new root is made known, signs five rounds later, and is alone after five more.
        func begin(round: Int) throws {
            switch round % 20 {
            case 5:
                let root = try TestAuthority()
                state.withLock { $0.roots.append(root) }
            case 10: state.withLock { $0.roots.reverse() }
            case 15: state.withLock { $0.roots.removeSubrange(1...) }
            default: break
            }
        }

        func issue(csrPEM: String, validity: Nanoseconds) async throws -> [String] {
            let roots = state.withLock { $0.roots }
            let answer = try roots[0].answer(csrPEM: csrPEM)
            let leaf = try Certificate(pemEncoded: answer[0])
            let identity = try WorkloadCertificate.identity(of: leaf).description
            state.withLock { $0.serials[identity, default: []].append(leaf.serialNumber.description) }
            return try [answer[0]] + roots.map { try $0.pem }
        }
    }

    /// Passes renewals on to whoever waits for them, and keeps what went wrong.
    private final class Renewals: Observer {
        private let renewed = AsyncStream.makeStream(of: Void.self)
        private let refused = Mutex<[String]>([])

        var refusals: [String] { refused.withLock { $0 } }

        func wait(for count: Int) async {
            var renewals = renewed.stream.makeAsyncIterator()
            for _ in 0..<count { _ = await renewals.next() }
        }

        func noticed(_ event: MeshEvent) {
            if case .identityRenewed = event {} else { refused.withLock { $0.append("\(event)") } }
            renewed.continuation.yield()
        }
    }

    /// The serial numbers of certificates that were presented.
    private final class Serials: Sendable {
        private let serials = Mutex<Set<String>>([])

        var all: Set<String> { serials.withLock { $0 } }

        func insert(_ certificate: NIOSSLCertificate?) {
            guard let certificate, let parsed = try? Certificate(derEncoded: certificate.toDERBytes()) else { return }
            serials.withLock { _ = $0.insert(parsed.serialNumber.description) }
        }
    }

    @Test(arguments: [ConnectionOptions.HTTPVersion.http1, .http2])
    func `no request fails and no connection is dropped`(version: ConnectionOptions.HTTPVersion) async throws {
        let (issuer, clock, renewals) = (try RotatingIssuer(), ManualClock(), Renewals())
        let observers = ObserverSet([renewals])
        let client = WorkloadIdentity(spiffeID: try SPIFFEID(Self.client), observers: observers)
        let server = WorkloadIdentity(spiffeID: try SPIFFEID(Self.server), observers: observers)
        let seen = Serials()
        let tls = server.makeServerTLSConfiguration(applicationProtocols: ["h2", "http/1.1"])
        var configuration = MeshHTTPServer.Configuration()
        configuration.security = ServerTransportSecurity(
            context: try NIOSSLContext(configuration: tls.configuration),
            verify: { presented, promise in
                seen.insert(presented.first)
                tls.verify(presented, promise)
            }
        )
        let running = MeshHTTPServer(
            configuration,
            stack: InboundStack(mesh: try Mesh(), address: EndpointAddress(host: "127.0.0.1", port: 9080)),
            peerIdentity: { await WorkloadIdentity.peerIdentity(of: $0)?.description },
            handler: { request in
                guard request.head.method == .post else {
                    return InboundResponse(body: .text(request.peerIdentity ?? ""))
                }
                let body = request.body
                return InboundResponse(
                    body: .written { writer in
                        for try await chunk in body { try await writer.write(chunk) }
                        return nil
                    }
                )
            }
        )
        var options = HTTPTransport.Configuration()
        options.mutualTLS = ClientTLS { endpoint in
            try client.makeClientHandler(
                acceptedIdentities: [Self.server],
                httpVersion: endpoint.connection.httpVersion
            )
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for identity in [client, server] {
                group.addTask {
                    try await IdentityRotation(identity: identity, issuer: issuer, clock: clock, observers: observers)
                        .run()
                }
            }
            await renewals.wait(for: 2)
            let (listening, sink) = AsyncStream.makeStream(of: EndpointAddress.self)
            group.addTask { try await running.run { sink.yield($0) } }
            for await address in listening.prefix(1) {
                let endpoint = Endpoint(
                    address: address,
                    security: .mutualTLS(acceptedIdentities: [Self.server]),
                    // Every core may be busy with other tests for a while; how long it takes is not what is tested.
                    connectTimeout: .seconds(60),
                    // A few requests on each connection, so that every round has new ones and old ones.
                    connection: ConnectionOptions(httpVersion: version, maximumRequests: 3)
                )
                try await withHTTPTransport(options) { transport in
                    try await load(transport, endpoint) { round in
                        try issuer.begin(round: round)
                        await clock.waitForSleepers(2)
                        clock.advance(by: .seconds(3600))
                        await renewals.wait(for: 2)
                    } isPresented: {
                        seen.all.isSuperset(of: issuer.serials(of: Self.client))
                    }
                }
            }
            group.cancelAll()
            while let result = await group.nextResult() { _ = result }
        }
        #expect(client.generation == UInt64(Self.rounds) + 1 && server.generation == UInt64(Self.rounds) + 1)
        #expect(renewals.refusals == [])
        #expect(seen.all == Set(issuer.serials(of: Self.client)))
    }

    /// Four callers in each round, and an exchange that is open through all of them.
    private func load(
        _ transport: HTTPTransport,
        _ endpoint: Endpoint,
        rotate: (Int) async throws -> Void,
        isPresented: () -> Bool
    ) async throws {
        let (chunks, sink) = AsyncStream.makeStream(of: ByteBuffer.self)
        async let held = exchange(.post, .stream(chunks), transport, endpoint)
        // The first certificates are presented before anything takes their place, however busy the machine is.
        #expect(try await exchange(.get, .none, transport, endpoint) == Self.client)
        for round in 1...Self.rounds {
            sink.yield(ByteBuffer(string: "."))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for caller in 0..<4 {
                    group.addTask {
                        for _ in 0..<3 {
                            let answer =
                                caller == 0
                                ? try await exchange(.post, .text(Self.client), transport, endpoint)
                                : try await exchange(.get, .none, transport, endpoint)
                            #expect(answer == Self.client)
                        }
                    }
                }
                // Renewed while they ask.
                try await rotate(round)
                try await group.waitForAll()
            }
            // None is left that began before this round. Those that are not idle yet, although their requests have ended,
            // take at most three requests each.
            for attempt in 0..<32 where attempt == 0 || !isPresented() {
                transport.closeIdleConnections()
                #expect(try await exchange(.get, .none, transport, endpoint) == Self.client)
            }
        }
        sink.finish()
        #expect(try await held == String(repeating: ".", count: Self.rounds))
    }

    private func exchange(
        _ method: HTTPRequest.Method,
        _ body: RequestBody,
        _ transport: HTTPTransport,
        _ endpoint: Endpoint
    ) async throws -> String {
        let request = HTTPRequest(method: method, scheme: "http", authority: "reviews", path: "/")
        var context = CallContext(now: transport.configuration.clock.now)
        context.endpoint = endpoint
        return try await transport.withResponse(to: OutboundRequest(request, body: body), context: &context) {
            String(buffer: try await $0.body.collect(upTo: 1 << 20))
        }
    }
}
