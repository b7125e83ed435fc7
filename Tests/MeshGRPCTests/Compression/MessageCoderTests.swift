// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshCore
import NIOCore
import Testing

@testable import MeshGRPC

@Suite("Messages that are compressed")
struct MessageCoderTests {
    /// "hello hello hello" as Python's `gzip` and `zlib` write it.
    private static let samples: [(MessageEncoding, [UInt8])] = [
        (
            .gzip,
            [
                0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0, 0x02, 0x03, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0x57, 0xC8, 0x40, 0x90, 0,
                0x80, 0x88, 0xF9, 0xE5, 0x11, 0, 0, 0,
            ]
        ),
        (
            .deflate,
            [0x78, 0x9C, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0x57, 0xC8, 0x40, 0x90, 0, 0x3A, 0x2E, 0x06, 0x7D]
        ),
    ]

    private static func message(_ count: Int) -> [UInt8] { (0..<count).map { UInt8($0 / 7 % 5) } }

    private func code(_ body: () throws -> Void) -> RPCError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? RPCError)?.code
        }
    }

    @Test("what others have compressed is unfolded", arguments: samples)
    func unfolding(_ encoding: MessageEncoding, _ bytes: [UInt8]) throws {
        let coder = MessageCoder(encoding)
        for _ in 0..<3 {
            let message = try coder.inflated(ByteBuffer(bytes: bytes), limit: 17)
            #expect(message == RPCBytes(Array("hello hello hello".utf8)))
        }
    }

    @Test("every message comes back as it was", arguments: MessageEncoding.allCases)
    func roundTrips(_ encoding: MessageEncoding) throws {
        let coder = MessageCoder(encoding)
        for count in [0, 1, 20, 64, 1000, 65_536, 1_000_003] {
            let bytes = Self.message(count)
            let framed = try coder.framed(RPCBytes(bytes))
            #expect(count < 1000 || framed.readableBytes < count / 20)
            #expect(count < 1000 || framed.storageCapacity < count / 2)
            #expect(framed.readableBytes <= count + MessageFraming.prefixLength)
            var deframer = MessageDeframer(maximumMessageBytes: count)
            deframer.coder = coder
            deframer.append(framed)
            #expect(try deframer.next() == RPCBytes(bytes))
            #expect(deframer.receivedBytes == UInt64(framed.readableBytes - MessageFraming.prefixLength))
            #expect(deframer.isAtBoundary)
        }
    }

    @Test("a message that would not get smaller goes as it is")
    func incompressible() throws {
        let random = MeshRandom(seed: 7)
        for bytes in [[], [7], (0..<4096).map { _ in UInt8(truncatingIfNeeded: random.next()) }] {
            let framed = try MessageCoder(.gzip).framed(RPCBytes(bytes))
            #expect(framed.getInteger(at: framed.readerIndex, as: UInt8.self) == 0)
            #expect(framed.readableBytes == bytes.count + MessageFraming.prefixLength)
        }
    }

    @Test("a message that has more bytes than are accepted is refused, and one with just as many is not")
    func bounds() throws {
        let coder = MessageCoder(.gzip)
        var framed = try coder.framed(RPCBytes(repeating: 0, count: 100_000))
        framed.moveReaderIndex(forwardBy: MessageFraming.prefixLength)
        #expect(try coder.inflated(framed, limit: 100_000).count == 100_000)
        for limit in [0, 1, 255, 256, 4096, 99_999] {
            #expect(code { _ = try coder.inflated(framed, limit: limit) } == .resourceExhausted)
        }
    }

    @Test("bytes that are no compressed message are refused, and the next message is none the worse")
    func damaged() throws {
        for (encoding, bytes) in Self.samples {
            let coder = MessageCoder(encoding)
            for end in bytes.indices {
                let cut = ByteBuffer(bytes: bytes[..<end])
                #expect(code { _ = try coder.inflated(cut, limit: 100) } == .internalError)
            }
            #expect(code { _ = try coder.inflated(ByteBuffer(bytes: bytes + [0]), limit: 100) } == .internalError)
            let random = MeshRandom(seed: 7)
            for _ in 0..<200 {
                var damaged = bytes
                damaged[Int(random.next() % UInt64(damaged.count))] ^= 1 << (random.next() % 8)
                // Some bits say nothing, as those of gzip's header that name the system.
                let outcome = code { _ = try coder.inflated(ByteBuffer(bytes: damaged), limit: 100) }
                #expect([nil, .internalError, .resourceExhausted].contains(outcome))
            }
            #expect(try coder.inflated(ByteBuffer(bytes: bytes), limit: 17).count == 17)
        }
    }

    @Test("damaged bodies bring messages within the bound, or an error", arguments: MessageEncoding.allCases)
    func damagedBodies(_ encoding: MessageEncoding) throws {
        let (coder, random) = (MessageCoder(encoding), MeshRandom(seed: 11))
        for _ in 0..<2000 {
            var body: [UInt8] = []
            for _ in 0..<3 {
                let framed = try coder.framed(RPCBytes(Self.message(Int(random.next() % 3000))))
                body += Array(framed.readableBytesView)
            }
            for _ in 0..<(1 + random.next() % 3) {
                let place = Int(random.next() % UInt64(body.count))
                switch random.next() % 3 {
                case 0: body[place] ^= 1 << (random.next() % 8)
                case 1: body.removeSubrange(place..<min(body.count, place + 3))
                default: body.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
                }
            }
            var deframer = MessageDeframer(maximumMessageBytes: 2500)
            deframer.coder = coder
            let outcome = code {
                var rest = ByteBuffer(bytes: body)
                while let chunk = rest.readSlice(length: min(rest.readableBytes, 1 + Int(random.next() % 100))),
                    chunk.readableBytes > 0
                {
                    deframer.append(chunk)
                    while let message = try deframer.next() { #expect(message.count <= 2500) }
                }
            }
            #expect([nil, .internalError, .resourceExhausted].contains(outcome))
        }
        let whole = try coder.framed(RPCBytes(Self.message(1000)))
        var deframer = MessageDeframer()
        deframer.coder = coder
        deframer.append(whole)
        #expect(try deframer.next() == RPCBytes(Self.message(1000)))
    }

    @Test("a message may be compressed only where its head says so, and flags are 0 or 1")
    func flags() {
        for (flag, coder) in [(1, nil), (2, MessageCoder(.gzip)), (255, nil)] as [(UInt8, MessageCoder?)] {
            var deframer = MessageDeframer()
            deframer.coder = coder
            deframer.append(ByteBuffer(bytes: [flag, 0, 0, 0, 1, 7]))
            #expect(code { _ = try deframer.next() } == .internalError)
        }
    }

    @Test("coders are chosen by what is wanted and what is accepted")
    func choices() throws {
        let none = MessageCoders(MessageCompression())
        #expect(none.acceptedNames == "identity,deflate,gzip")
        #expect(none.forCall(nil) == nil)
        #expect(none.forCall(.gzip)?.encoding == .gzip)
        #expect(none.forAnswer(to: "gzip") == nil)
        #expect(try none.forReading(nil) == nil)
        #expect(try none.forReading("identity") == nil)
        #expect(try none.forReading("deflate")?.encoding == .deflate)
        #expect(code { _ = try none.forReading("br") } == .unimplemented)
        let gzip = MessageCoders(MessageCompression(algorithm: .gzip, accepted: .gzip))
        #expect(gzip.acceptedNames == "identity,gzip")
        #expect(gzip.forCall(nil)?.encoding == .gzip)
        #expect(gzip.forCall(CompressionAlgorithm.none) == nil)
        #expect(gzip.forAnswer(to: "identity, deflate , gzip")?.encoding == .gzip)
        #expect(gzip.forAnswer(to: "identity,gzipped") == nil)
        #expect(gzip.forAnswer(to: nil) == nil)
        #expect(code { _ = try gzip.forReading("deflate") } == .unimplemented)
    }
}
