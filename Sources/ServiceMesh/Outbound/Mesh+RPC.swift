// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
public import MeshCore

// What is other for gRPC calls than for plain requests.
extension Mesh {
    /// The most endpoints that one attempt passes over because they cannot be reached. Each may cost a connection timeout.
    private static let mostPassedOver = 10

    /// The head of a call's response has come: has the call failed with it (`Trailers-Only`, or no gRPC at all)?
    @usableFromInline
    @inline(never)
    func noteRPCHead(_ context: inout CallContext, _ told: String?) {
        if let told {
            context.rpcStatus = Int(told).flatMap { (0...16).contains($0) ? Int16($0) : nil } ?? 2
        } else if context.responseStatus != 200 {
            context.rpcStatus = Int16(LocalReply.grpcStatus(ofHTTP: context.responseStatus))
        }
    }

    /// How an attempt of a call counts.
    ///
    /// One without a status was let go by its reader, who knows no more of it than we do.
    @inline(never)
    func rpcOutcome(_ context: borrowing CallContext, _ error: (any Error)?) -> Outcome {
        if let error { return configuration.classifier.outcome(error: error) }
        guard context.rpcStatus >= 0 else { return .ignored }
        return configuration.classifier.outcome(rpcStatus: Int(context.rpcStatus))
    }

    /// Whether a call whose attempt has failed goes to another endpoint at once, as the same attempt. If so, the endpoint is
    /// avoided from now on.
    /// - Parameter passed: How many endpoints were passed over, this one included.
    @usableFromInline
    @inline(never)
    func mayGoElsewhere(_ error: any Error, _ context: inout CallContext, passed: Int) -> Bool {
        guard let error = error as? MeshError, error.requestState == .notSent, passed <= Self.mostPassedOver,
            error.code == .connectionFailed || error.code == .connectionClosed,
            let address = context.endpoint?.address, !Task.isCancelled, !context.headDeadline.hasPassed(at: clock.now)
        else { return false }
        if !context.attemptedEndpoints.contains(address) { context.attemptedEndpoints.append(address) }
        let tried = context.attemptedEndpoints
        guard let cluster = context.lentCluster else { return false }
        let priority: Int? = cluster._withUnsafeGuaranteedRef { cluster in
            let priority = cluster.endpoints.first { $0.endpoint.address == address }?.priority ?? 0
            let isExhausted = cluster.endpoints.allSatisfy {
                $0.priority != priority || tried.contains($0.endpoint.address)
            }
            return isExhausted ? priority : nil
        }
        guard let priority, let selected = context.selection?.cluster else { return priority == nil }
        // None of a priority can be reached, which is what makes gRPC's clients go on to the next one (gRFC A56, A37).
        let now = clock.now
        if let aggregate = selected.aggregate {
            context.priorityHistory.attempted(Int(context.aggregatePriority))
            aggregate.advance(&context.priorityHistory, every: 1, at: now)
        } else {
            context.priorityHistory.attempted(priority)
            selected.picker.advance(&context.priorityHistory, every: 1, at: now)
        }
        // Where no other is left, everything was forgotten.
        return context.priorityHistory.avoided != 0
    }
}
