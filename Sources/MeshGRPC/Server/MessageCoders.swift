// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore

/// Hands messages to services that read them themselves.
struct MessageReader<Message: Sendable>: MessageDeserializer {
    let read: @Sendable ([UInt8]) throws(RPCError) -> Message

    init(_ read: @escaping @Sendable ([UInt8]) throws(RPCError) -> Message) {
        self.read = read
    }

    func deserialize<Bytes: GRPCContiguousBytes>(_ serializedMessageBytes: Bytes) throws -> Message {
        try read(serializedMessageBytes.withUnsafeBytes { Array($0) })
    }
}

/// Takes messages that services have written themselves.
struct MessageBytesWriter: MessageSerializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes {
        Bytes(message)
    }
}
