// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("The server of a local proxy's secrets", .timeLimit(.minutes(5)))
struct SecretServerIntegrationTests {
    private static let name = "spiffe://mesh.test/first"

    private static func material(_ certificate: TLSCertificate) -> IdentityMaterial {
        IdentityMaterial(certificate: certificate, roots: ["mesh.test": TestCertificates.authority])
    }

    /// A folder whose name is short enough for a socket's path.
    private static func folder(permissions: Int = 0o700) throws -> String {
        let path = "/tmp/mesh-\(UUID().uuidString.prefix(13))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: path)
        return path
    }

    @Test("a proxy gets a secret when there is one, and each new one, over a socket for its user alone")
    func secrets() async throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let socket = folder + "/sds.sock"
        let server = SecretServer(socketPath: socket)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            while !Self.isPrivate(socket) { await Task.yield() }
            let transport = try HTTP2ClientTransport.Posix(
                target: .unixDomainSocket(path: socket),
                transportSecurity: .plaintext
            )
            try await withGRPCClient(transport: transport) { client in
                let sds = Envoy_Service_Secret_V3_SecretDiscoveryService.Client(wrapping: client)
                let (requests, asked) = AsyncStream.makeStream(of: Envoy_Service_Discovery_V3_DiscoveryRequest.self)
                asked.yield(Self.request())
                try await sds.streamSecrets { writer in
                    for await request in requests { try await writer.write(request) }
                } onResponse: { response in
                    // Asked for before there is anything: it comes when there is.
                    try server.update(Self.material(TestCertificates.first), of: Self.name)
                    var expected = [TestCertificates.first, TestCertificates.second]
                    for try await message in response.messages {
                        let secret = try Envoy_Extensions_TransportSockets_Tls_V3_Secret(
                            serializedBytes: try #require(message.resources.first).value
                        )
                        let chain = expected.removeFirst().chain
                        #expect(secret.name == "default" && message.resources.count == 1)
                        #expect(secret.tlsCertificate.certificateChain.inlineString == chain)
                        if expected.isEmpty { break }
                        var answer = Self.request()
                        (answer.versionInfo, answer.responseNonce) = (message.versionInfo, message.nonce)
                        asked.yield(answer)
                        try server.update(Self.material(TestCertificates.second), of: Self.name)
                    }
                    asked.finish()
                }
            }
            group.cancelAll()
            while let result = await group.nextResult() { _ = result }
        }
    }

    @Test("a folder that others may write into is no place for it")
    func folders() async throws {
        let folder = try Self.folder(permissions: 0o777)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for path in [folder + "/sds.sock", folder + "/missing/sds.sock"] {
            await #expect(throws: ConfigurationError.self) { try await SecretServer(socketPath: path).run() }
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    private static func request() -> Envoy_Service_Discovery_V3_DiscoveryRequest {
        .with {
            $0.node.id = "proxy"
            $0.node.userAgentName = "envoy"
            $0.typeURL = ResourceKind.secret.typeURL
            $0.resourceNames = ["default"]
        }
    }

    private static func isPrivate(_ path: String) -> Bool {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.posixPermissions] as? NSNumber)?.intValue == 0o600
    }
}
