// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import SwiftProtobuf

extension HedgingConfiguration {
    private static let read = ReadFields(Envoy_Config_Route_V3_HedgePolicy.self, "hedge_on_per_try_timeout")
    /// The conditions of `retry_on` that name a gRPC status.
    private static let grpcConditions: [(code: Int, condition: RetryConditions)] = [
        (1, .grpcCancelled), (4, .grpcDeadlineExceeded), (8, .grpcResourceExhausted), (13, .grpcInternal),
        (14, .grpcUnavailable),
    ]

    /// Decodes `hedge_on_per_try_timeout`: an attempt that outlives its `per_try_timeout` goes on, and the next one begins
    /// beside it.
    ///
    /// Retries and hedges are then one thing in Envoy: `num_retries` bounds both. So the hedges take the retry policy's
    /// place, and a failed attempt is followed by the next without a back-off.
    /// - Parameters:
    ///   - retry: The route's retries; `nil` afterwards if the hedges took their place.
    ///   - isReplaySaid: Whether the route says which requests may be sent twice; Envoy sends all.
    /// - Returns: `nil` if nothing is hedged.
    init?(
        _ message: Envoy_Config_Route_V3_HedgePolicy,
        replacing retry: inout RetryPolicy?,
        isReplaySaid: Bool,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        guard message.hedgeOnPerTryTimeout else { return nil }
        let path = path["hedge_on_per_try_timeout"]
        guard let policy = retry, let limit = policy.perTryTimeout, policy.maximumAttempts > 1,
            !policy.conditions.isEmpty
        else {
            context.ignore(path, "needs a retry_policy with retry_on, retries and a per_try_timeout")
            return nil
        }
        guard limit <= .seconds(3600) else {
            context.ignore(path, "the per_try_timeout is longer than 1 h")
            return nil
        }
        retry = nil
        let conditions = policy.conditions
        let hedgesFailures = conditions != .retriableStatusCodes || !policy.retriableStatusCodes.isEmpty
        if policy.replay != .always, !isReplaySaid {
            context.ignore(path, "requests that are not idempotent are neither hedged nor retried")
        }
        if hedgesFailures, conditions.isDisjoint(with: [.serverError, .gatewayError, .reset]) {
            context.ignore(path, "all failures without an answer are followed, not only those that retry_on names")
        }
        self.init(
            maximumAttempts: min(policy.maximumAttempts, 100),
            delay: .fixed(limit),
            hedgesFailures: hedgesFailures,
            ownBudget: nil,
            nonFatalStatusCodes: Self.statusCodes(conditions, policy.retriableStatusCodes),
            nonFatalGRPCStatusCodes: Self.grpcConditions.filter { conditions.contains($0.condition) }.map(\.code),
            hedgesNonIdempotent: policy.replay == .always
        )
    }

    /// The statuses that conditions name; `nil` for all from 500, which is what `5xx` alone means.
    private static func statusCodes(_ conditions: RetryConditions, _ retriable: [Int]) -> [Int]? {
        var codes: Set<Int> = []
        if conditions.contains(.gatewayError) { codes.formUnion([502, 503, 504]) }
        if conditions.contains(.retriableClientError) { codes.insert(409) }
        if conditions.contains(.retriableStatusCodes) { codes.formUnion(retriable) }
        guard conditions.contains(.serverError) else { return codes.sorted() }
        codes = codes.filter { $0 < 500 }
        return codes.isEmpty ? nil : codes.sorted() + Array(500...599)
    }

    /// The retry policy that says the same in Envoy's words; `nil` if there is none.
    var retryPolicy: RetryPolicy? {
        guard case .fixed(let delay) = delay, delay > .zero, maximumAttempts > 1 else { return nil }
        var policy = RetryPolicy(
            maximumAttempts: maximumAttempts,
            conditions: [],
            perTryTimeout: delay,
            replay: hedgesNonIdempotent ? .always : .harmless,
            avoidsPreviousEndpoints: true
        )
        guard hedgesFailures else {
            // Envoy does nothing without a condition; this one names no failure.
            policy.conditions = .retriableStatusCodes
            return policy
        }
        if let codes = nonFatalStatusCodes {
            policy.retriableStatusCodes = codes
            policy.conditions.insert(.reset)
            if !codes.isEmpty { policy.conditions.insert(.retriableStatusCodes) }
        } else {
            policy.conditions.insert(.serverError)
        }
        for (code, condition) in Self.grpcConditions where nonFatalGRPCStatusCodes.contains(code) {
            policy.conditions.insert(condition)
        }
        return policy
    }
}
