// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
public import MeshConfig
public import MeshCore
import SwiftProtobuf
import Synchronization

/// Configuration from a control plane over xDS: one stream for the process, reopened with back-off when it ends.
///
/// While no control plane answers, the last good configuration stays in force.
public final class XDSConfigSource: ConfigSource {
    /// The source's name.
    public let name: String

    private let bootstrap: Bootstrap
    private let clock: any MeshClock
    private let random: MeshRandom
    private let initialBackoff: ReconnectBackoff
    private let machine: Mutex<ADSSessionStateMachine>

    /// Creates a source.
    /// - Parameters:
    ///   - bootstrap: Where the control plane is and who this process is.
    ///   - inboundAddresses: Where this process serves; their inbound listeners are asked for.
    ///   - backoff: How long to wait before the next stream.
    ///   - clock: What waits are measured by.
    ///   - random: What jitter is drawn from.
    public init(
        bootstrap: Bootstrap,
        inboundAddresses: [EndpointAddress] = [],
        backoff: ReconnectBackoff = ReconnectBackoff(),
        clock: any MeshClock = SystemClock(),
        random: MeshRandom = MeshRandom()
    ) {
        self.name = "xds \(bootstrap.servers[0].uri)"
        self.bootstrap = bootstrap
        self.clock = clock
        self.random = random
        self.initialBackoff = backoff
        let inbound = Set(inboundAddresses.map { bootstrap.inboundListenerName($0) })
        self.machine = Mutex(ADSSessionStateMachine(inboundListeners: inbound))
    }

    /// What is known of every resource: for operators, not for requests.
    public var status: [XDSResourceStatus] {
        machine.withLock { $0.subscriptions }.flatMap { kind, subscription in subscription.status(of: kind) }
            .sorted { ($0.kind.rawValue, $0.name) < ($1.kind.rawValue, $1.name) }
    }

    /// Follows the control plane until the task is cancelled.
    public func run(delivering sink: ConfigSink) async throws {
        var backoff = initialBackoff
        var next = 0
        while !Task.isCancelled {
            let server = bootstrap.servers[next % bootstrap.servers.count]
            let hadResponse = Atomic<Bool>(false)
            var reason = "the stream ended"
            do {
                try await follow(server, sink) { hadResponse.store(true, ordering: .relaxed) }
            } catch is CancellationError {
                break
            } catch {
                reason = "\(error)"
            }
            machine.withLock { $0.streamEnded() }
            if Task.isCancelled { break }
            sink.notice(.sourceConnection(source: name, isConnected: false, reason: reason))
            let responded = hadResponse.load(ordering: .relaxed)
            // The next server in the list gets its turn when this one did not answer at all (gRFC A71's order).
            next = responded ? 0 : next + 1
            let wait = backoff.streamEnded(hadResponse: responded, random: random.unitInterval())
            try await clock.sleep(until: clock.now.advanced(by: wait))
        }
        try Task.checkCancellation()
    }

    private func follow(
        _ server: Bootstrap.Server,
        _ sink: ConfigSink,
        onResponse: @escaping @Sendable () -> Void
    ) async throws {
        let transport = try HTTP2ClientTransport.Posix(
            target: server.target,
            transportSecurity: server.credentials == .tls ? .tls : .plaintext
        )
        var options = CallOptions.defaults
        // Our own back-off decides when to try again, and says so; a call that waits by itself would hide it.
        options.waitForReady = false
        options.maxResponseMessageBytes = 64 * 1024 * 1024
        let callOptions = options
        try await withGRPCClient(transport: transport) { client in
            let ads = Envoy_Service_Discovery_V3_AggregatedDiscoveryService.Client(wrapping: client)
            // Requests follow responses one to one or nearly so; the bound is there for a server that misbehaves.
            let (requests, outbox) = AsyncStream.makeStream(
                of: Envoy_Service_Discovery_V3_DiscoveryRequest.self,
                bufferingPolicy: .bufferingOldest(1024)
            )
            var first = StreamOpening(bootstrap: bootstrap)
            for request in machine.withLock({ $0.connected(at: clock.now) }).requests {
                outbox.yield(first.word(request))
            }
            let opening = first
            try await ads.streamAggregatedResources(
                request: StreamingClientRequest { writer in
                    for await request in requests { try await writer.write(request) }
                },
                options: callOptions
            ) { response in
                sink.notice(.sourceConnection(source: self.name, isConnected: true, reason: nil))
                try await self.receive(response.messages, opening, outbox, sink, onResponse)
            }
        }
    }

    private func receive(
        _ messages: RPCAsyncSequence<Envoy_Service_Discovery_V3_DiscoveryResponse, any Error>,
        _ opening: StreamOpening,
        _ outbox: AsyncStream<Envoy_Service_Discovery_V3_DiscoveryRequest>.Continuation,
        _ sink: ConfigSink,
        _ onResponse: @escaping @Sendable () -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { outbox.finish() }
                var opening = opening
                for try await message in messages {
                    onResponse()
                    // A kind that was never asked for is tolerated: there is nothing to say about it.
                    guard let kind = ResourceKind(typeURL: message.typeURL) else { continue }
                    let response = ADSSessionStateMachine.Response(
                        kind: kind,
                        version: message.versionInfo,
                        nonce: message.nonce,
                        resources: message.resources.map { PackedResource($0) }
                    )
                    let action = self.machine.withLock { $0.responseReceived(response, at: self.clock.now) }
                    for request in action.requests {
                        if let refusal = request.refusal {
                            sink.notice(
                                .configurationRejected(
                                    source: self.name,
                                    error: ConfigurationError(path: kind.rawValue, refusal)
                                )
                            )
                        }
                        outbox.yield(opening.word(request))
                    }
                    self.publish(action, sink)
                }
            }
            group.addTask {
                while true {
                    // The timers of names that never came are 15 s long; a second more or less does not matter.
                    try await self.clock.sleep(until: self.clock.now.advanced(by: .seconds(1)))
                    self.publish(self.machine.withLock { $0.timePassed(at: self.clock.now) }, sink)
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func publish(_ action: ADSSessionStateMachine.Action, _ sink: ConfigSink) {
        guard let resources = action.publication else { return }
        do {
            try sink.apply(resources)
        } catch {
            // The sink has told the observers; the last good configuration stays in force.
        }
    }
}

/// Words requests; the first one of a stream says who asks.
struct StreamOpening: Sendable {
    private let bootstrap: Bootstrap
    private var isFirst = true

    init(bootstrap: Bootstrap) {
        self.bootstrap = bootstrap
    }

    mutating func word(_ request: ADSSessionStateMachine.Request) -> Envoy_Service_Discovery_V3_DiscoveryRequest {
        var message = Envoy_Service_Discovery_V3_DiscoveryRequest()
        message.typeURL = request.kind.typeURL
        message.resourceNames = request.names
        message.versionInfo = request.version
        message.responseNonce = request.nonce
        if let refusal = request.refusal {
            // INVALID_ARGUMENT, as gRPC's clients say.
            message.errorDetail.code = 3
            message.errorDetail.message = refusal
        }
        if isFirst {
            message.node = Envoy_Config_Core_V3_Node(bootstrap.node)
            isFirst = false
        }
        return message
    }
}

extension Envoy_Config_Core_V3_Node {
    /// The node of a bootstrap, with what this client can do (gRFC A27).
    fileprivate init(_ node: Bootstrap.Node) {
        self.init()
        id = node.id
        cluster = node.cluster
        locality.region = node.locality.region
        locality.zone = node.locality.zone
        locality.subZone = node.locality.subZone
        metadata = Google_Protobuf_Struct(fields: node.metadata.mapValues(\.proto))
        userAgentName = "swift-service-mesh"
        userAgentVersion = "0.1.0"
        clientFeatures = ["envoy.lb.does_not_support_overprovisioning", "xds.config.resource-in-sotw"]
    }
}

extension Bootstrap.Server {
    /// The server as gRPC's resolvers take it.
    fileprivate var target: any ResolvableTarget {
        var name = uri[...]
        if name.hasPrefix("unix:") { return .unixDomainSocket(path: String(name.dropFirst("unix:".count))) }
        for scheme in ["dns:///", "dns:", "ipv4:"] where name.hasPrefix(scheme) { name = name.dropFirst(scheme.count) }
        let defaultPort: UInt16 = credentials == .tls ? 443 : 80
        guard let address = EndpointAddress(authority: String(name), defaultPort: defaultPort) else {
            return .dns(host: String(name), port: Int(defaultPort))
        }
        return address.resolvableTarget
    }
}
