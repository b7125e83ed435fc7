// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import GRPCCore
public import MeshConfig
public import MeshCore
public import MeshHTTP
import MeshRouting
public import ServiceMesh

/// grpc-swift's calls on the mesh.
///
/// ```swift
/// let transport = try MeshClientTransport(mesh: mesh, transport: http, target: MeshTarget("xds:///greeter"))
/// try await withGRPCClient(transport: transport) { client in … }
/// ```
/// A call is a request on the mesh's HTTP data plane: what routes, balances, limits, protects and observes requests does
/// the same with calls, and its connections carry both. What is other for calls:
///
/// - Its status decides whether an attempt counts as a failure: for outlier detection, breakers, retries, load reports
///   (gRFC A50, A44). `ResponseClassifier` may say otherwise.
/// - An endpoint that cannot be reached is passed over for the next one within the same attempt.
/// - Of a route's times only `max_stream_duration` holds, not `RouteAction.timeout` (gRFC A31).
/// - Retries and hedges are the route's, and made here: `config(forMethod:)` has no execution policy. A call whose own
///   options have one is tried again by grpc-swift, as calls of their own, which the route's retries leave alone.
/// - The call begins when its response is first read, which `GRPCClient` does at once. Whoever uses the transport without
///   it must not wait for the request to be sent before reading.
///
/// Calls may begin before `connect()` runs; a mesh of the transport's own has its configuration from sources only then.
public final class MeshClientTransport: ClientTransport {
    /// What messages are made of.
    public typealias Bytes = RPCBytes

    /// How it behaves.
    public let configuration: Configuration
    /// Whom it calls.
    public let target: MeshTarget
    /// The mesh whose configuration decides.
    public let mesh: Mesh

    /// The connections, if they are the transport's own.
    private let ownConnections: HTTPTransport?
    private let isMeshOwn: Bool
    private let client: MeshHTTPClient
    private let authority: String
    private let coders: MessageCoders
    private let fields: CallFields
    private let budget: ReplayBudget
    private let calls = CallRegister()
    private let tracker = ConnectivityTracker()

    /// None: routes have retry budgets.
    public var retryThrottle: RetryThrottle? { nil }

    /// Creates a transport of a mesh that somebody else runs.
    /// - Parameters:
    ///   - mesh: The mesh whose configuration decides.
    ///   - transport: The connections, which somebody else closes: an `HTTPTransport`, or `EndpointTransports`. It must have
    ///     the mesh's clock.
    ///   - target: Whom it calls: a service of the mesh.
    /// - Throws: `ConfigurationError` for a target that the mesh's configuration does not describe (`dns:`, `static:`).
    public convenience init(
        mesh: Mesh,
        transport: any Transport<OutboundRequest, OutboundResponse>,
        target: MeshTarget,
        configuration: Configuration = Configuration()
    ) throws(ConfigurationError) {
        guard case .service = target.place else {
            throw ConfigurationError(path: "target", "\(target) is not a service of the mesh: it has a mesh of its own")
        }
        self.init(mesh, transport, target, configuration, isMeshOwn: false)
    }

    /// Creates a transport with a mesh of its own, which `connect()` runs.
    ///
    /// Hosts that its configuration does not know are refused, and routes mean what they mean to gRPC's clients
    /// (`RouteSemantics.grpc`).
    /// - Parameters:
    ///   - target: Whom it calls.
    ///   - sources: Where the mesh's configuration comes from: for `xds:` an `XDSConfigSource` that asks for the target. A
    ///     target of `dns:` or `static:` needs none.
    ///   - policies: What calls to such a target meet.
    ///   - transport: The connections; `nil` for ones of its own, which end with `connect()`. An `HTTPTransport` gives the
    ///     mesh its clock; others go by the system's.
    ///   - meshConfiguration: How the mesh behaves otherwise.
    /// - Throws: `ConfigurationError` for an `xds:` target without a source, and for bounds that are broken.
    public convenience init(
        target: MeshTarget,
        sources: [any ConfigSource] = [],
        policies: TargetPolicies = TargetPolicies(),
        transport: (any Transport<OutboundRequest, OutboundResponse>)? = nil,
        configuration: Configuration = Configuration(),
        meshConfiguration: MeshConfiguration = MeshConfiguration()
    ) throws(ConfigurationError) {
        var own = meshConfiguration
        own.outboundTrafficPolicy = .registryOnly
        own.routeSemantics = .grpc
        if let authority = configuration.authority, case .service(let name, _) = target.place {
            own.amend = Self.renaming(name, to: authority, then: meshConfiguration.amend)
        }
        let clock = (transport as? HTTPTransport)?.configuration.clock ?? SystemClock()
        let mesh = try Mesh(own, sources: sources, clock: clock)
        if let resources = policies.resources(for: target, authority: configuration.authority ?? target.authority) {
            try mesh.apply(resources, from: "target")
        } else if sources.isEmpty {
            throw ConfigurationError(path: "sources", "\(target) needs a source that describes it")
        }
        guard let transport else {
            // Whoever hears of calls hears of their connections, too.
            let own = HTTPTransport(.init(observers: ObserverSet(meshConfiguration.observers)))
            self.init(mesh, own, target, configuration, isMeshOwn: true, own)
            return
        }
        self.init(mesh, transport, target, configuration, isMeshOwn: true)
    }

    private init(
        _ mesh: Mesh,
        _ transport: any Transport<OutboundRequest, OutboundResponse>,
        _ target: MeshTarget,
        _ configuration: Configuration,
        isMeshOwn: Bool,
        _ ownConnections: HTTPTransport? = nil
    ) {
        self.mesh = mesh
        self.ownConnections = ownConnections
        self.target = target
        self.configuration = configuration
        self.isMeshOwn = isMeshOwn
        self.client = MeshHTTPClient(mesh: mesh, transport: transport)
        self.authority = configuration.authority ?? target.authority
        self.coders = MessageCoders(configuration.compression)
        self.fields = CallFields(configuration.userAgent, acceptedEncodings: coders.acceptedNames)
        self.budget = ReplayBudget(limit: configuration.replayBytes)
    }

    /// The listener is asked for by the target's name, and its routes by the authority: where `*` means whoever asked for
    /// the listener, these are calls with that authority.
    private static func renaming(
        _ name: String,
        to authority: String,
        then amend: (@Sendable (inout MeshResources) -> Void)?
    ) -> @Sendable (inout MeshResources) -> Void {
        { resources in
            if resources.listeners[name]?.hosts.isEmpty ?? false {
                resources.listeners[name]?.hosts = [authority.lowercased()]
            }
            amend?(&resources)
        }
    }

    /// How many calls are under way.
    public var callCount: Int { calls.count }

    /// What the last call found: whether there are endpoints that can be reached.
    public var connectivity: Connectivity { calls.isClosing ? .shutdown : tracker.current }

    // MARK: ClientTransport

    /// Runs what is the transport's own, until `beginGracefulShutdown()` was called and the last call has ended, or the
    /// task is cancelled, which ends all calls.
    /// - Throws: What a source of its own mesh throws for good; `RPCError` when called twice.
    public func connect() async throws {
        try calls.connected()
        let result: Result<Void, any Error>
        do {
            try await run()
            result = .success(())
        } catch {
            result = .failure(error)
        }
        calls.close()
        if Task.isCancelled { calls.abort() }
        await ownConnections?.shutdown(gracePeriod: Task.isCancelled ? .zero : .seconds(5))
        guard !Task.isCancelled else { return }
        try result.get()
    }

    private func run() async throws {
        // Whether the calls are over; the mesh ends only for a reason that is thrown.
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask { [calls] in
                await calls.waitUntilDrained()
                return true
            }
            if isMeshOwn {
                group.addTask { [mesh] in
                    try await mesh.run()
                    return false
                }
            }
            defer { group.cancelAll() }
            while let isOver = try await group.next(), !isOver {}
        }
    }

    /// Takes no more calls; those under way end by themselves.
    public func beginGracefulShutdown() {
        calls.close()
    }

    /// Makes a call: `closure` writes its request and reads its response, and its return ends the call.
    /// - Throws: `RPCError` with code `failedPrecondition` while the transport closes; what `closure` throws. How a call fails
    ///   is told by its response.
    @concurrent
    public func withStream<Result: Sendable>(
        descriptor: MethodDescriptor,
        options: CallOptions,
        _ closure: @concurrent (RPCStream<Inbound, Outbound>, ClientContext) async throws -> Result
    ) async throws -> Result {
        let call = makeCall(descriptor, options)
        let id = try calls.began(call)
        defer {
            call.end()
            calls.ended(id)
        }
        let stream = RPCStream<Inbound, Outbound>(
            descriptor: descriptor,
            inbound: RPCAsyncSequence(wrapping: RPCResponses(call)),
            outbound: RPCWriter.Closable(wrapping: RequestWriter(call))
        )
        // Where it goes is decided later, and may be decided anew.
        let context = ClientContext(
            descriptor: descriptor,
            remotePeer: "mesh:\(authority)",
            localPeer: "mesh"
        )
        return try await closure(stream, context)
    }

    /// What the configuration says of a method, without an execution policy: that is the route's.
    public func config(forMethod descriptor: MethodDescriptor) -> MethodConfig? {
        guard var config = configuration.methodConfig?(descriptor) else { return nil }
        config.executionPolicy = nil
        return config
    }

    private func makeCall(_ descriptor: MethodDescriptor, _ options: CallOptions) -> RPCCall {
        let deadline = options.timeout.map { Deadline(Nanoseconds($0), after: mesh.clock.now) }
        let coder = coders.forCall(options.compression)
        let settings = CallSettings(
            path: "/\(descriptor.fullyQualifiedMethod)",
            authority: authority,
            fields: fields.sending(coder?.encoding),
            deadline: deadline ?? .never,
            waitsForReady: options.waitForReady ?? configuration.waitsForReady,
            maximumRequestMessageBytes: options.maxRequestMessageBytes ?? configuration.maximumRequestMessageBytes,
            maximumResponseMessageBytes: options.maxResponseMessageBytes ?? configuration.maximumResponseMessageBytes,
            metadataLimits: configuration.metadataLimits,
            coders: coders,
            hasSingleRequest: descriptor.type.map { !$0.isRequestStreaming } ?? false,
            isRetriedByCaller: options.executionPolicy != nil,
            configurationTimeout: Nanoseconds(configuration.configurationTimeout),
            readinessBackoff: configuration.readinessBackoff
        )
        let outgoing = OutgoingMessages(
            maximumMessageBytes: settings.maximumRequestMessageBytes,
            coder: coder,
            replayLimit: configuration.replayBytesPerCall,
            highWatermark: configuration.writeBufferBytes,
            budget: budget
        )
        return RPCCall(settings, on: client.stack, of: mesh, outgoing: outgoing, connectivity: tracker)
    }
}
