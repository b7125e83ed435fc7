// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import AsyncHTTPClient
import Foundation
import MeshAsyncHTTPClient
import NIOCore
import NIOHTTP1
import Testing

/// A program as there are many; its twin in the other file is the same text but for one line.
@Suite("A program on AsyncHTTPClient", .timeLimit(.minutes(5)))
private struct ProgramIntegrationTests {
    @Test
    func `runs`() async throws {
        try await ProgramWorld.serving { base, mesh in
            _ = mesh
            let client = MeshAsyncHTTPClient(mesh: mesh)

            // Calls with async and await.
            var request = HTTPClientRequest(url: "\(base)/reviews/0?full=yes")
            request.headers.add(name: "end-user", value: "jason")
            let response = try await client.execute(request, timeout: .seconds(30))
            #expect(response.status == .ok)
            #expect(response.headers.first(name: "content-type") == "text/plain")
            #expect(response.history.count == 1)
            #expect(response.url?.path == "/reviews/0")
            let body = try await response.body.collect(upTo: 1 << 20)
            #expect(String(buffer: body) == "GET /reviews/0?full=yes jason ")

            // Bodies: in memory, and streamed both ways.
            var post = HTTPClientRequest(url: "\(base)/ratings")
            post.method = .POST
            post.body = .bytes(ByteBuffer(string: "five stars"))
            let posted = try await client.execute(post, deadline: .now() + .seconds(30))
            let answer = try await posted.body.collect(upTo: 1 << 20)
            #expect(String(buffer: answer) == "POST /ratings - five stars")
            post.body = .stream(ProgramWorld.chunks, length: .unknown)
            let streamed = try await client.execute(post, timeout: .seconds(30))
            var text = ""
            for try await chunk in streamed.body { text += String(buffer: chunk) }
            #expect(text == "POST /ratings - one two three")

            // Calls that return futures.
            let got = try await client.get(url: "\(base)/details").get()
            #expect(got.status == .ok)
            #expect(got.body.map { String(buffer: $0) } == "GET /details - ")
            let put = try await client.put(url: "\(base)/details", body: .string("new")).get()
            #expect(put.body.map { String(buffer: $0) } == "PUT /details - new")
            let deleted = try await client.execute(.DELETE, url: "\(base)/gone", deadline: .now() + .seconds(30)).get()
            #expect(deleted.status == .notFound)
            #expect(deleted.body == nil)
            let made = try HTTPClient.Request(url: "\(base)/made", method: .PATCH, body: .byteBuffer(ByteBuffer()))
            let patched = try await client.execute(request: made).get()
            #expect(patched.host == "127.0.0.1")
            #expect(patched.body.map { String(buffer: $0) } == "PATCH /made - ")

            try await client.shutdown()
        }
    }
}
