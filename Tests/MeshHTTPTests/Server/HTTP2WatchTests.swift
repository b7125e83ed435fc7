// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore
import NIOEmbedded
import Testing

@testable import MeshHTTP

@Suite struct HTTP2WatchTests {
    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    private static let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]
    private static let unknown: [UInt8] = [0, 0, 2, 0x42, 0, 0, 0, 0, 0, 1, 2]

    private let channel = EmbeddedChannel()
    private let watch = HTTP2Watch(MeshHTTPServer.Configuration.HTTP2Limits())

    init() throws {
        try channel.pipeline.syncOperations.addHandler(watch)
    }

    /// What the handler behind gets of one read.
    private func pieces(of read: [UInt8]) throws -> [[UInt8]] {
        try channel.writeInbound(ByteBuffer(bytes: read))
        var found: [[UInt8]] = []
        while let piece = try channel.readInbound(as: ByteBuffer.self) { found.append(Array(piece.readableBytesView)) }
        return found
    }

    @Test func `cuts what was read where a frame ends`() throws {
        let beginning = Self.preface + Self.settings
        #expect(try pieces(of: beginning) == [beginning])
        #expect(try pieces(of: Self.settings + Self.unknown + [0, 0]) == [Self.settings + Self.unknown, [0, 0]])
        let (rest, begun) = (Array(Self.unknown.dropFirst(2)), Array(Self.unknown.prefix(10)))
        #expect(try pieces(of: rest + begun) == [rest, begun])
        #expect(try pieces(of: [2]) == [[2]])
    }

    @Test func `knows a GOAWAY that gives the connection up from one that says goodbye`() throws {
        try channel.writeOutbound(
            IOData.byteBuffer(ByteBuffer(bytes: [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]))
        )
        #expect(!watch.hasGivenUp)
        try channel.writeOutbound(
            IOData.byteBuffer(ByteBuffer(bytes: [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2]))
        )
        #expect(watch.hasGivenUp)
    }
}
