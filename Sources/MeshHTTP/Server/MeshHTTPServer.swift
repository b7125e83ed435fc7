// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import NIOCore
import NIOPosix
public import ServiceMesh

/// A small HTTP server in the mesh: a closure that answers requests, over HTTP/1.1 and HTTP/2.
///
/// ```swift
/// let stack = InboundStack(mesh: mesh, address: address)
/// let server = MeshHTTPServer(.init(address: address), stack: stack) { request in
///     InboundResponse(body: .text("hello, \(request.peerIdentity ?? "stranger")"))
/// }
/// try await server.run()
/// ```
/// Without TLS both protocols share the port, HTTP/2 by prior knowledge; with TLS they are chosen by ALPN. Each request
/// is handled by a task on its connection's event loop, so that what it sends through the mesh stays there: handlers
/// must not block. The task is cancelled when the caller leaves or its deadline passes; a handler that does not heed
/// that is answered for, and runs on to its own end.
public final class MeshHTTPServer: Sendable {
    /// How the server behaves.
    public let configuration: Configuration
    /// The requests under way, and the server's way out: `beginStopping` ends `run`.
    public let drain: ServerDrain
    private let connections: ServerConnections
    private let serving: InboundServing
    private let follower: ProtectionFollower?
    private let gate: ServingGate?

    /// Creates a server; `run` makes it listen.
    /// - Parameters:
    ///   - configuration: How the server behaves.
    ///   - stack: What the mesh does before and after the handler; `nil` serves without it.
    ///   - drain: The server's way out; `nil` for the stack's, or one of its own.
    ///   - peerIdentity: Asks a request's channel who is on the other side (`WorkloadIdentity.provenIdentity(of:)` of
    ///     `MeshIdentity`). Called on the channel's event loop for each request; whoever it calls nobody has proved
    ///     nothing. `nil` takes the names of the certificate that the connection's TLS has verified.
    ///   - handler: Answers a request. What it throws becomes a 500, or the `localReply` of a `MeshError`.
    ///     Callers that speak gRPC get a status of theirs, in a head without a body, for every answer of the mesh's.
    public convenience init(
        _ configuration: Configuration = Configuration(),
        stack: InboundStack? = nil,
        drain: ServerDrain? = nil,
        peerIdentity: (@Sendable (any Channel) async -> String?)? = nil,
        handler: @escaping @Sendable (InboundRequest) async throws -> InboundResponse
    ) {
        self.init(
            configuration,
            stack: stack,
            drain: drain,
            peerIdentity: peerIdentity,
            responder: .response(handler)
        )
    }

    /// Creates a server whose handler writes responses itself, while requests still come in.
    /// - Parameters:
    ///   - gate: Says whether new connections are taken now; `nil` takes them all.
    ///   - serve: Answers a call; returns how that ended.
    package convenience init(
        _ configuration: Configuration,
        stack: InboundStack?,
        drain: ServerDrain?,
        peerIdentity: (@Sendable (any Channel) async -> String?)?,
        gate: ServingGate?,
        serve: @escaping @Sendable (InboundCall) async -> InboundEnding
    ) {
        self.init(
            configuration,
            stack: stack,
            drain: drain,
            peerIdentity: peerIdentity,
            responder: .call(serve),
            gate: gate
        )
    }

    private init(
        _ configuration: Configuration,
        stack: InboundStack?,
        drain: ServerDrain?,
        peerIdentity: (@Sendable (any Channel) async -> String?)?,
        responder: InboundResponder,
        gate: ServingGate? = nil
    ) {
        self.configuration = configuration
        self.drain = stack?.drain ?? drain ?? ServerDrain()
        let connections = ServerConnections(maximum: configuration.maximumConnections)
        let serving = InboundServing(
            configuration: configuration,
            drain: self.drain,
            stack: stack,
            peerIdentity: peerIdentity,
            responder: responder
        )
        self.connections = connections
        self.gate = gate
        gate?.open(for: connections)
        self.serving = serving
        self.follower = stack.map { ProtectionFollower($0, serving.protection, connections) }
    }

    /// How many connections are open.
    public var openConnections: Int { connections.count }

    /// Serves until `drain` stops it or the task is cancelled.
    ///
    /// Stopped, it closes the port, finishes the requests under way within `Configuration.gracePeriod`, and returns.
    /// Cancelled, it closes everything at once. It can be run once.
    /// - Parameter onListening: Is told where the server listens, once it does.
    /// - Throws: `CancellationError`; the system's error if the address cannot be bound.
    public func run(onListening: @Sendable (EndpointAddress) -> Void = { _ in }) async throws {
        let listener = try await listen()
        do {
            try Task.checkCancellation()
            onListening(Self.address(of: listener, configuration.address))
            try await drain.untilStopping()
        } catch {
            await end(listener, within: .zero)
            throw error
        }
        await end(listener, within: configuration.gracePeriod)
    }

    private func end(_ listener: any Channel, within grace: Nanoseconds) async {
        // It may have closed already, which is as good.
        try? await listener.close().get()
        connections.quiesce()
        let limit = listener.eventLoop.scheduleTask(in: grace.timeAmount) { [connections] in connections.closeAll() }
        await connections.untilEmpty()
        limit.cancel()
    }

    private func listen() async throws -> any Channel {
        let (connections, serving, gate) = (connections, serving, gate)
        let bootstrap = ServerBootstrap(group: configuration.eventLoopGroup)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                // Out of descriptors, the loop would else spin on a connection that it cannot take.
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
                }
            }
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                guard gate?.isOpen ?? true, connections.admit(channel) else { return channel.close() }
                return channel.eventLoop.makeCompletedFuture {
                    try ServerPipeline(serving, connections, channel).open()
                }
            }
        guard let port = configuration.address.port else {
            return try await bootstrap.bind(unixDomainSocketPath: configuration.address.host).get()
        }
        return
            try await bootstrap
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .bind(host: configuration.address.host, port: Int(port)).get()
    }

    private static func address(of listener: any Channel, _ asked: EndpointAddress) -> EndpointAddress {
        guard let local = listener.localAddress, let port = local.port.flatMap({ UInt16(exactly: $0) }) else {
            return asked
        }
        return EndpointAddress(host: local.ipAddress ?? asked.host, port: port)
    }
}
