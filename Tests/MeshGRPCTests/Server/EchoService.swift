// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore

/// Texts as messages.
struct TextCoder: MessageSerializer, MessageDeserializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: String) throws -> Bytes { Bytes(message.utf8) }

    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> String {
        bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
}

/// A service of one method, which does what a test says.
struct EchoService: RegistrableRPCService {
    typealias Body =
        @Sendable (StreamingServerRequest<String>, ServerContext) async throws -> StreamingServerResponse<String>

    /// The service's methods, of each kind.
    static func method(_ type: MethodDescriptor.RPCType) -> MethodDescriptor {
        let name =
            switch type {
            case .unary: "Unary"
            case .clientStreaming: "ClientStreaming"
            case .serverStreaming: "ServerStreaming"
            case .bidirectionalStreaming: "Bidirectional"
            }
        return MethodDescriptor(
            service: ServiceDescriptor(fullyQualifiedService: "test.Echo"),
            method: name,
            type: type
        )
    }

    let body: Body

    /// Answers each message with itself and a mark, and tells what metadata it saw.
    static let echo = EchoService { request, _ in
        let seen = request.metadata[stringValues: "x-asked"].joined(separator: ",")
        return StreamingServerResponse(metadata: ["x-seen": .string(seen)]) { writer in
            for try await message in request.messages { try await writer.write(message + "!") }
            return ["x-end": "done"]
        }
    }

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        for type in MethodDescriptor.RPCType.allCases {
            router.registerHandler(
                forMethod: Self.method(type),
                deserializer: TextCoder(),
                serializer: TextCoder(),
                handler: body
            )
        }
    }
}
