// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import GRPCCore
public import MeshCore
import MeshHTTP
public import NIOCore
public import ServiceMesh
import Synchronization

/// A transport of grpc-swift's servers in the mesh: an RPC is a request on `MeshHTTP`'s server and inbound stack.
///
/// ```swift
/// let stack = InboundStack(mesh: mesh, address: address)
/// let server = GRPCServer(
///     transport: .mesh(stack, .init(http: .init(address: address))),
///     services: [Greeter(), HealthService(stack)]
/// )
/// try await server.serve()
/// ```
/// What the mesh does to requests it does to RPCs: mutual TLS, authorization, tokens, rate limits, load shedding, faults,
/// traces and metrics, by the listener of the server's address. What it refuses is answered in gRPC's form, by the table
/// of `MeshError.rpcStatus`.
///
/// Handlers run on their connection's event loop and must not block it. They learn of the caller's end, and of its
/// deadline's, by the cancellation of their task and of the `ServerContext`; the caller of an RPC whose deadline has passed
/// gets DEADLINE_EXCEEDED at once. They find who is at the other end in the context's `transportSpecific`, a
/// `MeshServerContext`, and in `InboundContext.current`, whose trace and deadline calls through the mesh inherit.
/// What grpc-swift is told of metadata has no `grpc-timeout`: deadlines are the transport's.
public final class MeshServerTransport: ServerTransport {
    /// Messages are NIO's buffers.
    public typealias Bytes = RPCBytes

    /// How the transport behaves.
    public let configuration: Configuration
    /// The RPCs under way, and the server's way out.
    public let drain: ServerDrain
    private let stack: InboundStack?
    private let load: LoadRecorder?
    private let peerIdentity: (@Sendable (any Channel) async -> String?)?
    private let random: MeshRandom
    private let modeChanged: @Sendable (ServingMode) -> Void
    private let methods = Mutex<[MethodDescriptor]>([])
    private let address = ListeningAddress()

    /// Creates a transport; the server runs it.
    /// - Parameters:
    ///   - configuration: How it behaves.
    ///   - stack: What the mesh does before and after handlers; `nil` serves without it.
    ///   - drain: The server's way out; `nil` for the stack's, or one of its own.
    ///   - load: What is reported to callers as the server's load, in each answer's trailers (gRFC A51); `nil` reports
    ///     what handlers say of their own call, and nothing else.
    ///   - peerIdentity: As for `MeshHTTPServer`.
    ///   - random: Decides which requests are refused whose metadata is between both limits.
    ///   - servingModeChanged: Is told whether the server takes connections, as it begins and each time that this changes
    ///     (gRFC A36). Never called unless `Configuration.requiresListener`. Called from any thread; it must not block.
    /// - Precondition: There is a stack if `Configuration.requiresListener`.
    public init(
        _ configuration: Configuration = Configuration(),
        stack: InboundStack? = nil,
        drain: ServerDrain? = nil,
        load: LoadRecorder? = nil,
        peerIdentity: (@Sendable (any Channel) async -> String?)? = nil,
        random: MeshRandom = MeshRandom(),
        servingModeChanged: @escaping @Sendable (ServingMode) -> Void = { _ in }
    ) {
        precondition(!configuration.requiresListener || stack != nil, "a listener is found in a mesh's configuration")
        self.configuration = configuration
        self.stack = stack
        self.drain = stack?.drain ?? drain ?? ServerDrain()
        self.load = load
        self.peerIdentity = peerIdentity
        self.random = random
        self.modeChanged = servingModeChanged
    }

    /// Where the server listens, once it does.
    /// - Throws: `CancellationError`; `RPCError` with code `unavailable` if it never will.
    public var listeningAddress: EndpointAddress {
        get async throws { try await address.value }
    }

    /// Whether the server takes connections; `serving` where it needs no listener (gRFC A36).
    public var servingMode: ServingMode {
        guard configuration.requiresListener, let stack else { return .serving }
        return stack.servingMode
    }

    /// Takes note of the methods that the server knows. Called by `GRPCServer`.
    public func configure(context: GRPCServerContext) {
        methods.withLock { $0 = context.methods }
    }

    /// Listens, and hands each RPC to the server, until graceful shutdown. Called by `GRPCServer`, once.
    ///
    /// At the shutdown it closes the port, tells callers to go elsewhere, and finishes the RPCs under way within
    /// `MeshHTTPServer.Configuration.gracePeriod`.
    /// - Throws: `CancellationError`, after closing everything at once; the system's error if the address cannot be bound.
    public func listen(
        streamHandler:
            @escaping @concurrent @Sendable (_ stream: RPCStream<Inbound, Outbound>, _ context: ServerContext) async ->
            Void
    ) async throws {
        let serving = RPCServing(
            configuration,
            methods: methods.withLock { $0 },
            load: load,
            random: random,
            handler: streamHandler
        )
        let gate = configuration.requiresListener ? stack.map { ServingGate($0, changed: modeChanged) } : nil
        let server = MeshHTTPServer(
            configuration.http,
            stack: stack,
            drain: drain,
            peerIdentity: peerIdentity,
            gate: gate
        ) { await serving.serve($0) }
        defer { address.closed() }
        try await server.run { [address] in address.opened($0) }
    }

    /// Ends the taking of new RPCs.
    public func beginGracefulShutdown() {
        drain.beginStopping()
    }
}

extension ServerTransport where Self == MeshServerTransport {
    /// A server in the mesh.
    /// - Parameters:
    ///   - stack: What the mesh does before and after handlers.
    ///   - configuration: How the transport behaves; its address is the stack's.
    ///   - load: What is reported to callers as the server's load (gRFC A51).
    ///   - servingModeChanged: Is told whether the server takes connections (gRFC A36).
    public static func mesh(
        _ stack: InboundStack,
        _ configuration: MeshServerTransport.Configuration = .init(),
        load: LoadRecorder? = nil,
        servingModeChanged: @escaping @Sendable (ServingMode) -> Void = { _ in }
    ) -> MeshServerTransport {
        MeshServerTransport(configuration, stack: stack, load: load, servingModeChanged: servingModeChanged)
    }
}
