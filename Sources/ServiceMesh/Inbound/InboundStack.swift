// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
public import MeshCore
import MeshResilience
public import MeshSecurity

/// What happens to a request before and after an application's handler serves it.
///
/// Server adapters ask `healthReply`, call `begin`, then `admit`, run the handler inside `handling`, and `end` when the
/// response's body has been written. The order is health → trace and record → load shedding → identity →
/// route → who may pass (`InboundSecurityChain`) → shedding by criticality → fault → rate limit → filters → limits under way → expired requests →
/// handler;
/// the route says what of it applies, and may answer itself. They cancel the handler when the context's deadline passes
/// and when the caller leaves, and ask connections to close while the server drains.
public struct InboundStack: Sendable {
    /// How the server behaves, apart from what the mesh's configuration says.
    public let configuration: InboundConfiguration
    /// The requests under way, and the server's way out.
    public let drain: ServerDrain
    let mesh: Mesh
    let address: EndpointAddress

    /// Creates the stack of a server.
    /// - Parameters:
    ///   - mesh: The mesh whose configuration decides.
    ///   - address: Where the server listens; the inbound listener of that address applies.
    ///   - configuration: How the server behaves, apart from what the mesh's configuration says.
    ///   - drain: Shared with whoever ends the server.
    public init(
        mesh: Mesh,
        address: EndpointAddress,
        configuration: InboundConfiguration = InboundConfiguration(),
        drain: ServerDrain = ServerDrain()
    ) {
        self.mesh = mesh
        self.address = address
        self.configuration = configuration
        self.drain = drain
    }

    /// What proxies tell of callers' certificates by, and anybody may write.
    private static let forwardedCertificate: HeaderName = "x-forwarded-client-cert"

    /// Whether the mesh is switched off, so that the adapter should call the handler and nothing else.
    public var isDisabled: Bool { mesh.isDisabled }

    /// The clock that everything waits and measures by.
    package var clock: any MeshClock { mesh.clock }

    /// Why the service takes no requests; `nil` if it does.
    var reasonNotReady: String? {
        if drain.isDraining { return "draining" }
        if mesh.hasSources, !mesh.isDisabled, mesh.snapshot == nil { return "the mesh has no configuration yet" }
        return configuration.isReady() ? nil : "not ready"
    }

    /// A request has come in: counts it, opens its record, takes its trace and deadline from its headers.
    ///
    /// `end` has to follow, exactly once.
    /// - Parameter isRPC: Whether it is a call of gRPC, which observers tell by gRPC's names. Default `false`.
    public func begin(_ request: some RequestHead, isRPC: Bool = false) -> CallContext {
        drain.requestStarted()
        let now = mesh.clock.now
        let parent = TraceContext(headersOf: request)
        var context = CallContext(now: now, trace: (parent ?? .none).child(random: mesh.random))
        context.attempt = 1
        context.isRPC = isRPC
        if let timeout = TimeoutHeaders.read(request) { context.deadline = Deadline(timeout, after: now) }
        context.snapshot = mesh.loadSnapshot()
        if !mesh.observers.isEmpty {
            context.requestLine = RequestLine(request)
            // The observer sees the caller's span as the parent, and may replace the trace by its own.
            var observed = context
            observed.trace = parent ?? context.trace
            mesh.observers.requestStarted(request, direction: .inbound, context: &observed)
            context.observation = observed.observation
            if observed.trace != (parent ?? context.trace) { context.trace = observed.trace }
        }
        return context
    }

    /// Decides whether the request may reach the handler, and holds it back where a fault says so.
    ///
    /// For servers that know nothing of the connection but the identity that the peer proved.
    /// - Throws: `MeshError` whose `localReply` the adapter answers with; `CancellationError`.
    public func admit<Request: RequestHead>(
        _ request: inout Request,
        peerIdentity: String?,
        context: inout CallContext
    ) async throws {
        try await admit(&request, peer: AuthorizationPeer(identity: peerIdentity), context: &context)
    }

    /// Decides whether the request may reach the handler, and holds it back where a fault says so.
    ///
    /// While a mesh with sources has no configuration yet, nothing is admitted: the answer is a 503. The route is found
    /// first, as it may say who may pass; a caller who may not pass is not told whether there is one.
    /// - Parameters:
    ///   - request: The request as the handler is to see it: tokens that are not passed on leave it, headers that filters
    ///     write come into it, and what the caller wrote in those is gone. Adapters hand on this head and no other.
    ///   - peer: What is known of the connection that the request came by.
    /// - Throws: `MeshError` whose `localReply` the adapter answers with; `CancellationError`.
    public func admit<Request: RequestHead>(
        _ request: inout Request,
        peer: AuthorizationPeer,
        context: inout CallContext
    ) async throws {
        try shedLoad()
        if !configuration.keepsForwardedCertificates, request.value(of: Self.forwardedCertificate) != nil {
            request.removeValues(of: Self.forwardedCertificate)
        }
        guard let listener = listener(context) else {
            // Nobody knows yet who may do what, so nobody may do anything.
            guard mesh.hasSources, context.runtimeSnapshot?.source == nil else { return }
            throw MeshError(
                .notReady,
                origin: .local,
                message: "the mesh has no configuration yet",
                localReply: LocalReply(status: 503, body: "the mesh has no configuration yet")
            )
        }
        if listener.requiresIdentity, peer.certificate == nil {
            noticed(PeerRefusal(role: .client, reason: .noCertificate, message: "\(listener.listener.name) is strict"))
            throw MeshError(
                refusing: request,
                message: "the listener is strict: the peer has to prove its identity by mutual TLS",
                policy: nil
            )
        }
        let names = listener.listener.peerNames
        if !names.isEmpty, let certificate = peer.certificate, !certificate.hasName(of: names) {
            let who = certificate.uriNames.first ?? certificate.subject
            noticed(PeerRefusal(role: .client, reason: .notAccepted, message: "\(who) has none of the accepted names"))
            throw MeshError(
                refusing: request,
                message: "the peer's certificate has none of the accepted names",
                policy: nil
            )
        }
        if listener.needsRandom { context.random = mesh.random.next() }
        let found = listener.route(of: request, random: context.random)
        let security = found?.security ?? listener.security
        if !security.isEmpty {
            var peer = peer
            peer.destinationPort = peer.destinationPort ?? address.port
            peer.remote = listener.listener.forwardedFor.client(of: request, connection: peer.source)
            try await security.admit(&request, peer: peer, context: &context, listener: listener.listener.name, mesh)
        }
        guard let route = found else {
            // Envoy's answer, whose body is empty.
            throw MeshError(
                .noRoute,
                origin: .local,
                message: "no route of \(listener.listener.name) matches \(request.method) \(request.path)",
                localReply: LocalReply(status: 404)
            )
        }
        if let policies = route.policies {
            // Held until the end, which must find them whatever is configured then.
            context.route = policies
            try policies.shed(request, context: &context)
        }
        try await route.fault?.inject(into: request, &context)
        if let limiter = route.rateLimiter {
            if limiter.waits {
                try await limiter.acquireWaiting(until: context.deadline)
            } else {
                try limiter.acquire()
            }
        }
        try await route.filters?.admit(request, &context, mesh)
        try await route.policies?.enter(request, context: &context)
        guard let reply = route.reply else { return }
        var answer = MeshError(
            .directResponse,
            origin: .local,
            message: "the route answers by itself",
            localReply: reply
        )
        answer.route = route.name
        throw answer
    }

    /// Runs the handler so that outbound calls inherit the request's trace and deadline.
    public func handling<Result>(
        _ context: CallContext,
        peerIdentity: String?,
        peerCertificate: PeerCertificate? = nil,
        _ body: () async throws -> Result
    ) async throws -> Result {
        let inbound = InboundContext(
            trace: context.trace,
            deadline: context.deadline,
            peerIdentity: peerIdentity,
            peerCertificate: peerCertificate
        )
        return try await InboundContext.$current.withValue(inbound) {
            try await mesh.observers.whileHandling(context, body)
        }
    }

    /// The response has been written, or the request has failed: closes its record.
    /// - Parameters:
    ///   - status: HTTP's status that the caller got.
    ///   - rpcStatus: gRPC's status, 0 to 16, where the request was an RPC: policies judge by it then.
    ///   - messageBytes: The bytes of an RPC's messages, without their prefixes.
    public func end(
        _ context: CallContext,
        status: Int,
        rpcStatus: Int? = nil,
        messageBytes: (request: UInt64, response: UInt64) = (0, 0),
        peerIdentity: String?,
        error: (any Error)?
    ) {
        defer { drain.requestEnded() }
        context.inboundPolicies?.ended(context, status: status, rpcStatus: rpcStatus, error: error)
        guard !mesh.observers.isEmpty, let line = context.requestLine else { return }
        var record = RequestRecord(
            direction: .inbound,
            method: line.method,
            authority: line.authority,
            path: line.path,
            status: status,
            flags: context.responseFlags(error),
            duration: mesh.clock.now.elapsed(since: context.startedAt),
            route: listener(context)?.listener.name,
            endpoint: address,
            peerIdentity: peerIdentity,
            // An answer that the configuration asks for is no failure.
            error: error.flatMap { ($0 as? MeshError)?.code == .directResponse ? nil : $0 }
        )
        var context = context
        if let rpcStatus {
            record.rpcStatus = rpcStatus
            (record.requestMessageBytes, record.responseMessageBytes) = messageBytes
            context.rpcStatus = Int16(clamping: rpcStatus)
            (context.receivedMessageBytes, context.sentMessageBytes) = messageBytes
        }
        mesh.observers.requestFinished(record, context: context)
    }

    /// How long a request may still take; `nil` if nobody set a limit, or none is enforced.
    public func timeLeft(_ context: CallContext) -> Nanoseconds? {
        guard configuration.enforcesCallerDeadline, !context.deadline.isNever else { return nil }
        return context.deadline.remaining(at: mesh.clock.now)
    }

    /// The error of a request whose caller's deadline has passed before its handler was done.
    public static var deadlineExceeded: MeshError {
        MeshError(
            .deadlineExceeded,
            origin: .local,
            message: "the caller's deadline passed before the handler was done",
            localReply: LocalReply(status: 504, body: "deadline exceeded")
        )
    }

    /// Refuses a request while too many are under way.
    ///
    /// Refused requests count, too, but only until their answer is written: a flood makes a server refuse a little
    /// early, and never late.
    private func shedLoad() throws {
        guard let limit = configuration.maximumConcurrentRequests, drain.requestsUnderWay > limit else { return }
        throw MeshError(
            .overflow,
            origin: .local,
            message: "more than \(limit) requests are under way",
            // Envoy's header: callers' retry policies tell local overload from an upstream's failure by it.
            localReply: LocalReply(status: 503, body: "overloaded", headers: [.init("x-envoy-overloaded", "true")])
        )
    }

    func listener(_ context: CallContext) -> InboundRuntime? {
        context.runtimeSnapshot?.inbound[address]
    }
}

extension CallContext {
    /// What protects the handler of an inbound request.
    fileprivate var inboundPolicies: InboundPolicies? {
        // An inbound request's context has no other route, and only `admit` writes the field.
        route.map { unsafeDowncast($0, to: InboundPolicies.self) }
    }

    /// The configuration that the request is decided by.
    fileprivate var runtimeSnapshot: RuntimeSnapshot? {
        // Only this module writes the field, and always a `RuntimeSnapshot`.
        snapshot.map { unsafeDowncast($0, to: RuntimeSnapshot.self) }
    }
}
