// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The faults that one call gets.
public struct FaultDecision: Hashable, Sendable {
    /// How long it is held back.
    public var delay: Nanoseconds?
    /// What it is aborted with.
    public var abort: FaultConfiguration.Abort?
    /// How many bytes of the response's body a second are handed out; zero for as many as come.
    public var responseBytesPerSecond: UInt64 = 0
    /// The answer of the abort, in the form that the request's caller understands; `nil` for the plain one.
    var reply: LocalReply?

    /// No fault.
    @inlinable
    public init() {}

    /// Whether the call is left alone.
    @inlinable
    public var isEmpty: Bool { delay == nil && abort == nil && responseBytesPerSecond == 0 }

    /// Draws the faults of a request: for the response's rate, the delay and the abort, independently, as Envoy does.
    public init(_ configuration: FaultConfiguration, for request: some RequestHead, using random: MeshRandom) {
        self.init()
        guard configuration.concerns(request) else { return }
        let wishes = configuration.asksRequests ? FaultWishes(request) : FaultWishes()
        let drawn = FaultShares(of: configuration, cutTo: wishes).drawn(using: random)
        self.init(drawn, of: configuration, wishes, using: random)
        adapt(to: request)
    }

    /// Puts the answer of an abort into the form that the request's caller understands.
    @usableFromInline
    mutating func adapt(to request: some RequestHead) {
        guard let abort else { return }
        let plain = LocalReply(status: abort.status, body: abort.text)
        reply = plain.adapted(to: request, grpcStatus: abort.grpcStatus)
    }

    /// The faults that chance gave a call, as the configuration has them and, where it says so, the request.
    init(
        _ drawn: FaultShares.Drawn,
        of configuration: FaultConfiguration,
        _ wishes: FaultWishes,
        using random: MeshRandom
    ) {
        if drawn.contains(.responseRate), let rate = configuration.responseRate {
            limitRate(rate.isByHeader ? wishes.rate : rate.kibibytesPerSecond)
        }
        if drawn.contains(.delay), let delay = configuration.delay {
            let duration = delay.isByHeader ? wishes.delay.map { .milliseconds($0) } : delay.drawn(using: random)
            // Nobody is delayed by nothing.
            self.delay = duration == .zero ? nil : duration
        }
        if drawn.contains(.abort), let abort = configuration.abort {
            self.abort = abort.isByHeader ? abort.asked(for: wishes) : abort
        }
    }

    private mutating func limitRate(_ kibibytesPerSecond: UInt64?) {
        let (bytes, overflow) = (kibibytesPerSecond ?? 0).multipliedReportingOverflow(by: 1_024)
        responseBytesPerSecond = overflow ? .max : bytes
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
        if responseBytesPerSecond > 0 {
            tellSlowed(observers, name: name)
            context.responseBytesPerSecond = responseBytesPerSecond
        }
        try await holdBack(&context, clock: clock, observers: observers, name: name)
        guard let abort else { return }
        tellAborted(observers, name: name)
        throw abort.error(reply)
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

    func tellSlowed(_ observers: ObserverSet, name: String, isEnforced: Bool = true) {
        Self.tell(observers, name, .delayed, kind: "response_rate", isEnforced)
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
        observers.policyActed(.fault, name: name, action, because: .chance, isEnforced: isEnforced)
        if isEnforced { observers.noticed(.faultInjected(route: name, kind: kind)) }
    }
}

extension FaultConfiguration.Abort {
    /// The abort that a request asks for; `nil` if it asks for none that there is.
    fileprivate func asked(for wishes: FaultWishes) -> FaultConfiguration.Abort? {
        var abort = self
        if let status = wishes.status, (200..<600).contains(status) {
            abort.status = Int(status)
            return abort
        }
        guard let status = wishes.grpcStatus else { return nil }
        abort.grpcStatus = Int(clamping: status)
        return abort
    }

    /// What the caller gets.
    func error(_ adapted: LocalReply? = nil) -> MeshError {
        MeshError(
            .faultInjected,
            origin: .local,
            message: "the request was aborted by fault injection",
            reason: .chance,
            localReply: adapted ?? reply
        )
    }

    fileprivate var text: String { body ?? "fault filter abort" }

    /// The answer where nobody knows who asks.
    var reply: LocalReply {
        guard let grpcStatus else { return LocalReply(status: status, body: text) }
        // A response of trailers only, as gRPC calls it: the status stands in the head, and there is no body.
        return LocalReply(
            status: 200,
            headers: [
                LocalReply.Header("content-type", "application/grpc"),
                LocalReply.Header("grpc-status", "\(grpcStatus)"),
                LocalReply.Header("grpc-message", LocalReply.percentEncoded(text)),
            ]
        )
    }
}

extension FaultConfiguration {
    /// Whether its conditions hold for a request; that on the cluster is asked where the cluster is known.
    @usableFromInline
    func concerns(_ request: some RequestHead) -> Bool {
        if !downstreamNodes.isEmpty {
            guard let node = request.value(of: "x-envoy-downstream-service-node"), downstreamNodes.contains(node) else {
                return false
            }
        }
        return headers.allSatisfy { $0.matches(request) }
    }
}
