// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
import MeshConfig
import MeshCore
import MeshGRPC
import MeshHTTP
import MeshResilience
import MeshRouting
import NIOCore
import NIOPosix
import ServiceMesh
import Synchronization

/// Messages as they are.
struct RawSerializer: MessageSerializer, MessageDeserializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes { Bytes(message) }

    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> [UInt8] {
        bytes.withUnsafeBytes { Array($0) }
    }
}

/// The methods of the tests' service.
enum EchoMethod {
    static let service = ServiceDescriptor(fullyQualifiedService: "mesh.Echo")
    static let unary = MethodDescriptor(service: service, method: "Unary", type: .unary)
    static let collect = MethodDescriptor(service: service, method: "Collect", type: .clientStreaming)
    static let expand = MethodDescriptor(service: service, method: "Expand", type: .serverStreaming)
    static let chat = MethodDescriptor(service: service, method: "Chat", type: .bidirectionalStreaming)
}

/// grpc-swift's own server on the loopback interface, whose calls a closure answers: a peer that knows nothing of us.
struct GRPCLoopbackService: RegistrableRPCService {
    typealias Answer =
        @Sendable (StreamingServerRequest<[UInt8]>, ServerContext) async throws -> StreamingServerResponse<[UInt8]>

    let answer: Answer

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        for method in [EchoMethod.unary, EchoMethod.collect, EchoMethod.expand, EchoMethod.chat] {
            router.registerHandler(
                forMethod: method,
                deserializer: RawSerializer(),
                serializer: RawSerializer(),
                handler: { request, context in try await answer(request, context) }
            )
        }
    }

    /// Sends every message back, and the metadata `echo` in head and trailers.
    static let echo: Answer = { request, _ in
        let told = request.metadata[stringValues: "echo"].first { _ in true }
        let metadata: Metadata = told.map { ["echo": "\($0)"] } ?? [:]
        return StreamingServerResponse(metadata: metadata) { writer in
            for try await message in request.messages { try await writer.write(message) }
            return metadata
        }
    }

    /// Runs a server beside a body.
    static func serving<Result: Sendable>(
        _ answer: @escaping Answer = echo,
        compression: CompressionAlgorithmSet = .none,
        while body: (EndpointAddress) async throws -> Result
    ) async throws -> Result {
        let transport = HTTP2ServerTransport.Posix(
            address: .ipv4(host: "127.0.0.1", port: 0),
            transportSecurity: .plaintext,
            config: .defaults { $0.compression.enabledAlgorithms = compression }
        )
        let server = GRPCServer(transport: transport, services: [GRPCLoopbackService(answer: answer)])
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.serve() }
            let port = try await transport.listeningAddress.ipv4?.port ?? 0
            do {
                let result = try await body(EndpointAddress(host: "127.0.0.1", port: UInt16(port)))
                server.beginGracefulShutdown()
                group.cancelAll()
                return result
            } catch {
                group.cancelAll()
                throw error
            }
        }
    }
}

/// Runs a client over a transport, and ends both behind a body.
func withClient<Result: Sendable>(
    _ transport: MeshClientTransport,
    _ body: (GRPCClient<MeshClientTransport>) async throws -> Result
) async throws -> Result {
    let client = GRPCClient(transport: transport)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            do {
                try await client.runConnections()
            } catch let error as RuntimeError where error.code == .clientIsStopped {
                // The body was through before this task ran for the first time.
            }
        }
        do {
            let result = try await body(client)
            client.beginGracefulShutdown()
            transport.beginGracefulShutdown()
            try await group.next()
            return result
        } catch {
            group.cancelAll()
            throw error
        }
    }
}

extension GRPCClient where Transport == MeshClientTransport {
    /// A unary call.
    func echo(
        _ message: [UInt8] = [1, 2, 3],
        metadata: Metadata = [:],
        options: CallOptions = .defaults
    ) async throws -> [UInt8] {
        try await unary(
            request: ClientRequest(message: message, metadata: metadata),
            descriptor: EchoMethod.unary,
            serializer: RawSerializer(),
            deserializer: RawSerializer(),
            options: options
        ) { try $0.message }
    }

    /// The error of a unary call.
    func failure(
        _ message: [UInt8] = [1],
        metadata: Metadata = [:],
        options: CallOptions = .defaults
    ) async -> RPCError? {
        do {
            _ = try await echo(message, metadata: metadata, options: options)
            return nil
        } catch {
            return error as? RPCError
        }
    }

    /// A call both ways.
    func chat<Result: Sendable>(
        metadata: Metadata = [:],
        options: CallOptions = .defaults,
        writing produce: @escaping @Sendable (RPCWriter<[UInt8]>) async throws -> Void,
        reading consume: @escaping @Sendable (StreamingClientResponse<[UInt8]>) async throws -> Result
    ) async throws -> Result {
        try await bidirectionalStreaming(
            request: StreamingClientRequest(metadata: metadata, producer: produce),
            descriptor: EchoMethod.chat,
            serializer: RawSerializer(),
            deserializer: RawSerializer(),
            options: options,
            onResponse: consume
        )
    }
}

extension MeshClientTransport {
    /// A transport to some addresses, on loops of its own.
    static func to(
        _ addresses: [EndpointAddress],
        policies: TargetPolicies = TargetPolicies(),
        configuration: Configuration = Configuration(),
        meshConfiguration: MeshConfiguration = MeshConfiguration(isDisabled: false)
    ) throws -> MeshClientTransport {
        try MeshClientTransport(
            target: .addresses(addresses),
            policies: policies,
            configuration: configuration,
            meshConfiguration: meshConfiguration
        )
    }
}

/// What several tasks have noted, in order.
final class Notes<Element: Sendable>: Sendable {
    private let notes = Mutex<[Element]>([])

    var all: [Element] { notes.withLock { $0 } }

    @discardableResult
    func append(_ note: Element) -> Int {
        notes.withLock { notes in
            notes.append(note)
            return notes.count
        }
    }
}
