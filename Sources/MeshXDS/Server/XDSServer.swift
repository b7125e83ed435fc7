// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
public import MeshCore

/// An xDS server, and Istio's certificate service beside it, on one address.
///
/// Any xDS v3 client may connect: it gets the resources in its own dialect, by the protocol that it speaks, state of
/// the world or incremental.
public final class XDSServer: Sendable {
    private let listener: XDSListener
    private let server: GRPCServer<HTTP2ServerTransport.Custom<XDSListener>>
    private let configuration: Configuration
    private let groups: EncodedGroups

    /// How many resources were encoded since the start: a push encodes what changed, once for all clients of a dialect.
    package var encodingCount: UInt64 { groups.cache.encodingCount }

    /// Creates a server.
    /// - Parameters:
    ///   - address: Where it listens. Port 0 lets the system choose.
    ///   - provider: What it serves.
    ///   - signer: Who signs certificates; without one the service answers that it is not there.
    ///   - status: The clients that operators may ask about, by `envoy.service.status.v3.ClientStatusDiscoveryService` at the
    ///     same address: the provider's own inventory. Default `nil`: that service is not there.
    ///   - statusAccess: Who may ask about them. Default: callers of the same machine.
    ///   - configuration: How much it takes upon itself. Checked by `run`.
    ///   - clock: What it measures time by.
    public convenience init(
        address: EndpointAddress,
        provider: any XDSResourceProvider,
        signer: (any CertificateSigner)? = nil,
        status: ClientInventory? = nil,
        statusAccess: ClientStatusAccess = .sameMachine,
        configuration: Configuration = Configuration(),
        clock: any MeshClock = SystemClock()
    ) {
        var services: [any RegistrableRPCService] = []
        if let signer { services.append(CertificateService(signer: signer)) }
        if let status {
            let answers = InventoryStatus(inventory: status)
            services.append(StatusDiscovery(access: statusAccess) { try answers.answer($0) })
        }
        self.init(address: address, provider: provider, services: services, configuration: configuration, clock: clock)
    }

    /// Creates a server of the secret discovery service, which a proxy asks its agent by.
    convenience init(
        address: EndpointAddress,
        provider: any XDSResourceProvider,
        servesSecretsOnly: Bool,
        clock: any MeshClock
    ) {
        self.init(
            address: address,
            provider: provider,
            services: [],
            servesSecretsOnly: servesSecretsOnly,
            configuration: Configuration(),
            clock: clock
        )
    }

    private init(
        address: EndpointAddress,
        provider: any XDSResourceProvider,
        services others: [any RegistrableRPCService],
        servesSecretsOnly: Bool = false,
        configuration: Configuration,
        clock: any MeshClock
    ) {
        let listener = XDSListener(address: address, maximumConnections: configuration.maximumConnections)
        var settings = HTTP2ServerTransport.Custom<XDSListener>.Config.defaults
        settings.rpc.maxRequestPayloadSize = configuration.maximumRequestBytes
        settings.connection.keepalive.time = configuration.keepaliveInterval.duration
        settings.connection.keepalive.timeout = configuration.keepaliveTimeout.duration
        // Clients have reasons of their own to look whether the server is there; Envoy and gRPC do so when nothing is
        // under way.
        settings.connection.keepalive.clientBehavior.allowWithoutCalls = true
        let transport = HTTP2ServerTransport.Custom(listenerFactory: listener, config: settings)
        let discovery = DiscoveryService(
            provider: provider,
            maximumStreams: configuration.maximumStreams,
            clock: clock
        )
        let main: any RegistrableRPCService = servesSecretsOnly ? SecretDiscovery(discovery: discovery) : discovery
        self.configuration = configuration
        self.groups = discovery.groups
        self.listener = listener
        self.server = GRPCServer(transport: transport, services: [main] + others)
    }

    /// Serves until the task is cancelled; then every stream ends and every connection is closed.
    /// - Throws: `ConfigurationError` if the configuration is out of its bounds; the system's error if it cannot listen.
    public func run() async throws {
        try configuration.validate()
        // A stream that arrives while gRPC's tasks are cancelled is released unfinished, which traps in SwiftNIO. So
        // they are not: this function owns the task, awaits it, and ends it by closing what it serves.
        let serving = Task { [server] in try await server.serve() }
        try await withTaskCancellationHandler {
            try await serving.value
        } onCancel: {
            server.beginGracefulShutdown()
            listener.close()
        }
    }

    /// Where it listens, once it does.
    /// - Throws: `RPCError` if it does not listen, or no longer.
    public var listeningAddress: EndpointAddress {
        get async throws {
            guard let address = await server.transport.listeningAddress else {
                throw RPCError(code: .unavailable, message: "the xDS server does not listen")
            }
            if let ipv4 = address.ipv4 { return EndpointAddress(host: ipv4.host, port: UInt16(clamping: ipv4.port)) }
            if let ipv6 = address.ipv6 { return EndpointAddress(host: ipv6.host, port: UInt16(clamping: ipv6.port)) }
            return EndpointAddress(unixSocketPath: address.unixDomainSocket?.path ?? "")
        }
    }
}
