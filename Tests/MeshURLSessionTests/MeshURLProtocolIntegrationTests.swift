// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshConfig
import MeshCore
import MeshHTTP
import MeshRouting
import MeshTesting
import MeshURLSession
import NIOCore
import ServiceMesh
import Testing

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

@Suite("URLSession on the mesh", .timeLimit(.minutes(5)))
struct MeshURLProtocolIntegrationTests {
    /// Runs `body` with a session for which a host of this test alone stands for a server.
    private func withSession(
        _ host: String,
        observers: [any Observer] = [],
        serve: @escaping @Sendable (LoopbackServer.Connection, Int) async throws -> Void,
        _ body: (URLSession, String) async throws -> Void
    ) async throws {
        try await LoopbackServer.serving(serve) { endpoint in
            let mesh = try Mesh(MeshConfiguration(outboundTrafficPolicy: .registryOnly, observers: observers))
            try mesh.apply(.service(host, at: endpoint))
            try await withHTTPTransport { transport in
                let client = MeshHTTPClient(mesh: mesh, transport: transport)
                let session = URLSession(configuration: .mesh(client: client, hosts: [host]))
                do {
                    try await body(session, "http://\(host)")
                } catch {
                    MeshURLProtocol.forget(hosts: [host])
                    throw error
                }
                // Not `invalidateAndCancel`: on Linux it may tell a task that has just failed once more, which traps.
                session.finishTasksAndInvalidate()
                MeshURLProtocol.forget(hosts: [host])
            }
        }
    }

    /// Answers with the request's head and body.
    @Sendable
    private func echo(_ connection: LoopbackServer.Connection, _ number: Int) async throws {
        while let head = try await connection.readHead() {
            var body = ""
            if let length = head.lowercased().split(separator: "content-length: ").dropFirst().first,
                let count = Int(length.prefix { $0.isNumber })
            {
                body = count > 0 ? try await connection.read(count) ?? "" : ""
            } else if head.lowercased().contains("chunked") {
                body = try await connection.read(through: "0\r\n\r\n") ?? ""
            }
            let text = "\(head)\r\n\r\n\(body)"
            try await connection.write(
                "HTTP/1.1 201 Created\r\nx-a: 1\r\nx-a: 2\r\ncontent-length: \(text.utf8.count)\r\n\r\n\(text)"
            )
        }
    }

    @Test
    func `reaches a service by its name, with header fields and bodies`() async throws {
        let observer = RecordingObserver()
        try await withSession("echo.session.test", observers: [observer], serve: echo) { session, base in
            let (data, response) = try await session.data(from: try #require(URL(string: "\(base)/a?b=c")))
            let http = try #require(response as? HTTPURLResponse)
            #expect(http.statusCode == 201)
            #expect(http.value(forHTTPHeaderField: "X-A") == "1, 2")
            #expect(http.url?.path == "/a")
            let text = String(decoding: data, as: UTF8.self)
            #expect(text.hasPrefix("GET /a?b=c HTTP/1.1\r\nhost: echo.session.test\r\n"))

            var post = URLRequest(url: try #require(URL(string: "\(base)/b")))
            post.httpMethod = "POST"
            post.httpBody = Data("in memory".utf8)
            post.setValue("jason", forHTTPHeaderField: "end-user")
            let (posted, _) = try await session.data(for: post)
            let postedText = String(decoding: posted, as: UTF8.self)
            #expect(postedText.lowercased().contains("end-user: jason\r\n"))
            #expect(postedText.hasSuffix("\r\n\r\nin memory"))

            post.httpBody = nil
            post.httpBodyStream = InputStream(data: Data("streamed".utf8))
            let (streamed, _) = try await session.data(for: post)
            #expect(String(decoding: streamed, as: UTF8.self).contains("\r\n\r\n8\r\nstreamed\r\n0\r\n\r\n"))
        }
        #expect(observer.requests.count == 3)
        #expect(observer.requests.allSatisfy { $0.cluster != nil && $0.status == 201 })
    }

    #if !canImport(Darwin)
    @Test
    func `refuses an upload whose body the system does not show, and sends nothing`() async throws {
        try await withSession("upload.session.test", serve: echo) { session, base in
            var request = URLRequest(url: try #require(URL(string: "\(base)/")))
            request.httpMethod = "POST"
            let error = await #expect(throws: URLError.self) {
                _ = try await session.upload(for: request, from: Data("lost".utf8))
            }
            #expect(error?.code == .requestBodyStreamExhausted)
        }
    }
    #endif

    @Test
    func `says what went wrong as a URLError, with the mesh's error underneath`() async throws {
        try await withSession("broken.session.test") { connection, _ in
            _ = try await connection.readHead()
            try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
        } _: { session, base in
            let url = try #require(URL(string: "\(base)/"))
            let error = await #expect(throws: URLError.self) { _ = try await session.data(from: url) }
            #expect(error?.code == .networkConnectionLost)
            #expect((error?.userInfo[NSUnderlyingErrorKey] as? MeshError)?.code == .connectionClosed)
        }
    }

    @Test
    func `ends the exchange when its task is cancelled`() async throws {
        let (arrived, closed) = (Signal(), Signal())
        let observer = RecordingObserver()
        try await withSession("slow.session.test", observers: [observer]) { connection, _ in
            _ = try await connection.readHead()
            arrived.set()
            await connection.readToEnd()
            closed.set()
        } _: { session, base in
            let url = try #require(URL(string: "\(base)/"))
            try await withThrowingTaskGroup(of: URLError?.self) { group in
                group.addTask {
                    do {
                        _ = try await session.data(from: url)
                        return nil
                    } catch {
                        return error as? URLError
                    }
                }
                await arrived.wait()
                group.cancelAll()
                let error = try await group.next() ?? nil
                #expect(error?.code == .cancelled)
            }
            await closed.wait()
        }
        #expect(observer.requests.count == 1)
    }

    @Test
    func `ends at the request's timeout, the body included`() async throws {
        try await withSession("late.session.test") { connection, _ in
            _ = try await connection.readHead()
            try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nslow")
            await connection.readToEnd()
        } _: { session, base in
            var request = URLRequest(url: try #require(URL(string: "\(base)/")))
            request.timeoutInterval = 0.2
            let error = await #expect(throws: URLError.self) { _ = try await session.data(for: request) }
            #expect(error?.code == .timedOut)
        }
    }

    @Test
    func `leaves other hosts alone`() async throws {
        try await withSession("mine.session.test", serve: echo) { _, _ in
            for text in ["http://other.session.test/", "ftp://mine.session.test/", "http://127.0.0.1/"] {
                let url = try #require(URL(string: text))
                #expect(!MeshURLProtocol.canInit(with: URLRequest(url: url)))
            }
            let url = try #require(URL(string: "http://MINE.session.test:81/"))
            #expect(MeshURLProtocol.canInit(with: URLRequest(url: url)))
        }
    }
}
