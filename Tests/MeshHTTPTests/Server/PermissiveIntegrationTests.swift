// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshConfig
import MeshCore
import MeshHTTP
import MeshRouting
import MeshTesting
import NIOCore
import NIOHTTP2
import NIOSSL
import ServiceMesh
import Testing

@Suite(.timeLimit(.minutes(5))) struct PermissiveIntegrationTests {
    private static let address = EndpointAddress(host: "127.0.0.1", port: 9080)
    private let observer = RecordingObserver()

    private static func resources(_ security: Listener.InboundSecurity) -> MeshResources {
        let host = VirtualHost(name: "all", domains: [.any], routes: [Route(name: "all", action: .nonForwarding)])
        return MeshResources(
            listeners: [
                Listener(
                    name: "server",
                    direction: .inbound(address: address, security: security),
                    routes: .inline(RouteConfiguration(name: "server", virtualHosts: [host]))
                )
            ]
        )
    }

    private func serving(
        _ security: Listener.InboundSecurity,
        _ body: (Mesh, EndpointAddress) async throws -> Void
    ) async throws {
        let mesh = try Mesh(MeshConfiguration(observers: [observer], isDisabled: false))
        try mesh.apply(Self.resources(security))
        var tls = try LoopbackCertificate.server
        tls.applicationProtocols = NIOHTTP2SupportedALPNProtocols
        let context = try NIOSSLContext(configuration: tls)
        try await MeshHTTPTests.serving(
            .init(mutualTLS: ServerTransportSecurity(context: context)),
            stack: InboundStack(mesh: mesh, address: Self.address)
        ) { request in
            InboundResponse(body: .text("\(request.head.scheme ?? "")"))
        } while: { _, address in
            try await body(mesh, address)
        }
    }

    private static let request = "GET / HTTP/1.1\r\nhost: reviews\r\n\r\n"

    /// What a request gets; `nil` if nobody answers it in HTTP.
    private func ask(_ address: EndpointAddress, tls: Bool, http2: Bool = false) async -> String? {
        do {
            var client = try LoopbackCertificate.client
            client.applicationProtocols = http2 ? ["h2"] : ["http/1.1"]
            if http2 {
                return try await HTTP2LoopbackClient.connecting(to: address, tls: tls ? client : nil) {
                    try await $0.send("/").body
                }
            }
            return try await LoopbackClient.connecting(to: address, tls: tls ? client : nil) { connection in
                try await connection.write(Self.request)
                return try await connection.readResponse()?.body
            }
        } catch {
            return nil
        }
    }

    @Test(arguments: [false, true])
    func `one port takes plaintext and TLS, each in both versions of HTTP`(http2: Bool) async throws {
        try await serving(.permissive) { _, address in
            #expect(await ask(address, tls: false, http2: http2) == "http")
            #expect(await ask(address, tls: true, http2: http2) == "https")
        }
    }

    @Test func `a first byte that comes alone is waited for`() async throws {
        try await serving(.permissive) { _, address in
            let body = try await LoopbackClient.connecting(to: address) { connection in
                for byte in Self.request { try await connection.write(String(byte)) }
                return try await connection.readResponse()?.body
            }
            #expect(body == "http")
        }
    }

    @Test func `a server that runs follows its listener`() async throws {
        try await serving(.permissive) { mesh, address in
            try await LoopbackClient.connecting(to: address) { connection in
                try await connection.write(Self.request)
                #expect(try await connection.readResponse()?.body == "http")
                try mesh.apply(Self.resources(.mutualTLS))
                // The connection is idle, and would not be taken any more.
                await connection.readToEnd()
            }
            #expect(await ask(address, tls: false) == nil)
            // By TLS it gets through to the mesh, which wants to know who it is.
            #expect(await ask(address, tls: true)?.contains("strict") == true)
            try mesh.apply(Self.resources(.plaintext))
            #expect(await ask(address, tls: false) == "http")
            #expect(await ask(address, tls: true) == nil)
        }
    }

    @Test func `whoever speaks no TLS where it is asked for is told of, and whoever leaves is not`() async throws {
        try await serving(.mutualTLS) { _, address in
            #expect(await ask(address, tls: false) == nil)
            try await LoopbackClient.connecting(to: address) { _ in }
        }
        let refusals = observer.events.compactMap { event in
            if case .peerRefused(let refusal) = event { refusal.reason } else { nil }
        }
        #expect(refusals == [.handshake])
    }
}
