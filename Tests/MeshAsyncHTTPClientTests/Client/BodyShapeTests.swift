// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import AsyncHTTPClient
import NIOCore
import Testing

@testable import MeshAsyncHTTPClient

@Suite("The shape of a body of AsyncHTTPClient's")
struct BodyShapeTests {
    @Test
    func `is seen where it is in memory`() {
        #expect(BodyShape(of: .bytes(ByteBuffer(string: "a"))) == .memory)
        #expect(BodyShape(of: .bytes([1, 2, 3])) == .memory)
        #expect(BodyShape(of: .bytes("abc".utf8, length: .known(Int64(3)))) == .memory)
        #expect(BodyShape(of: .bytes(Array("abc".utf8), length: .unknown)) == .memory)
    }

    @Test
    func `is seen where it is a stream, with its length`() {
        let chunks = AsyncStream<ByteBuffer> { $0.finish() }
        #expect(BodyShape(of: .stream(chunks, length: .unknown)) == .stream(length: nil))
        #expect(BodyShape(of: .stream(chunks, length: .known(Int64(5)))) == .stream(length: 5))
    }
}
