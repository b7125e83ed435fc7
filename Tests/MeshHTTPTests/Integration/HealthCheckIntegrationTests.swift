// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshBalancing
import MeshConfig
import MeshCore
import NIOCore
import ServiceMesh
import Synchronization
import Testing

@testable import MeshHTTP

@Suite("Active health checks on real sockets", .timeLimit(.minutes(5)))
struct HealthCheckIntegrationTests {
    private func probe(
        _ endpoint: Endpoint,
        _ kind: HealthCheck.Kind,
        timeout: Nanoseconds = .seconds(20),
        version: ConnectionOptions.HTTPVersion = .http1
    ) -> HealthProbe {
        var endpoint = endpoint
        endpoint.connection.httpVersion = version
        return HealthProbe(endpoint: endpoint, check: HealthCheck(kind, timeout: timeout), authority: "reviews")
    }

    private func label(_ result: HealthProbeResult?) -> String {
        switch result {
        case .healthy?: "healthy"
        case .degraded?: "degraded"
        case .failed(let failure)?: failure.cause.rawValue
        case nil: "nothing"
        }
    }

    /// What a server that answers in this way is found to be, and the request that it has got.
    private func ask(_ response: String, _ check: HealthCheck.HTTP) async throws -> (result: String, request: String) {
        let heads = Recorder<String>()
        let result = try await LoopbackServer.serving { connection, _ in
            while let head = try await connection.readHead() {
                heads.append(head)
                try await connection.write(response)
            }
        } while: { endpoint in
            try await withTransport { transport in
                await HTTPHealthProber(transport).result(of: probe(endpoint, .http(check)))
            }
        }
        return (label(result), heads.all.first ?? "")
    }

    @Test("by HTTP send what they were told to, and read what the answer says")
    func http() async throws {
        var check = HealthCheck.HTTP(path: "/health?full=1", method: "HEAD", removedFields: ["user-agent"])
        check.addedFields = [
            .init("x-probe", "a"), .init("x-probe", "b"), .init("x-none", "c", action: .overwriteIfPresent),
        ]
        let good = try await ask("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", check)
        #expect(good.result == "healthy")
        #expect(good.request.firstLine == "HEAD /health?full=1 HTTP/1.1")
        let request = good.request.lowercased()
        #expect(request.contains("host: reviews\r\n"))
        #expect(request.contains("x-probe: a\r\nx-probe: b\r\n"))
        #expect(!request.contains("user-agent") && !request.contains("x-none"))
        let plain = HealthCheck.HTTP(path: "/", retriableStatuses: [503..<504])
        let degraded = try await ask("HTTP/1.1 200 OK\r\nx-envoy-degraded: 1\r\ncontent-length: 2\r\n\r\nok", plain)
        #expect(degraded.result == "degraded")
        #expect(degraded.request.lowercased().contains("user-agent: swift-service-mesh/health-check\r\n"))
        #expect(try await ask("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n", plain).result == "retriable_answer")
        #expect(try await ask("HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n", plain).result == "answer")
        #expect(try await ask("what?\r\n\r\n", plain).result == "network")
    }

    @Test("say when nobody listens, when nobody answers, and nothing when their transport is shut down")
    func failures() async throws {
        let kinds: [HealthCheck.Kind] = [
            .http(.init(path: "/")), .grpc(.init()), .tcp(.init()), .tcp(.init(receive: [[1]])),
        ]
        try await withTransport { transport in
            let prober = HTTPHealthProber(transport)
            // A port that was just given back.
            let gone = try await LoopbackServer.serving { _, _ in
            } while: {
                $0
            }
            for kind in kinds {
                #expect(label(await prober.result(of: probe(gone, kind))) == "network", "\(kind)")
            }
            let silent = try await LoopbackServer.serving { connection, _ in
                await connection.readToEnd()
            } while: { endpoint in
                await prober.result(of: probe(endpoint, .http(.init(path: "/")), timeout: .milliseconds(50)))
            }
            #expect(label(silent) == "timeout")
            await transport.shutdown(gracePeriod: .zero)
            #expect(await prober.result(of: probe(gone, .http(.init(path: "/")))) == nil)
        }
    }

    @Test("by gRPC succeed where the service says SERVING, and only there")
    func grpc() async throws {
        try await LoopbackHealthServer.serving { server, endpoint in
            try await withTransport { transport in
                let prober = HTTPHealthProber(transport)
                func ask(_ answer: LoopbackHealthServer.Answer) async -> String {
                    server.say(answer)
                    let kind = HealthCheck.Kind.grpc(.init(serviceName: "reviews"))
                    return label(await prober.result(of: probe(endpoint, kind, version: .http2)))
                }
                #expect(await ask(.state(1)) == "healthy")
                #expect(server.bodies.first == [0, 0, 0, 0, 9, 10, 7] + Array("reviews".utf8))
                #expect(await ask(.state(2)) == "answer")
                #expect(await ask(.state(3)) == "answer")
                #expect(await ask(.unimplemented) == "answer")
                #expect(await ask(.bytes([0, 0, 0])) == "answer")
                #expect(await ask(.bytes([0, 0, 0, 0x20, 0] + [UInt8](repeating: 0, count: 0x2000))) == "answer")
                #expect(await ask(.goodbye) == "network")
                #expect(await ask(.state(1)) == "healthy")
            }
        }
    }

    @Test("by TCP connect, send, and look for what comes back")
    func tcp() async throws {
        func ask(_ check: HealthCheck.TCP, _ answers: [String]) async throws -> (String, String?) {
            let heard = Recorder<String>()
            let result = try await LoopbackServer.serving { connection, _ in
                if !check.send.isEmpty { heard.append(try await connection.read(check.send.count) ?? "") }
                for answer in answers { try await connection.write(answer) }
                guard !answers.isEmpty else { return }
                await connection.readToEnd()
            } while: { endpoint in
                try await withTransport { transport in
                    await HTTPHealthProber(transport).result(of: probe(endpoint, .tcp(check)))
                }
            }
            return (label(result), heard.all.first)
        }
        #expect(try await ask(.init(), ["hello"]).0 == "healthy")
        let ping = HealthCheck.TCP(send: Array("PING\r\n".utf8), receive: [Array("PO".utf8), Array("NG".utf8)])
        let found = try await ask(ping, ["+P", "O...", "NG\r\n"])
        #expect(found == ("healthy", "PING\r\n"))
        #expect(try await ask(ping, []).0 == "network")
        let endless = [String(repeating: "x", count: HealthCheck.TCP.maximumAnswer + 1)]
        #expect(try await ask(ping, endless).0 == "network")
    }

    // MARK: A whole mesh

    /// Whether the first of two servers is well.
    private final class Wellness: Sendable {
        let isWell = Mutex(true)
    }

    @Test("take requests from a server that says 503 on its health path, and give them back")
    func mesh() async throws {
        let wellness = Wellness()
        @Sendable func serve(_ connection: LoopbackServer.Connection, _ name: String) async throws {
            while let head = try await connection.readHead() {
                let isProbe = head.hasPrefix("GET /health ")
                let isWell = name != "one" || wellness.isWell.withLock { $0 }
                try await connection.write(
                    isProbe && !isWell ? "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n" : name.asResponse
                )
            }
        }
        try await LoopbackServer.serving {
            try await serve($0.self, "one"); _ = $1
        } while: { one in
            try await LoopbackServer.serving {
                try await serve($0.self, "two"); _ = $1
            } while: { two in
                try await withTransport { transport in
                    let mesh = try Mesh()
                    let client = MeshHTTPClient(mesh: mesh, transport: transport)
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try? await mesh.run() }
                        var resources = MeshResources.service(on: [one.address, two.address])
                        resources.clusters["reviews"]?.healthCheck = HealthCheck(
                            .http(.init(path: "/health")),
                            timeout: .seconds(10),
                            interval: .milliseconds(5),
                            noTrafficInterval: .milliseconds(5)
                        )
                        try mesh.apply(resources)
                        try await meets(["one", "two"], client)
                        wellness.isWell.withLock { $0 = false }
                        try await meets(["two"], client)
                        wellness.isWell.withLock { $0 = true }
                        try await meets(["one", "two"], client)
                        group.cancelAll()
                    }
                }
            }
        }
    }

    /// Sends requests until twenty in a row went to exactly these servers.
    private func meets(_ names: Set<String>, _ client: MeshHTTPClient) async throws {
        while true {
            var met: Set<String> = []
            for _ in 0..<20 {
                let (_, body) = try await client.get("http://reviews/")
                met.insert(String(buffer: body))
            }
            if met == names { return }
        }
    }
}
