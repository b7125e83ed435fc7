// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshConfig
import MeshCore
import MeshGRPC
import MeshHTTP
import MeshIdentity
import MeshRouting
import MeshSecurity
import MeshTesting
import NIOSSL
import ServiceMesh
import Testing

/// gRPC's calls and servers with certificates of the mesh on both sides.
@Suite(.timeLimit(.minutes(5))) struct RPCIdentityIntegrationTests {
    private static let server = "spiffe://cluster.local/ns/default/sa/reviews"
    private static let web = "spiffe://cluster.local/ns/default/sa/web"
    private static let method = MethodDescriptor(fullyQualifiedService: "test.Identity", method: "Tell")

    /// Texts as messages.
    private struct Coder: MessageSerializer, MessageDeserializer {
        func serialize<Bytes: GRPCContiguousBytes>(_ message: String) throws -> Bytes { Bytes(message.utf8) }

        func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> String {
            bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// Answers with whom the caller proved to be.
    private struct IdentityService: RegistrableRPCService {
        func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
            router.registerHandler(
                forMethod: RPCIdentityIntegrationTests.method,
                deserializer: Coder(),
                serializer: Coder(),
                handler: { request, context in
                    for try await _ in request.messages {}
                    return StreamingServerResponse { writer in
                        try await writer.write(context.mesh?.peerIdentity ?? "")
                        return [:]
                    }
                }
            )
        }
    }

    /// A listener that lets one identity in.
    private static var listener: Listener {
        let web = AuthorizationPolicy(
            name: "web",
            permissions: [.any],
            principals: [.authenticated(StringMatcher(.exact(web)))]
        )
        return Listener(
            name: "inbound",
            direction: .inbound(address: EndpointAddress(host: "127.0.0.1", port: 50_051), security: .plaintext),
            filters: [.authorization(AuthorizationRules(action: .allow, policies: [web]))],
            routes: .inline(RouteConfiguration(name: "r", virtualHosts: []))
        )
    }

    private func call(
        as identity: WorkloadIdentity,
        accepting accepted: String = server,
        to address: EndpointAddress
    ) async throws -> String {
        var options = HTTPTransport.Configuration()
        options.mutualTLS = ClientTLS { try identity.makeClientHandler(to: $0) }
        return try await withHTTPTransport(options) { connections in
            let transport = try MeshClientTransport.mesh(
                target: "static:///\(address)",
                policies: TargetPolicies(security: .mutualTLS(acceptedIdentities: [accepted])),
                transport: connections
            )
            return try await withGRPCClient(transport: transport) { client in
                try await client.unary(
                    request: ClientRequest(message: "who am I?"),
                    descriptor: Self.method,
                    serializer: Coder(),
                    deserializer: Coder(),
                    options: .defaults
                ) { try $0.message }
            }
        }
    }

    @Test("A29, A41: both ends prove who they are, handlers learn it, and rules go by it")
    func identities() async throws {
        let authority = try TestAuthority()
        let tls = try await authority.identity(Self.server).makeServerTLSConfiguration(applicationProtocols: ["h2"])
        var configuration = MeshServerTransport.Configuration()
        configuration.http.security = ServerTransportSecurity(
            context: try NIOSSLContext(configuration: tls.configuration),
            verify: tls.verify
        )
        let mesh = try Mesh(MeshConfiguration(isDisabled: false))
        try mesh.apply(MeshResources(listeners: [Self.listener]))
        let stack = InboundStack(mesh: mesh, address: EndpointAddress(host: "127.0.0.1", port: 50_051))
        let (web, other) = (try await authority.identity(Self.web), try await authority.identity(Self.server))
        let stranger = try await TestAuthority().identity(Self.web)
        try await withGRPCServer(
            transport: MeshServerTransport(configuration, stack: stack),
            services: [IdentityService()]
        ) { server in
            let address = try await server.transport.listeningAddress
            #expect(try await call(as: web, to: address) == Self.web)
            let refusal = await #expect(throws: RPCError.self) { try await call(as: other, to: address) }
            #expect(refusal?.code == .permissionDenied)
            // Another authority's certificate, and a server that is not the one that is meant.
            let untrusted = await #expect(throws: RPCError.self) { try await call(as: stranger, to: address) }
            #expect(untrusted?.code == .unavailable)
            let wrong = await #expect(throws: RPCError.self) {
                try await call(as: web, accepting: Self.web, to: address)
            }
            #expect(wrong?.code == .unavailable)
        }
    }
}
