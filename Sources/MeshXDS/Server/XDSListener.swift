// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCNIOTransportHTTP2
import MeshCore
import NIOCore
import NIOPosix
import Synchronization

/// Accepts the server's connections, holds them, and closes them.
///
/// gRPC's own listener hands an accepted connection to a queue. What the queue does not take because the server stops
/// at that moment is released unfinished, which traps in SwiftNIO ("Deinited NIOAsyncWriter without calling finish()").
/// Here a connection is held until it is closed, so that stopping at any moment is safe.
final class XDSListener: HTTP2ServerTransport.ListenerFactory {
    private typealias Connection = HTTP2ServerTransport.ConnectionConfigurator.ConnectionChannel

    private struct State {
        var connections: [ObjectIdentifier: any Channel] = [:]
        var isClosed = false
    }

    /// How many connections may be open at once; what comes above is closed at once.
    private let maximumConnections: Int

    let eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton

    private let address: EndpointAddress
    private let security: XDSServerSecurity?
    private let state = Mutex(State())

    init(address: EndpointAddress, maximumConnections: Int, security: XDSServerSecurity? = nil) {
        self.address = address
        self.security = security
        self.maximumConnections = maximumConnections
    }

    func makeListeningChannel(
        listenerConfigurator: HTTP2ServerTransport.ListenerConfigurator,
        connectionConfigurator: HTTP2ServerTransport.ConnectionConfigurator
    ) async throws -> NIOAsyncChannel<HTTP2ServerTransport.ConnectionConfigurator.ConnectionChannel, Never> {
        let bootstrap = ServerBootstrap(group: eventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { listenerConfigurator.configure(channel: $0) }
        let configure: @Sendable (any Channel) -> EventLoopFuture<Connection> = { channel in
            guard self.admit(channel) else {
                return channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
            }
            let configured: EventLoopFuture<Connection>
            if let security = self.security {
                configured = channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(security.makeHandler())
                }
                .flatMap { connectionConfigurator.configure(channel: channel, tls: .configured(requireALPN: true)) }
            } else {
                configured = connectionConfigurator.configure(channel: channel, tls: .none)
            }
            return configured.always { result in
                guard case .success(let connection) = result else { return }
                channel.closeFuture.whenComplete { _ in withExtendedLifetime(connection) {} }
            }
        }
        guard let port = address.port else {
            return try await bootstrap.bind(
                unixDomainSocketPath: address.host,
                cleanupExistingSocketFile: true,
                childChannelInitializer: configure
            )
        }
        return try await bootstrap.bind(host: address.host, port: Int(port), childChannelInitializer: configure)
    }

    /// Closes every connection, and those that are still to come.
    func close() {
        let connections = state.withLock { state in
            state.isClosed = true
            return state.connections.values.map(\.self)
        }
        for connection in connections { connection.close(promise: nil) }
    }

    /// Who has proved to be at the other end of the connection that gRPC calls so; `nil` if nobody has.
    func peer(named name: String) async -> SigningCaller.Peer? {
        guard let security else { return nil }
        // Looked for among all, because a connection has no address yet when it is accepted; certificates are asked for
        // seldom. More than one of a name is none: nobody is taken for somebody else.
        let connections = state.withLock { Array($0.connections.values) }
        let named = connections.filter { Self.name(of: $0.remoteAddress) == name }
        guard named.count == 1, let connection = named.first else { return nil }
        return await security.peer(connection)
    }

    /// What gRPC calls a peer (`ServerContext.remotePeer`). Callers on Unix sockets have no names that tell them apart.
    private static func name(of address: NIOCore.SocketAddress?) -> String? {
        guard let address, let port = address.port else { return nil }
        switch address {
        case .v4(let address): return "ipv4:\(address.host):\(port)"
        case .v6(let address): return "ipv6:[\(address.host)]:\(port)"
        case .unixDomainSocket: return nil
        }
    }

    /// - Returns: Whether the connection may be.
    private func admit(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let isAdmitted = state.withLock { state in
            guard !state.isClosed, state.connections.count < maximumConnections else { return false }
            state.connections[id] = channel
            return true
        }
        if isAdmitted {
            channel.closeFuture.whenComplete { _ in
                self.state.withLock { $0.connections[id] = nil }
            }
        }
        return isAdmitted
    }
}
