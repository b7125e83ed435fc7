// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import NIOCore
import Synchronization

/// Compresses and unfolds messages in one way, for all calls of a transport.
///
/// Messages are compressed each by itself, so that calls need no state of their own: what zlib needs is kept for whoever
/// comes next, as long as not too much of it is idle.
final class MessageCoder: Sendable {
    /// How many deflaters are kept, and inflaters: one for each core, since no more of them work at once, and each has some
    /// 260 KiB, and 40 KiB.
    private static let maximumIdle = max(2, System.coreCount)

    let encoding: MessageEncoding
    private let deflaters = ZlibPool<Deflater>(maximumIdle: maximumIdle)
    private let inflaters = ZlibPool<Inflater>(maximumIdle: maximumIdle)

    init(_ encoding: MessageEncoding) {
        self.encoding = encoding
    }

    /// The message with its prefix, as it goes into a body: compressed, unless it would not be smaller.
    func framed(_ message: consuming RPCBytes) throws(RPCError) -> ByteBuffer {
        let deflater = if let idle = deflaters.take() { idle } else { try Deflater(encoding) }
        defer { deflaters.give(back: deflater) }
        guard var compressed = deflater.compress(message.buffer) else { return message.framed() }
        let length = UInt32(compressed.readableBytes)
        compressed.moveReaderIndex(to: compressed.readerIndex - MessageFraming.prefixLength)
        compressed.setInteger(UInt8(1), at: compressed.readerIndex)
        compressed.setInteger(length, at: compressed.readerIndex + 1)
        return compressed
    }

    /// A message that came compressed.
    /// - Parameter limit: The most bytes that it may have.
    func inflated(_ message: ByteBuffer, limit: Int) throws(RPCError) -> RPCBytes {
        let inflater = if let idle = inflaters.take() { idle } else { try Inflater(encoding) }
        defer { inflaters.give(back: inflater) }
        return RPCBytes(try inflater.inflate(message, limit: limit))
    }
}

/// What zlib needs for one message at a time, kept for the next one.
private final class ZlibPool<Stream: AnyObject & Sendable>: Sendable {
    private let idle = Mutex<[Stream]>([])
    private let maximumIdle: Int

    init(maximumIdle: Int) {
        self.maximumIdle = maximumIdle
    }

    func take() -> Stream? {
        idle.withLock { $0.popLast() }
    }

    func give(back stream: Stream) {
        idle.withLock { idle in
            if idle.count < maximumIdle { idle.append(stream) }
        }
    }
}

/// The coders of a transport: one reference, since every call has them.
final class MessageCoders: Sendable {
    private let deflate = MessageCoder(.deflate)
    private let gzip = MessageCoder(.gzip)
    private let accepted: Set<MessageEncoding>
    private let preferred: MessageEncoding?
    /// What `grpc-accept-encoding` says.
    let acceptedNames: String

    init(_ compression: MessageCompression) {
        let accepted = MessageEncoding.allCases.filter { compression.accepted.contains($0.algorithm) }
        self.accepted = Set(accepted)
        self.preferred = MessageEncoding(compression.algorithm)
        self.acceptedNames = ([MessageEncoding.identity] + accepted.map(\.rawValue)).joined(separator: ",")
    }

    private subscript(encoding: MessageEncoding) -> MessageCoder {
        switch encoding {
        case .deflate: deflate
        case .gzip: gzip
        }
    }

    /// What a call's messages are sent with; `nil` for none.
    /// - Parameter algorithm: What the call's options say; `nil` for what the transport does.
    func forCall(_ algorithm: CompressionAlgorithm?) -> MessageCoder? {
        (algorithm.map { MessageEncoding($0) } ?? preferred).map { self[$0] }
    }

    /// What an answer's messages are sent with; `nil` for none.
    /// - Parameter accepted: The caller's `grpc-accept-encoding`.
    func forAnswer(to accepted: String?) -> MessageCoder? {
        guard let preferred, let accepted else { return nil }
        let names = accepted.split(separator: ",").lazy.map { $0.drop { $0 == " " } }
        return names.contains { $0.prefix { $0 != " " } == preferred.rawValue } ? self[preferred] : nil
    }

    /// What messages are unfolded by whose head says this.
    /// - Parameter name: `grpc-encoding`.
    /// - Returns: `nil` for messages that are not compressed.
    /// - Throws: `RPCError` with code `unimplemented` for an encoding that is not accepted.
    func forReading(_ name: String?) throws(RPCError) -> MessageCoder? {
        guard let name, name != MessageEncoding.identity else { return nil }
        guard let encoding = MessageEncoding(rawValue: name), accepted.contains(encoding) else {
            throw RPCError(
                code: .unimplemented,
                message: "messages compressed by \(name.prefix(20)) cannot be read; \(acceptedNames) can"
            )
        }
        return self[encoding]
    }
}
