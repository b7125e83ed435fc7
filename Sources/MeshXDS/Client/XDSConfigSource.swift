// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
public import MeshConfig
public import MeshCore
import Synchronization

/// Configuration from a control plane over xDS: one stream for the process, reopened with back-off when it ends.
///
/// While no control plane answers, the last good configuration stays in force.
public final class XDSConfigSource: ConfigSource {
    /// The source's name.
    public let name: String

    /// The largest response that is accepted, in bytes: 64 MiB, some 100 000 endpoints.
    static let maximumResponseBytes = 64 * 1024 * 1024

    private let bootstrap: Bootstrap
    private let clock: any MeshClock
    private let random: MeshRandom
    private let initialBackoff: ReconnectBackoff
    private let session: ADSSession

    /// Creates a source.
    /// - Parameters:
    ///   - bootstrap: Where the control plane is and who this process is.
    ///   - inboundAddresses: Where this process serves; their inbound listeners are asked for.
    ///   - backoff: How long to wait before the next stream.
    ///   - registry: The load-balancing policies and HTTP filters that resources may name.
    ///   - clock: What waits are measured by.
    ///   - random: What jitter is drawn from.
    public init(
        bootstrap: Bootstrap,
        inboundAddresses: [EndpointAddress] = [],
        backoff: ReconnectBackoff = ReconnectBackoff(),
        registry: ExtensionRegistry = .standard,
        clock: any MeshClock = SystemClock(),
        random: MeshRandom = MeshRandom()
    ) {
        self.name = "xds \(bootstrap.servers[0].uri)"
        self.bootstrap = bootstrap
        self.clock = clock
        self.random = random
        self.initialBackoff = backoff
        self.session = ADSSession(
            ADSSessionStateMachine(
                inboundListeners: Set(inboundAddresses.map { bootstrap.inboundListenerName($0) }),
                decoder: ResourceDecoder(registry: registry)
            ),
            source: name,
            clock: clock
        )
    }

    /// What is known of every resource: for operators, not for requests.
    public var status: [XDSResourceStatus] { session.status }

    /// Follows the control plane until the task is cancelled.
    public func run(delivering sink: ConfigSink) async throws {
        var backoff = initialBackoff
        var next = 0
        while !Task.isCancelled {
            let server = bootstrap.servers[next % bootstrap.servers.count]
            var reason = "the control plane ended the stream"
            do {
                try await follow(server, sink)
            } catch is CancellationError {
                break
            } catch {
                reason = "\(error)"
            }
            let responded = session.streamEnded()
            if Task.isCancelled { break }
            sink.notice(.sourceConnection(source: name, isConnected: false, reason: reason))
            // The next server in the list gets its turn when this one did not answer at all (gRFC A71's order).
            next = responded ? 0 : next + 1
            let wait = backoff.streamEnded(hadResponse: responded, random: random.unitInterval())
            try await clock.sleep(until: clock.now.advanced(by: wait))
        }
        try Task.checkCancellation()
    }

    private func follow(_ server: Bootstrap.Server, _ sink: ConfigSink) async throws {
        var config = HTTP2ClientTransport.Posix.Config.defaults
        // A control plane that vanished without a word is found out; gRPC's xDS channels ping every 5 minutes.
        config.connection.keepalive = .init(time: .seconds(300), timeout: .seconds(20), allowWithoutCalls: false)
        let transport = try HTTP2ClientTransport.Posix(
            target: server.target,
            transportSecurity: server.credentials == .tls ? .tls : .plaintext,
            config: config
        )
        var options = CallOptions.defaults
        // Our own back-off decides when to try again, and says so; a call that waits by itself would hide it.
        options.waitForReady = false
        options.maxResponseMessageBytes = Self.maximumResponseBytes
        // grpc-swift-nio-transport 2.9 bounds what a client receives by this one.
        options.maxRequestMessageBytes = Self.maximumResponseBytes
        let callOptions = options
        let outbox = ADSOutbox()
        try await withGRPCClient(transport: transport) { client in
            let ads = Envoy_Service_Discovery_V3_AggregatedDiscoveryService.Client(wrapping: client)
            try await ads.streamAggregatedResources(
                request: StreamingClientRequest { writer in
                    // Only now is there a stream: what is waited for is waited for from here on.
                    await self.session.connected(outbox, sink)
                    var opening = StreamOpening(node: self.bootstrap.node)
                    while let requests = await outbox.next() {
                        for request in requests { try await writer.write(opening.word(request)) }
                    }
                },
                options: callOptions
            ) { response in
                defer { outbox.finish() }
                try await self.receive(try response.accepted.get().bodyParts, outbox, sink)
            }
        }
    }

    private func receive(
        _ parts: RPCAsyncSequence<
            StreamingClientResponse<Envoy_Service_Discovery_V3_DiscoveryResponse>.Contents.BodyPart, any Error
        >,
        _ outbox: ADSOutbox,
        _ sink: ConfigSink
    ) async throws {
        sink.notice(.sourceConnection(source: name, isConnected: true, reason: nil))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.session.keepTime(outbox, sink) }
            defer { group.cancelAll() }
            for try await case .message(let message) in parts {
                await session.responseReceived(message, outbox, sink)
            }
        }
    }
}

extension Bootstrap.Server {
    /// The server as gRPC's resolvers take it.
    fileprivate var target: any ResolvableTarget {
        var name = uri[...]
        for scheme in ["unix://", "unix:"] where name.hasPrefix(scheme) {
            return .unixDomainSocket(path: String(name.dropFirst(scheme.count)))
        }
        for scheme in ["dns:///", "dns:", "ipv4:", "ipv6:"] where name.hasPrefix(scheme) {
            name = name.dropFirst(scheme.count)
            break
        }
        let defaultPort: UInt16 = credentials == .tls ? 443 : 80
        guard let address = EndpointAddress(authority: String(name), defaultPort: defaultPort) else {
            return .dns(host: String(name), port: Int(defaultPort))
        }
        return address.resolvableTarget
    }
}
