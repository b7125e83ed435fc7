// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import AsyncHTTPClient
import MeshAsyncHTTPClient
import MeshCore
import MeshHTTP
import MeshTesting
import NIOCore
import NIOHTTP1
import ServiceMesh
import Testing

@Suite("AsyncHTTPClient's calls on the mesh", .timeLimit(.minutes(5)))
struct MeshAsyncHTTPClientIntegrationTests {
    /// The ways in which a program deals with a response's body.
    enum Reading: CaseIterable {
        case collected, iterated, unread, halfRead
    }

    /// Answers with a body of two chunks.
    @Sendable
    private func twoChunks(_ connection: LoopbackServer.Connection, _ number: Int) async throws {
        while try await connection.readHead() != nil {
            try await connection.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
            try await connection.write("3\r\ndef\r\n0\r\n\r\n")
        }
    }

    @Test(arguments: Reading.allCases)
    func `end every exchange exactly once, however the body is read`(reading: Reading) async throws {
        let observer = RecordingObserver()
        try await LoopbackServer.serving(twoChunks) { endpoint in
            try await withClient(observers: [observer]) { client, contract in
                for _ in 0..<5 {
                    let request = HTTPClientRequest(url: "http://\(endpoint.address)/")
                    let response = try await client.execute(request, timeout: .seconds(60))
                    switch reading {
                    case .collected: #expect(try await response.body.collect(upTo: 10).readableBytes == 6)
                    case .iterated:
                        var text = ""
                        for try await chunk in response.body { text += String(buffer: chunk) }
                        #expect(text == "abcdef")
                    case .unread: break
                    case .halfRead: for try await _ in response.body { break }
                    }
                }
                #expect(contract.violations == [])
            }
        }
        #expect(observer.requests.count == 5)
        #expect(observer.requests.allSatisfy { $0.status == 200 && $0.error == nil })
    }

    @Test
    func `keep an exchange open while its response is held`() async throws {
        try await LoopbackServer.serving(twoChunks) { endpoint in
            try await withClient { client, contract in
                let request = HTTPClientRequest(url: "http://\(endpoint.address)/")
                var response: HTTPClientResponse? = try await client.execute(request, timeout: .seconds(60))
                #expect(contract.violations == ["1 responses were never finished"])
                let body = response?.body
                response = nil
                #expect(try await body?.collect(upTo: 10).readableBytes == 6)
                #expect(contract.violations == [])
            }
        }
    }

    @Test
    func `cover the body by the deadline`() async throws {
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nslow")
            await connection.readToEnd()
        } while: { endpoint in
            try await withClient { client, contract in
                let request = HTTPClientRequest(url: "http://\(endpoint.address)/")
                let response = try await client.execute(request, timeout: .seconds(20))
                let error = await meshError { _ = try await response.body.collect(upTo: 1000) }
                #expect(error?.code == .deadlineExceeded)
                #expect(error?.requestState == .answered)
                #expect(contract.violations == [])
            }
        }
    }

    @Test
    func `send a body in memory under its length, and escape what a URL may not have`() async throws {
        try await LoopbackServer.serving(echo) { endpoint in
            try await withClient { client, _ in
                var request = HTTPClientRequest(url: "http://\(endpoint.address)/a b")
                request.method = .POST
                request.headers.add(contentsOf: ["content-length": "99", "x": "1"])
                request.body = .bytes([1, 2, 3].map { $0 + UInt8(ascii: "0") })
                let response = try await client.execute(request, timeout: .seconds(60))
                let text = String(buffer: try await response.body.collect(upTo: 1 << 16))
                #expect(text.firstLine == "POST /a%20b HTTP/1.1")
                #expect(text.contains("\r\nhost: \(endpoint.address)\r\n"))
                #expect(text.hasSuffix("content-length: 3\r\n\r\n123"))
            }
        }
    }

    @Test
    func `refuse what the mesh decides about, and what is no request`() async throws {
        try await withClient { client, contract in
            var local = HTTPClientRequest(url: "http://reviews/")
            local.localAddress = "127.0.0.1"
            var smuggled = HTTPClientRequest(url: "http://reviews/")
            smuggled.headers.add(name: "x", value: "a\r\nb: c")
            var named = HTTPClientRequest(url: "http://reviews/")
            named.headers.add(name: "a b", value: "c")
            var method = HTTPClientRequest(url: "http://reviews/")
            method.method = .RAW(value: "GET / HTTP/1.1\r\n")
            let urls = ["", "reviews", "ftp://reviews/", "http+unix://%2Ftmp%2Fs/", "http://user:word@reviews/"]
            for request in [local, smuggled, named, method] + urls.map({ HTTPClientRequest(url: $0) }) {
                let error = await meshError { _ = try await client.execute(request, timeout: .seconds(60)) }
                #expect(error?.code == .invalidRequest, "\(request)")
                #expect(error?.requestState == .notSent)
            }
            #expect(contract.violations == [])
        }
    }

    @Test
    func `end with the caller's task`() async throws {
        let arrived = Signal()
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            arrived.set()
            await connection.readToEnd()
        } while: { endpoint in
            try await withClient { client, contract in
                let error = await withTaskGroup(of: MeshError?.self) { group in
                    group.addTask {
                        await meshError {
                            let request = HTTPClientRequest(url: "http://\(endpoint.address)/")
                            _ = try await client.execute(request, timeout: .seconds(60))
                        }
                    }
                    await arrived.wait()
                    group.cancelAll()
                    return await group.next() ?? nil
                }
                #expect(error?.code == .cancelled)
                #expect(contract.violations == [])
            }
        }
    }

    @Test
    func `stream the bodies of futures, each part when the connection takes it`() async throws {
        let length = 3 << 20
        try await LoopbackServer.serving { connection, _ in
            guard let head = try await connection.readHead() else { return }
            let body = try await connection.read(length) ?? ""
            let isRight = head.lowercased().contains("content-length: \(length)") && body.utf8.count == length
            try await connection.write("\(isRight)".asResponse)
        } while: { endpoint in
            try await withClient { client, contract in
                let part = ByteBuffer(repeating: UInt8(ascii: "x"), count: 1 << 20)
                let body = HTTPClient.Body.stream(contentLength: Int64(length)) { writer in
                    writer.write(.byteBuffer(part)).flatMap { writer.write(.byteBuffer(part)) }
                        .flatMap { writer.write(.byteBuffer(part)) }
                }
                let answer = try await client.post(url: "http://\(endpoint.address)/", body: body).get()
                #expect(answer.body.map { String(buffer: $0) } == "true")
                #expect(contract.violations == [])
            }
        }
    }

    @Test
    func `fail futures as they throw, and tell the body's writer`() async throws {
        let failed = Signal()
        // A port that the system gives to nobody: one that was free a moment ago may be another test's by now.
        let nobody = Endpoint(address: EndpointAddress(host: "127.0.0.1", port: 1))
        try await withClient { client, contract in
            let body = HTTPClient.Body.stream { writer in
                let written = writer.write(.byteBuffer(ByteBuffer(string: "never taken")))
                written.whenFailure { _ in failed.set() }
                return written
            }
            let error = await meshError {
                _ = try await client.post(url: "http://\(nobody.address)/", body: body).get()
            }
            #expect(error?.code == .connectionFailed)
            await failed.wait()
            await #expect(throws: HTTPClientError.self) { try await client.get(url: "nonsense").get() }
            #expect(contract.violations == [])
        }
    }

    @Test
    func `are refused after shutdown, which succeeds once`() async throws {
        let client = MeshAsyncHTTPClient(mesh: try Mesh())
        try await client.shutdown()
        await #expect(throws: HTTPClientError.alreadyShutdown) {
            try await client.execute(HTTPClientRequest(url: "http://127.0.0.1:9/"), timeout: .seconds(1))
        }
        await #expect(throws: HTTPClientError.alreadyShutdown) { try await client.shutdown() }
        let future: EventLoopFuture<Void> = client.shutdown()
        await #expect(throws: HTTPClientError.alreadyShutdown) { try await future.get() }
    }
}
