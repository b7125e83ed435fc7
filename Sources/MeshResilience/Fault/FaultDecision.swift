// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The faults that one call gets.
public struct FaultDecision: Hashable, Sendable {
    /// How long it is held back.
    public var delay: Nanoseconds?
    /// What it is aborted with.
    public var abort: FaultConfiguration.Abort?

    /// No fault.
    @inlinable
    public init() {}

    /// Whether the call is left alone.
    @inlinable
    public var isEmpty: Bool { delay == nil && abort == nil }

    /// Draws the faults of a request: first for the delay, then for the abort, independently, as Envoy does.
    @inlinable
    public init(_ configuration: FaultConfiguration, for request: some RequestHead, using random: MeshRandom) {
        guard configuration.headers.allSatisfy({ $0.matches(request) }) else {
            self.init()
            return
        }
        self.init(drawnFrom: configuration, using: random)
    }

    /// Draws the faults of a call for which the conditions hold.
    @usableFromInline
    init(drawnFrom configuration: FaultConfiguration, using random: MeshRandom) {
        if let delay = configuration.delay, delay.percentage.contains(random.next()) {
            self.delay = delay.drawn(using: random)
        }
        if let abort = configuration.abort, abort.percentage.contains(random.next()) { self.abort = abort }
    }

    /// Holds the request back, then aborts it, as decided, and tells observers of each.
    /// - Parameters:
    ///   - context: The request's; its deadline goes on running.
    ///   - clock: What the delay is measured by.
    ///   - observers: Who is told: of the policy's decision, and of the injected fault.
    ///   - name: What the fault stands on, for observers.
    /// - Throws: `MeshError` with code `faultInjected` for an abort, or `deadlineExceeded` when the caller's deadline
    ///   passes during the delay; `CancellationError`.
    public func take(
        _ context: inout CallContext,
        clock: any MeshClock,
        observers: ObserverSet = .none,
        name: String = ""
    ) async throws {
        try await holdBack(&context, clock: clock, observers: observers, name: name)
        guard let abort else { return }
        tellAborted(observers, name: name)
        throw abort.error
    }

    /// Holds the request back as decided.
    func holdBack(
        _ context: inout CallContext,
        clock: any MeshClock,
        observers: ObserverSet,
        name: String
    ) async throws {
        guard let delay else { return }
        tellDelayed(observers, name: name)
        context.isDelayInjected = true
        let end = clock.now.advanced(by: delay)
        // The caller's deadline goes on running while its request is held back.
        try await clock.sleep(until: min(end, context.deadline.instant))
        guard context.deadline.instant < end else { return }
        throw MeshError(
            .deadlineExceeded,
            origin: .local,
            message: "the deadline passed during an injected delay of \(delay.duration)",
            reason: .deadline
        )
    }

    func tellDelayed(_ observers: ObserverSet, name: String, isEnforced: Bool = true) {
        Self.tell(observers, name, .delayed, kind: "delay", isEnforced)
    }

    func tellAborted(_ observers: ObserverSet, name: String, isEnforced: Bool = true) {
        Self.tell(observers, name, .aborted, kind: "abort", isEnforced)
    }

    /// The one place that says so, so that the decision and the event about the fault never differ; a dry run injects
    /// none.
    private static func tell(
        _ observers: ObserverSet,
        _ name: String,
        _ action: PolicyDecision.Action,
        kind: String,
        _ isEnforced: Bool
    ) {
        guard !observers.isEmpty else { return }
        let decision = PolicyDecision(.fault, name: name, action, because: .chance, isEnforced: isEnforced)
        observers.noticed(.policyActed(decision))
        if isEnforced { observers.noticed(.faultInjected(route: name, kind: kind)) }
    }
}

extension FaultConfiguration.Abort {
    /// What the caller gets.
    var error: MeshError {
        MeshError(
            .faultInjected,
            origin: .local,
            message: "the request was aborted by fault injection",
            reason: .chance,
            localReply: reply
        )
    }

    private var reply: LocalReply {
        guard let grpcStatus else { return LocalReply(status: status, body: "fault filter abort") }
        // A response of trailers only, as gRPC calls it: the status stands in the head, and there is no body.
        return LocalReply(
            status: 200,
            headers: [
                LocalReply.Header("content-type", "application/grpc"),
                LocalReply.Header("grpc-status", "\(grpcStatus)"),
                LocalReply.Header("grpc-message", "fault filter abort"),
            ]
        )
    }
}
