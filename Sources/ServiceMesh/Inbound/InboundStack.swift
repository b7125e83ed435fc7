// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
public import MeshCore
import MeshResilience
import MeshSecurity

/// What happens to a request before and after an application's handler serves it.
///
/// Server adapters call `begin`, then `admit`, run the handler inside `handling`, and `end` when the response's body has
/// been written. The order is trace and record → identity and authorization → fault → rate limit → handler.
public struct InboundStack: Sendable {
    private let mesh: Mesh
    private let address: EndpointAddress

    /// Creates the stack of a server.
    /// - Parameters:
    ///   - mesh: The mesh whose configuration decides.
    ///   - address: Where the server listens; the inbound listener of that address applies.
    public init(mesh: Mesh, address: EndpointAddress) {
        self.mesh = mesh
        self.address = address
    }

    /// Whether the mesh is switched off, so that the adapter should call the handler and nothing else.
    public var isDisabled: Bool { mesh.isDisabled }

    /// A request has come in: opens its record, takes its trace and deadline from its headers.
    public func begin(_ request: some RequestHead) -> CallContext {
        let now = mesh.clock.now
        let parent = TraceContext(headersOf: request)
        var context = CallContext(now: now, trace: (parent ?? .none).child(random: mesh.random))
        context.attempt = 1
        if let budget = request.value(of: "x-envoy-expected-rq-timeout-ms").flatMap({ UInt64($0) }), budget > 0 {
            context.deadline = Deadline(.milliseconds(min(budget, 86_400_000)), after: now)
        }
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
    /// While a mesh with sources has no configuration yet, nothing is admitted: the answer is a 503.
    /// - Throws: `MeshError` whose `localReply` the adapter answers with; `CancellationError`.
    public func admit(_ request: some RequestHead, peerIdentity: String?, context: inout CallContext) async throws {
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
        if listener.requiresIdentity, peerIdentity == nil {
            throw refusal("the listener is strict: the peer has to prove its identity by mutual TLS")
        }
        let peer = AuthorizationPeer(identity: peerIdentity, destinationPort: address.port)
        if case .denied(let policy, let message) = listener.engine.verdict(for: request, peer: peer) {
            throw refusal(message, policy: policy)
        }
        if let fault = listener.fault {
            try await FaultDecision(fault, for: request, using: mesh.random).take(&context, clock: mesh.clock)
        }
        try listener.rateLimiter?.acquire()
    }

    /// Runs the handler so that outbound calls inherit the request's trace and deadline.
    public func handling<Result>(
        _ context: CallContext,
        peerIdentity: String?,
        _ body: () async throws -> Result
    ) async throws -> Result {
        let inbound = InboundContext(trace: context.trace, deadline: context.deadline, peerIdentity: peerIdentity)
        return try await InboundContext.$current.withValue(inbound) {
            try await mesh.observers.whileHandling(context, body)
        }
    }

    /// The response has been written, or the request has failed: closes its record.
    public func end(_ context: CallContext, status: Int, peerIdentity: String?, error: (any Error)?) {
        guard !mesh.observers.isEmpty, let line = context.requestLine else { return }
        let record = RequestRecord(
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
            error: error
        )
        mesh.observers.requestFinished(record, context: context)
    }

    private func listener(_ context: CallContext) -> InboundRuntime? {
        context.runtimeSnapshot?.inbound[address]
    }

    private func refusal(_ message: String, policy: String? = nil) -> MeshError {
        var error = MeshError(
            .unauthorized,
            origin: .downstream,
            message: policy.map { "\(message) (policy \($0))" } ?? message,
            localReply: LocalReply(status: 403, body: message)
        )
        error.route = policy
        return error
    }
}

extension CallContext {
    /// The configuration that the request is decided by.
    fileprivate var runtimeSnapshot: RuntimeSnapshot? {
        // Only this module writes the field, and always a `RuntimeSnapshot`.
        snapshot.map { unsafeDowncast($0, to: RuntimeSnapshot.self) }
    }
}
