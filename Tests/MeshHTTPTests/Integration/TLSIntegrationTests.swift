// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshHTTP
import NIOCore
import NIOSSL
import Testing

@Suite("An exchange over TLS", .timeLimit(.minutes(5)))
struct TLSIntegrationTests {
    private func answerAll(_ connection: LoopbackServer.Connection, _ number: Int) async throws {
        while try await connection.readHead() != nil { try await connection.write("secret".asResponse) }
    }

    @Test("reaches a host outside the mesh whose certificate is good for its name, and no other")
    func publicTLS() async throws {
        let server = try NIOSSLContext(configuration: LoopbackCertificate.server)
        let trusting = try NIOSSLContext(configuration: LoopbackCertificate.client)
        try await LoopbackServer.serving(tls: server, answerAll) { plain in
            try await withTransport { configuration in
                configuration.publicTLS = ClientTLS { endpoint in
                    guard case .tls(let name) = endpoint.security else { throw CancellationError() }
                    return try NIOSSLClientHandler(context: trusting, serverHostname: name)
                }
            } _: { transport in
                var endpoint = plain
                endpoint.security = .tls(serverName: "localhost")
                for _ in 0..<2 {
                    let answer = try await transport.exchange(with: endpoint)
                    #expect(answer.body == "secret")
                }
                #expect(transport.statistics.connections == 1)
                endpoint.security = .tls(serverName: "elsewhere.example")
                let wrongName = endpoint
                let error = await meshError { _ = try await transport.exchange(with: wrongName) }
                #expect(error?.code == .connectionFailed)
                #expect(error?.origin == .upstream)
                #expect(error?.requestState == .notSent)
            }
        }
    }

    @Test("trusts nobody but the system's roots unless told otherwise")
    func systemRoots() async throws {
        let server = try NIOSSLContext(configuration: LoopbackCertificate.server)
        try await LoopbackServer.serving(tls: server, answerAll) { plain in
            try await withTransport { transport in
                var endpoint = plain
                endpoint.security = .tls(serverName: "localhost")
                let target = endpoint
                let error = await meshError { _ = try await transport.exchange(with: target) }
                #expect(error?.code == .connectionFailed)
                #expect(error?.requestState == .notSent)
                #expect(transport.statistics == HTTPTransport.Statistics())
            }
        }
    }

    @Test("shows the mesh's identity where it is asked for, and says so when it is refused", arguments: [true, false])
    func mutual(showsIdentity: Bool) async throws {
        var strict = try LoopbackCertificate.server
        strict.certificateVerification = .noHostnameVerification
        let server = try NIOSSLContext(configuration: strict)
        let client = try NIOSSLContext(
            configuration: showsIdentity ? LoopbackCertificate.mutualClient : LoopbackCertificate.client
        )
        try await LoopbackServer.serving(tls: server, answerAll) { plain in
            try await withTransport { configuration in
                configuration.mutualTLS = ClientTLS { _ in
                    try NIOSSLClientHandler(context: client, serverHostname: "localhost")
                }
            } _: { transport in
                var endpoint = plain
                endpoint.security = .mutualTLS(acceptedIdentities: ["spiffe://cluster.local/ns/default/sa/x"])
                let target = endpoint
                if showsIdentity {
                    let answer = try await transport.exchange(with: target)
                    #expect(answer.body == "secret")
                } else {
                    let error = await meshError { _ = try await transport.exchange(with: target) }
                    // The refusal comes after the client's handshake: the request may have been written by then.
                    #expect(error?.origin == .upstream)
                    #expect(error?.message.contains("certificate") == true || error?.requestState == .notSent)
                }
            }
        }
    }

    @Test("that meets a server without TLS fails as a connection does")
    func plaintextServer() async throws {
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.read(1)
            try await connection.write("HTTP/1.1 400 Bad Request\r\n\r\n")
        } while: { plain in
            try await withTransport { transport in
                var endpoint = plain
                endpoint.security = .tls(serverName: "localhost")
                let target = endpoint
                let error = await meshError { _ = try await transport.exchange(with: target) }
                #expect(error?.code == .connectionFailed)
                #expect(error?.requestState == .notSent)
            }
        }
    }

    @Test("that gets no handshake ends after the endpoint's connect timeout")
    func silentServer() async throws {
        try await LoopbackServer.serving { connection, _ in
            await connection.readToEnd()
        } while: { plain in
            try await withTransport { transport in
                var endpoint = plain
                endpoint.security = .tls(serverName: "localhost")
                endpoint.connectTimeout = .milliseconds(50)
                let target = endpoint
                let error = await meshError { _ = try await transport.exchange(with: target) }
                #expect(error?.code == .connectionFailed)
                #expect(error?.requestState == .notSent)
            }
        }
    }
}
