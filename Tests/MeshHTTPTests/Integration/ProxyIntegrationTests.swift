// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshHTTP
import Testing

@Suite("A proxy by HTTP CONNECT", .timeLimit(.minutes(5)))
struct ProxyIntegrationTests {
    /// An endpoint that only the proxy can reach: nobody listens there.
    private func hidden(behind proxy: EndpointAddress?) -> Endpoint {
        Endpoint(address: EndpointAddress(host: "hidden.example", port: 8080), proxy: proxy)
    }

    @Test("makes a tunnel, in which the endpoint is spoken to as ever", arguments: [true, false])
    func tunnel(isOfEndpoint: Bool) async throws {
        let heads = Recorder<String>()
        try await LoopbackServer.serving { connection, _ in
            heads.append(try await connection.readHead() ?? "")
            try await connection.write("HTTP/1.1 200 Connection established\r\nvia: proxy\r\n\r\n")
            while let head = try await connection.readHead() {
                try await connection.write(head.firstLine.asResponse)
            }
        } while: { proxy in
            try await withTransport {
                // Nobody listens there.
                $0.proxy = isOfEndpoint ? EndpointAddress(host: "127.0.0.1", port: 1) : proxy.address
                $0.proxyAuthorization = "Basic c2VjcmV0"
            } _: { transport in
                for path in ["/1", "/2"] {
                    let answer = try await transport.exchange(
                        .get(path),
                        with: hidden(behind: isOfEndpoint ? proxy.address : nil)
                    )
                    #expect(answer.body == "GET \(path) HTTP/1.1")
                }
                #expect(transport.statistics.connections == 1)
            }
        }
        // Only the proxy that was configured with it learns the secret.
        let authorization = isOfEndpoint ? "" : "\r\nproxy-authorization: Basic c2VjcmV0"
        #expect(heads.all == ["CONNECT hidden.example:8080 HTTP/1.1\r\nhost: hidden.example:8080\(authorization)"])
    }

    @Test(
        "that makes no tunnel fails the connection, and says why",
        arguments: [
            ("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n", "407"),
            ("SSH-2.0-OpenSSH\r\n\r\n", "no HTTP response"),
            (String(repeating: "x", count: 20_000), "longer than"),
            ("", "no connection"),
        ]
    )
    func refusal(answer: String, reason: String) async throws {
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            if !answer.isEmpty { try await connection.write(answer) }
        } while: { proxy in
            try await withTransport { transport in
                let error = await meshError {
                    _ = try await transport.exchange(with: hidden(behind: proxy.address))
                }
                #expect(error?.code == .connectionFailed)
                #expect(error?.requestState == .notSent)
                #expect(error?.message.contains(reason) == true)
                #expect(transport.statistics == HTTPTransport.Statistics())
            }
        }
    }

    @Test("is not asked for endpoints of the mesh unless they say so")
    func meshEndpoints() async throws {
        try await LoopbackServer.serving { connection, _ in
            while let head = try await connection.readHead() {
                try await connection.write(head.firstLine.asResponse)
            }
        } while: { endpoint in
            var endpoint = endpoint
            endpoint.cluster = "reviews"
            try await withTransport {
                // Nobody listens there.
                $0.proxy = EndpointAddress(host: "127.0.0.1", port: 1)
            } _: { transport in
                let answer = try await transport.exchange(.get("/direct"), with: endpoint)
                #expect(answer.body == "GET /direct HTTP/1.1")
            }
        }
    }
}
