// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
public import MeshCore
import MeshResilience
import Synchronization

// What `AttemptLayer` does before and after an attempt. Here and not in the layer: its generic methods would not be
// specialised, and look up at run time where their own fields are.
extension Mesh {
    /// An attempt begins: counts it for the cluster's limit, picks its endpoint, opens its span.
    /// - Throws: `MeshError`, with the place where it happened.
    @usableFromInline
    func beginAttempt(_ context: inout CallContext) throws {
        let now = context.instant(by: clock)
        // Time passes while the transport works.
        context.freshInstant = nil
        context.attemptStartedAt = now
        context.requestState = .notSent
        context.clusterMember = 0
        context.rpcStatus = -1
        if context.attempt == 0 { context.attempt = 1 }
        if context.route != nil {
            do throws(MeshError) {
                // Lent by the context, which keeps its route to the end.
                guard let cluster = context.lentCluster else { throw unknownCluster(context) }
                try pick(in: cluster.takeUnretainedValue(), now, context.isHighPriority, &context)
            } catch {
                // An error of this attempt must not name the endpoint of the one before.
                context.endpoint = nil
                throw located(error, context)
            }
        }
        // Each attempt is a span of its own, whose parent is the request's.
        context.trace.beginChild(random: random)
        if isObserved {
            observers.attemptStarted(&context, cluster: context.attemptedCluster ?? "passthrough")
        }
    }

    private func unknownCluster(_ context: CallContext) -> MeshError {
        var error = MeshError(
            .clusterNotFound,
            origin: .local,
            message: "the configuration has no cluster \(context.selection?.clusterName ?? "")"
        )
        // Where the route says which, the caller of a proxy would see it.
        if let status = context.selection?.missingClusterStatus, status != error.code.httpStatus {
            error.localReply = LocalReply(status: status)
        }
        return error
    }

    @inline(__always)
    private func pick(
        in cluster: ClusterRuntime,
        _ now: MeshInstant,
        _ isHighPriority: Bool,
        _ context: inout CallContext
    ) throws(MeshError) {
        guard cluster.isPlain else { return try pickElaborately(in: cluster, now, isHighPriority, &context) }
        let exceeded = cluster.beginRequest(isHighPriority: isHighPriority)
        do throws(MeshError) {
            if let limit = exceeded { throw cluster.overflow(limit, isHighPriority) }
            let frequency = context.priorityUpdateFrequency
            if frequency > 0 { cluster.picker.advance(&context.priorityHistory, every: frequency, at: now) }
            let endpoint = try cluster.pick(at: now, context: &context, mesh: self)
            if frequency > 0 { context.priorityHistory.attempted(endpoint.priority) }
            take(endpoint, of: cluster, &context)
        } catch {
            cluster.endRequest(isHighPriority: isHighPriority)
            throw error
        }
    }

    /// The attempt goes to an endpoint.
    @inline(__always)
    func take(_ endpoint: EndpointState, of cluster: ClusterRuntime, _ context: inout CallContext) {
        if context.endpointsInUse != nil { context.noteEndpoint(endpoint.endpoint.address) }
        endpoint.activeRequests.wrappingAdd(1, ordering: .relaxed)
        endpoint.loadStatistics?.attemptBegan()
        context.observesAnswer = cluster.observesAnswers || endpoint.checker != nil
        context.observesLoad = cluster.observesLoad
        context.endpoint = endpoint.endpoint
        context.pick = endpoint
    }

    /// The head of an attempt's response has come, and the cluster's balancer or its health check wants to know.
    /// - Parameter refusesMore: Whether it says that no more requests should come.
    @usableFromInline
    @inline(never)
    func noteAnswer(_ context: inout CallContext, _ retryAfter: String?, refusesMore: Bool) {
        if refusesMore, let pick = context.pick {
            // Only this module writes the field, and always an `EndpointState`.
            let endpoint = unsafeDowncast(pick, to: EndpointState.self)
            context.lentCluster?._withUnsafeGuaranteedRef { refusedTraffic(at: endpoint, of: $0) }
        }
        let outcome =
            context.isRPC && context.rpcStatus >= 0
            ? configuration.classifier.outcome(rpcStatus: Int(context.rpcStatus))
            : configuration.classifier.outcome(status: context.responseStatus)
        let wait = retryAfter.flatMap { UInt64($0) }.map { Nanoseconds.seconds($0) }
        note(outcome, retryAfter: wait, isConnected: true, &context)
    }

    /// Tells the cluster's balancer how long the current attempt took.
    @inline(never)
    private func note(
        _ outcome: Outcome,
        retryAfter: Nanoseconds?,
        isConnected: Bool,
        _ context: inout CallContext
    ) {
        context.observesAnswer = false
        guard let pick = context.pick else { return }
        let isWanted = context.lentCluster?._withUnsafeGuaranteedRef { $0.observesAnswers } ?? false
        guard isWanted else { return }
        // Only this module writes the field, and always an `EndpointState`.
        let endpoint = unsafeDowncast(pick, to: EndpointState.self)
        let now = clock.now
        let answer = AttemptAnswer(
            latency: now.elapsed(since: context.attemptStartedAt),
            outcome: outcome,
            retryAfter: retryAfter,
            now: now,
            isConnected: isConnected
        )
        context.lentCluster?._withUnsafeGuaranteedRef { cluster in
            cluster.cluster.loadBalancing.policy.answered(answer, by: endpoint)
        }
    }

    /// The exchange of an attempt has ended, after its response's head had come.
    @usableFromInline
    func endAttempt(_ context: inout CallContext, _ ending: ExchangeEnding) {
        switch ending {
        // Nearly always; what asks the context for more copies it.
        case .completed, .discarded: endAttempt(&context, status: context.responseStatus, error: nil)
        default: endAttempt(&context, status: context.responseStatus, error: ending.failure(of: context))
        }
    }

    /// An attempt has failed before its response's head came.
    /// - Returns: The error, with the place where it happened.
    @usableFromInline
    func failAttempt(_ context: inout CallContext, _ error: any Error) -> any Error {
        endAttempt(&context, status: 0, error: error)
        return located(error, context)
    }

    private func endAttempt(_ context: inout CallContext, status: Int, error: (any Error)?) {
        let outcome = context.isRPC ? rpcOutcome(context, error) : self.outcome(status: status, error: error)
        if context.observesAnswer {
            let failure = error as? MeshError
            note(outcome, retryAfter: failure?.retryAfter, isConnected: failure?.isOfConnecting != true, &context)
        }
        // Read once, and not at all where nobody asks for the time.
        var ended: MeshInstant?
        if let pick = context.pick.take() {
            // Only this module writes the field, and always an `EndpointState`.
            let endpoint = unsafeDowncast(pick, to: EndpointState.self)
            endpoint.activeRequests.wrappingSubtract(1, ordering: .relaxed)
            endpoint.loadStatistics?.attemptEnded(outcome)
            let isHighPriority = context.isHighPriority
            // Lent by the context, which keeps its route to the end.
            context.lentCluster?._withUnsafeGuaranteedRef { cluster in
                cluster.endRequest(isHighPriority: isHighPriority)
                if outcome != .success || cluster.breakers != nil {
                    let now = clock.now
                    ended = now
                    let ending = CircuitBreakerStateMachine.Ending(
                        outcome,
                        isOverload: error == nil && status == 429 && cluster.recognizesOverload,
                        duration: now.elapsed(since: context.attemptStartedAt)
                    )
                    let told = context.isRPC ? LocalReply.httpStatus(ofGRPC: Int(context.rpcStatus)) : status
                    let result = AttemptResult(outcome, status: told, error: error)
                    cluster.attemptEnded(ending, result, at: endpoint, permit: context.circuitBreakerPermit, now: now)
                } else {
                    cluster.live.outlierDetector?.attemptSucceeded(at: endpoint)
                }
            }
        }
        if isObserved { record(context, status, outcome, error, endedAt: ended ?? clock.now) }
    }

    private func outcome(status: Int, error: (any Error)?) -> Outcome {
        guard let error else { return configuration.classifier.outcome(status: status) }
        return configuration.classifier.outcome(error: error)
    }

    @inline(never)
    private func record(
        _ context: CallContext,
        _ status: Int,
        _ outcome: Outcome,
        _ error: (any Error)?,
        endedAt now: MeshInstant
    ) {
        let record = AttemptRecord(
            cluster: context.attemptedCluster ?? "passthrough",
            endpoint: context.endpoint?.address,
            attempt: context.attempt,
            status: status,
            outcome: outcome,
            duration: now.elapsed(since: context.attemptStartedAt),
            error: error
        )
        observers.attemptFinished(record, context: context)
    }

    /// Fills in where an error happened.
    @usableFromInline
    func located(_ error: any Error, _ context: CallContext) -> any Error {
        guard var error = error as? MeshError else { return error }
        error.route = error.route ?? context.selection?.routeName
        error.cluster = error.cluster ?? context.attemptedCluster
        error.endpoint = error.endpoint ?? context.endpoint?.address
        error.attempt = max(error.attempt, context.attempt)
        return error
    }
}

extension MeshError {
    /// Whether there was no connection to send the request on. A peer that refuses a request unseen has one.
    fileprivate var isOfConnecting: Bool {
        switch code {
        case .connectionFailed, .attemptTimeout, .deadlineExceeded: requestState == .notSent
        default: false
        }
    }
}

extension AttemptResult {
    /// What an attempt says of its endpoint, in the words of Envoy's router: time that ran out counts as 504, and whatever else
    /// came in place of an answer as 503.
    fileprivate init(_ outcome: Outcome, status: Int, error: (any Error)?) {
        switch (outcome, error) {
        case (.success, _): self = .success
        case (.ignored, _): self = .ignored
        case (.failure, nil): self = .failure(status: status)
        case (.failure, let error?):
            let error = error as? MeshError
            let hasRunOut = error?.code == .attemptTimeout || error?.code == .deadlineExceeded
            self = .localOrigin(status: hasRunOut ? 504 : 503, isConnected: error?.requestState != .notSent)
        }
    }
}

extension CallContext {
    /// Whether the selected route's requests count in the limits of high priority.
    fileprivate var isHighPriority: Bool {
        guard let route else { return false }
        // Only this module writes the field, and always a `RouteSelection`.
        return Unmanaged.passUnretained(unsafeDowncast(route, to: RouteSelection.self))
            ._withUnsafeGuaranteedRef { $0.isHighPriority }
    }

    /// After how many attempts the priorities that were tried are avoided; 0 for never.
    var priorityUpdateFrequency: Int {
        guard let route else { return 0 }
        // As above.
        return Unmanaged.passUnretained(unsafeDowncast(route, to: RouteSelection.self))
            ._withUnsafeGuaranteedRef { $0.priorityUpdateFrequency }
    }

    /// The cluster that the attempt goes to, without its reference counted; `nil` if there is none. Before an endpoint is
    /// picked, it is the one that was selected.
    ///
    /// Not after the context's route was replaced.
    var lentCluster: Unmanaged<ClusterRuntime>? {
        guard let route else { return nil }
        let member = Int(clusterMember)
        // Only this module writes the field, and always a `RouteSelection`.
        return Unmanaged.passUnretained(unsafeDowncast(route, to: RouteSelection.self))
            ._withUnsafeGuaranteedRef { selection in
                guard member > 0 else { return selection.cluster.map { .passUnretained($0) } }
                return selection.cluster.map { .passUnretained($0.members[member - 1]) }
            }
    }

    /// The name of the cluster that the attempt goes to, which may be one of those that the selected one is made of.
    fileprivate var attemptedCluster: String? {
        guard clusterMember > 0 else { return selection?.clusterName }
        return selection?.cluster?.members[Int(clusterMember) - 1].cluster.name
    }
}
