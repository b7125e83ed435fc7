// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshHTTP
import NIOCore
import NIOPosix
import Testing

@Suite(.timeLimit(.minutes(5))) struct ServerAbuseIntegrationTests {
    /// A connection that says what no client library would.
    private static func connecting(
        to address: EndpointAddress,
        _ body: (NIOAsyncChannelInboundStream<ByteBuffer>, NIOAsyncChannelOutboundWriter<ByteBuffer>) async throws ->
            Void
    ) async throws {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: address.host, port: Int(address.port ?? 0)) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        try await channel.executeThenClose { try await body($0, $1) }
    }

    /// The preface and empty settings.
    private static var opening: ByteBuffer {
        var bytes = ByteBuffer(string: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        bytes.writeImmutableBuffer(frame(4, stream: 0))
        return bytes
    }

    /// A frame of any kind.
    private static func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt32, _ payload: [UInt8] = []) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeBytes([UInt8(payload.count >> 16), UInt8(payload.count >> 8 & 255), UInt8(payload.count & 255)])
        buffer.writeBytes([type, flags])
        buffer.writeInteger(stream)
        buffer.writeBytes(payload)
        return buffer
    }

    /// `GET / http` with an authority, as indices into the static table and a literal (RFC 7541).
    private static let head: [UInt8] = [0x82, 0x86, 0x84, 0x41, 0x01, UInt8(ascii: "h")]

    /// Sends a flood, and returns once the server has hung up; another caller is served meanwhile.
    private func flood(_ frames: () -> ByteBuffer) async throws -> (requests: Int, isOtherServed: Bool) {
        let served = Recorder<String>()
        var isOtherServed = false
        try await serving { request in
            served.append(request.head.path ?? "")
            return InboundResponse()
        } while: { server, address in
            try await HTTP2LoopbackClient.connecting(to: address) { other in
                #expect(try await other.send("/other").status == 200)
                try await Self.connecting(to: address) { inbound, outbound in
                    var bytes = Self.opening
                    bytes.writeImmutableBuffer(frames())
                    // The server may hang up in the middle of it, by a close or a reset.
                    try? await outbound.write(bytes)
                    do { for try await _ in inbound {} } catch {}
                }
                isOtherServed = try await other.send("/other").status == 200
            }
        }
        return (served.all.filter { $0 != "/other" }.count, isOtherServed)
    }

    @Test func `rapid resets end their connection and hurt no other client`() async throws {
        let (requests, isOtherServed) = try await flood {
            var frames = ByteBuffer()
            for index in 0..<5000 as Range<UInt32> {
                frames.writeImmutableBuffer(Self.frame(1, flags: 5, stream: 2 * index + 1, Self.head))
                frames.writeImmutableBuffer(Self.frame(3, stream: 2 * index + 1, [0, 0, 0, 8]))
            }
            return frames
        }
        #expect(isOtherServed)
        #expect(requests <= 250)
    }

    @Test func `a flood of CONTINUATION ends its connection and hurts no other client`() async throws {
        let (requests, isOtherServed) = try await flood {
            var frames = Self.frame(1, flags: 1, stream: 1, Self.head)
            for _ in 0..<100_000 {
                frames.writeImmutableBuffer(Self.frame(9, stream: 1, [0x00, 0x01, UInt8(ascii: "a"), 0x00]))
            }
            return frames
        }
        #expect(isOtherServed)
        #expect(requests == 0)
    }

    @Test func `a flood of pings ends its connection and hurts no other client`() async throws {
        let (_, isOtherServed) = try await flood {
            var frames = ByteBuffer()
            for _ in 0..<10_000 { frames.writeImmutableBuffer(Self.frame(6, stream: 0, Array(repeating: 0, count: 8))) }
            return frames
        }
        #expect(isOtherServed)
    }

    /// Says this behind the opening, and returns the error code of the GOAWAY that it is sent away with.
    private func farewell(
        to frames: [ByteBuffer],
        of configuration: MeshHTTPServer.Configuration = .init()
    ) async throws -> UInt8? {
        var code: UInt8?
        try await serving(configuration) { _ in
            // The window is shut: nothing of it is sent.
            InboundResponse(body: .text("response"))
        } while: { _, address in
            try await Self.connecting(to: address) { inbound, outbound in
                var bytes = Self.opening
                for frame in frames { bytes.writeImmutableBuffer(frame) }
                try await outbound.write(bytes)
                var received = ByteBuffer()
                for try await var chunk in inbound { received.writeBuffer(&chunk) }
                while let head = received.readBytes(length: 9) {
                    let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
                    let payload = received.readBytes(length: length) ?? []
                    if head[3] == 7 { code = payload.dropFirst(7).first }
                }
            }
        }
        return code
    }

    /// One stream has been opened, and no DATA frame been sent.
    @Test func `WINDOW_UPDATE that answers no DATA ends the connection`() async throws {
        let update = Self.frame(8, stream: 1, [0, 0, 0, 1])
        let shut = Self.frame(4, stream: 0, [0, 4, 0, 0, 0, 0])
        let request = Self.frame(1, flags: 5, stream: 1, Self.head)
        // 5 for the connection, 2 for its stream, one too many; and ENHANCE_YOUR_CALM is 11.
        let code = try await farewell(to: [shut, request] + Array(repeating: update, count: 8))
        #expect(code == 11)
    }

    /// What swift-nio-http2 takes for the connection's end, it reads no further; whoever did it has to come again.
    @Test func `a stream too many, and one that does not exist, end the connection`() async throws {
        var configuration = MeshHTTPServer.Configuration()
        configuration.http2.maximumConcurrentStreams = 2
        let shut = Self.frame(4, stream: 0, [0, 4, 0, 0, 0, 0])
        let acknowledgement = Self.frame(4, flags: 1, stream: 0)
        let requests = [1, 3, 5].map { Self.frame(1, flags: 5, stream: $0, Self.head) }
        #expect(try await farewell(to: [shut, acknowledgement] + requests, of: configuration) == 1)
        #expect(try await farewell(to: [Self.frame(8, stream: 1, [0, 0, 0, 1])]) == 1)
    }

    @Test(arguments: [50, 10_000])
    func `PRIORITY without end ends the connection`(controlFrames: Int) async throws {
        var configuration = MeshHTTPServer.Configuration()
        configuration.http2.maximumControlFrames = controlFrames
        let priority = Self.frame(2, stream: 3, [0, 0, 0, 0, 16])
        let code = try await farewell(to: Array(repeating: priority, count: 101), of: configuration)
        #expect(code == 11)
    }

    @Test(
        arguments: [
            // Without a path.
            [frame(1, flags: 5, stream: 1, [0x82, 0x86, 0x41, 0x01, 0x68])],
            // A window that is opened by nothing, for a body that is still to come (RFC 9113 §6.9).
            [frame(1, flags: 4, stream: 1, head), frame(8, stream: 1, [0, 0, 0, 0])],
            // More than the window has room for, when both are added (§6.9.1).
            [frame(1, flags: 4, stream: 1, head), frame(8, stream: 1, [0x7F, 0xFF, 0xFF, 0xFF])],
        ]
    )
    func `a malformed message resets its stream and leaves its connection open`(frames: [ByteBuffer]) async throws {
        try await serving { request in
            _ = try await request.text()
            return InboundResponse()
        } while: { _, address in
            try await Self.connecting(to: address) { inbound, outbound in
                var bytes = Self.opening
                for frame in frames { bytes.writeImmutableBuffer(frame) }
                bytes.writeImmutableBuffer(Self.frame(1, flags: 5, stream: 3, Self.head))
                try await outbound.write(bytes)
                var (answers, received) = ([UInt32: UInt8](), ByteBuffer())
                for try await var chunk in inbound {
                    received.writeBuffer(&chunk)
                    while let head = received.getBytes(at: received.readerIndex, length: 9) {
                        let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
                        guard received.readableBytes >= 9 + length else { break }
                        received.moveReaderIndex(forwardBy: 9 + length)
                        let stream = head[5...8].reduce(0) { $0 << 8 | UInt32($1) }
                        // The first frame that answers the stream: 3 resets it, 1 is a response's head.
                        if stream > 0, answers[stream] == nil { answers[stream] = head[3] }
                    }
                    if answers.count == 2 { break }
                }
                #expect(answers == [1: 3, 3: 1])
            }
        }
    }
}
