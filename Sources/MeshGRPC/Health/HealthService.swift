// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import GRPCCore
import MeshCore
public import ServiceMesh
import Synchronization

/// Tells callers, load balancers and Kubernetes whether a server's services serve: `grpc.health.v1.Health`, with
/// `Check`, `Watch` and `List` (gRFC A90).
///
/// ```swift
/// let health = HealthService(stack, services: ["helloworld.Greeter"])
/// let server = GRPCServer(transport: .mesh(stack), services: [greeter, health])
/// health.set(.notServing, for: "helloworld.Greeter")
/// ```
/// Whatever was set, no service serves while the mesh has no configuration yet, `InboundConfiguration.isReady` says no, or
/// the server is on its way out: those who watch hear of NOT_SERVING as it begins to drain. The empty name is the server as
/// a whole, and serves unless told otherwise.
public final class HealthService: RegistrableRPCService {
    private let book: HealthBook
    private let stack: InboundStack?
    private let drain: ServerDrain?

    /// Creates a service.
    /// - Parameters:
    ///   - stack: The server's part in the mesh, whose readiness and way out count; `nil` without it.
    ///   - drain: The server's way out; `nil` for the stack's.
    ///   - services: The full names of services, besides the empty one, that serve from the beginning.
    public init(_ stack: InboundStack? = nil, drain: ServerDrain? = nil, services: [String] = []) {
        let drain = drain ?? stack?.drain
        self.stack = stack
        self.drain = drain
        self.book = HealthBook(services) { !(drain?.isDraining ?? false) && stack?.isReady ?? true }
        stack?.add(book)
    }

    /// Says whether a service serves.
    /// - Parameter service: Its full name; empty, the default, for the server as a whole.
    public func set(_ status: ServingStatus, for service: String = "") {
        book.set(status, for: service)
    }

    /// Whether a service serves; `nil` if nobody has said anything of it.
    public func status(of service: String = "") -> ServingStatus? { book.status(of: service) }

    /// What else decides whether the server is ready has changed: tells those who watch.
    public func readinessChanged() { book.configurationChanged() }

    /// Registers the service's methods. Called by `GRPCServer`.
    public func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        let name = MessageReader { bytes throws(RPCError) in try Self.service(in: bytes) }
        router.registerHandler(
            forMethod: HealthMethod.check,
            deserializer: name,
            serializer: MessageBytesWriter()
        ) { [book] request, _ in
            let service = try await ServerRequest(stream: request).message
            guard let status = book.status(of: service) else {
                throw RPCError(code: .notFound, message: "there is no service \"\(service)\"")
            }
            return StreamingServerResponse(single: ServerResponse(message: status.serialized))
        }
        router.registerHandler(
            forMethod: HealthMethod.watch,
            deserializer: name,
            serializer: MessageBytesWriter()
        ) { [book, drain] request, context in
            let service = try await ServerRequest(stream: request).message
            return StreamingServerResponse { writer in
                let watch = book.watch(service)
                defer { book.end(watch.id) }
                return try await LastingCall(context.cancellation, drain).run {
                    book.configurationChanged()
                } _: {
                    for await status in watch.statuses { try await writer.write(status.serialized) }
                    // It ends with the task that reads it.
                    throw CancellationError()
                }
            }
        }
        router.registerHandler(
            forMethod: HealthMethod.list,
            deserializer: MessageReader { _ throws(RPCError) in },
            serializer: MessageBytesWriter()
        ) { [book] request, _ in
            _ = try await ServerRequest(stream: request)
            return StreamingServerResponse(single: ServerResponse(message: try Self.list(book.all)))
        }
    }

    /// The most services that a list has, as gRPC's description of the method says.
    private static let maximumListed = 100

    /// The service that a `HealthCheckRequest` asks for.
    private static func service(in bytes: [UInt8]) throws(RPCError) -> String {
        var (message, name) = (WireReader(bytes), "")
        while let field = try message.next() {
            if field.number == 1, case .bytes(let text) = field.value { name = String(decoding: text, as: UTF8.self) }
        }
        return name
    }

    /// A `HealthListResponse`.
    private static func list(_ services: [(name: String, status: ServingStatus)]) throws(RPCError) -> [UInt8] {
        guard services.count <= maximumListed else {
            throw RPCError(code: .resourceExhausted, message: "there are more than \(maximumListed) services")
        }
        var bytes: [UInt8] = []
        for (name, status) in services {
            var entry: [UInt8] = []
            WireWriter.append(Array(name.utf8), as: 1, to: &entry)
            WireWriter.append(status.serialized, as: 2, to: &entry)
            WireWriter.append(entry, as: 1, to: &bytes)
        }
        return bytes
    }
}

/// The methods of `grpc.health.v1.Health`.
enum HealthMethod {
    private static let service = ServiceDescriptor(fullyQualifiedService: "grpc.health.v1.Health")

    static let check = MethodDescriptor(service: service, method: "Check", type: .unary)
    static let watch = MethodDescriptor(service: service, method: "Watch", type: .serverStreaming)
    static let list = MethodDescriptor(service: service, method: "List", type: .unary)
}
