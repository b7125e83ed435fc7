// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import GRPCCore
public import NIOCore

/// The bytes of one message: what grpc-swift serializes into, and reads messages from.
///
/// A buffer that has room for the message's prefix in front of it, so that framing what was just serialized copies
/// nothing. What was received is a slice of what the connection read.
public struct RPCBytes: GRPCContiguousBytes, Hashable, Sendable {
    private var storage: ByteBuffer
    /// Whether the bytes before the readable ones are this message's, to write its prefix into.
    private var hasHeadroom: Bool

    /// Takes bytes as they are, without a copy.
    public init(_ buffer: ByteBuffer) {
        self.storage = buffer
        self.hasHeadroom = false
    }

    /// Creates bytes that are all the same.
    public init(repeating byte: UInt8, count: Int) {
        var buffer = Self.makeStorage(count: count)
        buffer.writeRepeatingByte(byte, count: count)
        self.storage = buffer
        self.hasHeadroom = true
    }

    /// Copies bytes.
    public init(_ sequence: some Sequence<UInt8>) {
        var buffer = Self.makeStorage(count: sequence.underestimatedCount)
        buffer.writeBytes(sequence)
        self.storage = buffer
        self.hasHeadroom = true
    }

    private static func makeStorage(count: Int) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count + MessageFraming.prefixLength)
        buffer.moveWriterIndex(to: MessageFraming.prefixLength)
        buffer.moveReaderIndex(to: MessageFraming.prefixLength)
        return buffer
    }

    /// How many bytes there are.
    public var count: Int { storage.readableBytes }

    /// The bytes, without a copy.
    public var buffer: ByteBuffer { storage }

    /// Lends the bytes.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try storage.withUnsafeReadableBytes(body)
    }

    /// Lends the bytes to be changed.
    public mutating func withUnsafeMutableBytes<Result>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        try storage.withUnsafeMutableReadableBytes(body)
    }

    /// Whether the bytes are the same; the room before them says nothing.
    public static func == (left: RPCBytes, right: RPCBytes) -> Bool { left.storage == right.storage }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(storage)
    }

    /// The message with its prefix, as it goes into a body: its own memory where the prefix has room there, and a copy
    /// otherwise.
    ///
    /// - Precondition: `count` is at most `UInt32.max`.
    package consuming func framed() -> ByteBuffer {
        let count = UInt32(storage.readableBytes)
        guard hasHeadroom else {
            var framed = ByteBufferAllocator().buffer(capacity: Int(count) + MessageFraming.prefixLength)
            framed.writeInteger(UInt8(0))
            framed.writeInteger(count)
            framed.writeImmutableBuffer(storage)
            return framed
        }
        let start = storage.readerIndex - MessageFraming.prefixLength
        storage.setInteger(UInt8(0), at: start)
        storage.setInteger(count, at: start + 1)
        storage.moveReaderIndex(to: start)
        return storage
    }
}
