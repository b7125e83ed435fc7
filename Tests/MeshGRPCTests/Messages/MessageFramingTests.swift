// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshCore
import NIOCore
import Testing

@testable import MeshGRPC

@Suite("Messages in a body", .timeLimit(.minutes(5)))
struct MessageFramingTests {
    private func frame(_ message: [UInt8]) -> [UInt8] {
        let count = UInt32(message.count)
        return [0] + (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * $0)) } + message
    }

    private func bytes(_ message: RPCBytes) -> [UInt8] { message.withUnsafeBytes { Array($0) } }

    @Test("are framed with their length, whoever made the bytes")
    func framing() {
        let message: [UInt8] = [1, 2, 3]
        var made = RPCBytes(repeating: 0, count: 3)
        made.withUnsafeMutableBytes { $0.copyBytes(from: message) }
        #expect(made.count == 3)
        #expect(Array(made.framed().readableBytesView) == frame(message))
        #expect(Array(RPCBytes(message).framed().readableBytesView) == frame(message))
        #expect(Array(RPCBytes(ByteBuffer(bytes: message)).framed().readableBytesView) == frame(message))
        #expect(Array(RPCBytes([]).framed().readableBytesView) == frame([]))
    }

    @Test("stay what they were for others who have them when one is framed")
    func copyOnWrite() {
        let one = RPCBytes([UInt8](0..<10))
        let other = one
        _ = one.framed()
        #expect(bytes(other) == [UInt8](0..<10))
        #expect(other == one)
        #expect(other == RPCBytes(ByteBuffer(bytes: [UInt8](0..<10))))
    }

    @Test("serialize into bytes that need no copy to be framed")
    func inPlace() {
        func made() -> (RPCBytes, UInt) {
            let message = RPCBytes(repeating: 7, count: 100)
            return (message, message.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) })
        }
        let (message, address) = made()
        #expect(message.buffer.readerIndex == MessageFraming.prefixLength)
        let start = message.buffer.withVeryUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
        #expect(start == address - UInt(MessageFraming.prefixLength))
    }

    @Test("come out as they went in, however the body is cut", arguments: [1, 2, 3, 5, 7, 64, 1000, 100_000])
    func cuts(size: Int) throws {
        let messages = (0..<40).map { count in [UInt8](repeating: UInt8(count), count: count * count * 3) }
        let body = messages.flatMap(frame)
        var deframer = MessageDeframer()
        var received: [[UInt8]] = []
        for start in stride(from: 0, to: body.count, by: size) {
            deframer.append(ByteBuffer(bytes: body[start..<min(start + size, body.count)]))
            while let message = try deframer.next() { received.append(bytes(message)) }
        }
        #expect(received == messages)
        #expect(deframer.isAtBoundary)
    }

    @Test("come out as they went in, cut by chance", arguments: [1, 2, 3] as [UInt64])
    func randomCuts(seed: UInt64) throws {
        let random = MeshRandom(seed: seed)
        func draw(_ bound: UInt64) -> Int { Int(random.next() % bound) }
        var expected: [[UInt8]] = []
        var body: [UInt8] = []
        for number in 0..<500 {
            let message = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: draw(2000))
            expected.append(message)
            body += frame(message)
        }
        var deframer = MessageDeframer()
        var received: [[UInt8]] = []
        var place = 0
        while place < body.count {
            let end = min(body.count, place + 1 + draw(5000))
            deframer.append(ByteBuffer(bytes: body[place..<end]))
            place = end
            while let message = try deframer.next() { received.append(bytes(message)) }
        }
        #expect(received == expected)
    }

    @Test("that are too large are refused before they come")
    func tooLarge() throws {
        var deframer = MessageDeframer(maximumMessageBytes: 10)
        deframer.append(ByteBuffer(bytes: frame([UInt8](repeating: 0, count: 10))))
        #expect(try deframer.next()?.count == 10)
        deframer.append(ByteBuffer(bytes: [0, 0, 0, 0, 11]))
        let error = #expect(throws: RPCError.self) { try deframer.next() }
        #expect(error?.code == .resourceExhausted)
    }

    @Test("that are compressed are refused where their head did not say so")
    func compressed() {
        for flag in [1, 2, 255] as [UInt8] {
            var deframer = MessageDeframer()
            deframer.append(ByteBuffer(bytes: [flag, 0, 0, 0, 0]))
            let error = #expect(throws: RPCError.self) { try deframer.next() }
            #expect(error?.code == .internalError)
        }
    }

    @Test("that are cut off leave a rest")
    func rest() throws {
        var deframer = MessageDeframer()
        deframer.append(ByteBuffer(bytes: [0, 0, 0, 0, 2, 1]))
        #expect(try deframer.next() == nil)
        #expect(!deframer.isAtBoundary)
    }

    @Test("are as large as may be sent, and no larger")
    func limit() throws {
        try MessageFraming.check(length: 10, limit: 10)
        let error = #expect(throws: RPCError.self) { try MessageFraming.check(length: 11, limit: 10) }
        #expect(error?.code == .resourceExhausted)
    }
}
