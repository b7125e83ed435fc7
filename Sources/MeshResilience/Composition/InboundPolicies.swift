// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshCore

/// What a server protects itself with on one route. A server has no transport that layers could stand around, so that the
/// request's context says what is held between its beginning and its end.
package final class InboundPolicies: Sendable {
    package let loadShedder: LoadShedder?
    package let admissionControl: AdmissionControl?
    package let keyedRateLimit: HeaderRateLimiter?
    package let adaptiveLimit: AdaptiveLimit?
    package let bulkhead: Bulkhead?
    package let expiredRequests: ExpiredRequestFilter?

    package init(
        loadShedder: LoadShedder?,
        admissionControl: AdmissionControl?,
        keyedRateLimit: HeaderRateLimiter?,
        adaptiveLimit: AdaptiveLimit?,
        bulkhead: Bulkhead?,
        expiredRequests: ExpiredRequestFilter?
    ) {
        self.loadShedder = loadShedder
        self.admissionControl = admissionControl
        self.keyedRateLimit = keyedRateLimit
        self.adaptiveLimit = adaptiveLimit
        self.bulkhead = bulkhead
        self.expiredRequests = expiredRequests
    }

    /// Refuses a request that is less important than those that pass, or by the share of those that fail; before anything
    /// is spent on it.
    package func shed(_ request: some RequestHead, context: inout CallContext) throws {
        try shedUnimportant(request, context: &context)
        guard let admissionControl else { return }
        try admissionControl.admit()
        context.heldPermits.insert(.admissionControl)
    }

    private func shedUnimportant(_ request: some RequestHead, context: inout CallContext) throws {
        guard let loadShedder, loadShedder.configuration.mode != .disabled else { return }
        let header = request.value(of: loadShedder.configuration.criticalityHeader)
        let isCounted = try loadShedder.enter(
            header.flatMap { Criticality(headerValue: $0) },
            user: loadShedder.user(of: request),
            at: loadShedder.now
        )
        if isCounted { context.heldPermits.insert(.loadShedding) }
    }

    /// Waits for a place under the limits, and refuses what nobody waits for any more when it has one.
    package func enter(_ request: some RequestHead, context: inout CallContext) async throws {
        try await keyedRateLimit?.acquire(for: request, until: context.deadline)
        if let adaptiveLimit {
            let partition = adaptiveLimit.partition(of: request)
            if let admission = try await adaptiveLimit.enter(partition: partition, deadline: context.deadline) {
                context.heldPermits.insert(.adaptiveLimit)
                context.inFlightAtStart = admission.stamp
                context.attemptStartedAt = admission.startedAt
            }
        }
        if let bulkhead, try await bulkhead.enter(deadline: context.deadline) { context.heldPermits.insert(.bulkhead) }
        // Last, after whatever makes requests wait: one that has just come in has its whole time before it.
        try expiredRequests?.admit(deadline: context.deadline)
    }

    /// The response was written, or the request has failed: gives back what its context holds. Called once.
    /// - Parameter rpcStatus: gRPC's status, where the request was an RPC: it decides in place of HTTP's.
    package func ended(_ context: CallContext, status: Int, rpcStatus: Int? = nil, error: (any Error)?) {
        let answered = status
        let status = rpcStatus.map(Self.httpStatus(ofRPC:)) ?? status
        if context.heldPermits.contains(.bulkhead) { bulkhead?.leave() }
        if context.heldPermits.contains(.adaptiveLimit) {
            let admission = AdaptiveLimit.Admission(startedAt: context.attemptStartedAt, stamp: context.inFlightAtStart)
            // What this process refused or its caller gave up says nothing about how much it can do.
            let ending = error == nil ? LimitEnding(status: status) : .ignored
            adaptiveLimit?.leave(admission, ending)
        }
        if context.heldPermits.contains(.admissionControl), let admissionControl {
            let criteria = admissionControl.configuration.criteria
            let outcome =
                error.map(criteria.outcome(error:)) ?? criteria.outcome(status: answered, grpcStatus: rpcStatus)
            admissionControl.report(outcome)
        }
        if context.heldPermits.contains(.loadShedding) {
            loadShedder?.leave(startedAt: context.startedAt, isServed: error == nil && status < 500)
        }
    }

    /// The status of HTTP that says of a server what a status of gRPC says.
    private static func httpStatus(ofRPC status: Int) -> Int {
        switch status {
        case 0: 200
        case 4: 504
        case 8: 429
        case 14: 503
        case 2, 13, 15: 500
        // The caller's doing.
        default: 400
        }
    }
}
