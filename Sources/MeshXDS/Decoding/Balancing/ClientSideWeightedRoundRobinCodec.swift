// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import SwiftProtobuf

/// Client-side weighted round robin (`envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3`,
/// gRFC A58).
struct ClientSideWeightedRoundRobinCodec: LoadBalancingCodec {
    private typealias Policy = ClientSideWeightedRoundRobin
    private typealias Message =
        Envoy_Extensions_LoadBalancingPolicies_ClientSideWeightedRoundRobin_V3_ClientSideWeightedRoundRobin
    private static let read = ReadFields(
        Message.self,
        "enable_oob_load_report",
        "oob_reporting_period",
        "blackout_period",
        "weight_expiration_period",
        "weight_update_period",
        "error_utilization_penalty",
        "metric_names_for_computing_utilization",
        "slow_start_config"
    )

    var typeName: String { Message.protoMessageName }

    func decode(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        depth: Int,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing? {
        guard let message = context.unpack(message, as: Message.self, at: path) else { return nil }
        context.ignoreOthers(in: message, at: path, read: Self.read)
        var policy = Policy()
        guard Self.readReporting(of: message, into: &policy, at: path, &context),
            Self.readPeriods(of: message, into: &policy, at: path, &context)
        else { return nil }
        if message.hasErrorUtilizationPenalty {
            let penalty = Double(message.errorUtilizationPenalty.value)
            guard penalty >= 0, penalty.isFinite else {
                context.reject(path["error_utilization_penalty"], "must be a number of at least 0, is \(penalty)")
                return nil
            }
            policy.errorUtilizationPenalty = penalty
        }
        policy.utilizationMetrics = Self.metrics(
            message.metricNamesForComputingUtilization,
            at: path["metric_names_for_computing_utilization"],
            &context
        )
        if message.hasSlowStartConfig {
            policy.slowStart = SlowStart(message.slowStartConfig, at: path["slow_start_config"], &context)
        }
        return Cluster.LoadBalancing(policy)
    }

    /// - Returns: Whether the period of reports apart from responses is a duration. It is without effect where there are
    ///   none.
    private static func readReporting(
        of message: Message,
        into policy: inout Policy,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Bool {
        let path = path["oob_reporting_period"]
        var period = Policy.standardReportingPeriod
        if message.hasOobReportingPeriod {
            guard let stated = Nanoseconds(message.oobReportingPeriod, at: path, &context) else { return false }
            period = stated
        }
        guard message.enableOobLoadReport.value else { return true }
        if period < Policy.leastReportingPeriod {
            context.ignore(path, "is \(period.duration); \(Policy.leastReportingPeriod.duration) is used")
            period = Policy.leastReportingPeriod
        }
        policy.outOfBandReportingPeriod = period
        return true
    }

    /// - Returns: Whether they are durations; an update period below gRPC's bound is that.
    private static func readPeriods(
        of message: Message,
        into policy: inout Policy,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Bool {
        func read(_ name: String, _ span: Google_Protobuf_Duration, _ isSet: Bool, _ period: inout Nanoseconds) -> Bool
        {
            guard isSet else { return true }
            guard let span = Nanoseconds(span, at: path[name], &context) else { return false }
            period = span
            return true
        }
        let areDurations = [
            read("blackout_period", message.blackoutPeriod, message.hasBlackoutPeriod, &policy.blackoutPeriod),
            read(
                "weight_expiration_period",
                message.weightExpirationPeriod,
                message.hasWeightExpirationPeriod,
                &policy.weightExpirationPeriod
            ),
            read(
                "weight_update_period",
                message.weightUpdatePeriod,
                message.hasWeightUpdatePeriod,
                &policy.weightUpdatePeriod
            ),
        ]
        if policy.weightUpdatePeriod < Policy.leastUpdatePeriod {
            context.ignore(
                path["weight_update_period"],
                "is \(policy.weightUpdatePeriod.duration); \(Policy.leastUpdatePeriod.duration) is used"
            )
            policy.weightUpdatePeriod = Policy.leastUpdatePeriod
        }
        return areDurations.allSatisfy(\.self)
    }

    private static func metrics(
        _ names: [String],
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> [String] {
        let named = names.filter { !$0.isEmpty }
        if named.count < names.count { context.ignore(path, "names nothing in some of its places") }
        if named.count > Policy.mostUtilizationMetrics {
            context.ignore(path, "are \(named.count); the first \(Policy.mostUtilizationMetrics) are used")
        }
        return Array(named.prefix(Policy.mostUtilizationMetrics))
    }

    func encode(_ policy: any LoadBalancingPolicy) throws -> Google_Protobuf_Any? {
        guard let policy = policy as? Policy else { return nil }
        var message = Message()
        if let period = policy.outOfBandReportingPeriod {
            message.enableOobLoadReport = Google_Protobuf_BoolValue(true)
            message.oobReportingPeriod = Google_Protobuf_Duration(period)
        }
        message.blackoutPeriod = Google_Protobuf_Duration(policy.blackoutPeriod)
        message.weightExpirationPeriod = Google_Protobuf_Duration(policy.weightExpirationPeriod)
        message.weightUpdatePeriod = Google_Protobuf_Duration(policy.weightUpdatePeriod)
        // Said in any case: Envoy takes 0 where nothing is said, whatever its documentation says.
        message.errorUtilizationPenalty = Google_Protobuf_FloatValue(Float(policy.errorUtilizationPenalty))
        message.metricNamesForComputingUtilization = policy.utilizationMetrics
        if let slowStart = policy.slowStart { message.slowStartConfig = .init(slowStart) }
        return try Google_Protobuf_Any(packing: message)
    }

    /// Weights of localities count where a policy around this one says so (gRFC A52).
    func set(_ localities: LocalityBalancing, in message: inout Google_Protobuf_Any) throws {
        guard localities == .weighted else { return }
        var places = Envoy_Extensions_LoadBalancingPolicies_WrrLocality_V3_WrrLocality()
        places.endpointPickingPolicy = Envoy_Config_Cluster_V3_LoadBalancingPolicy(name: Policy().name, message)
        message = try Google_Protobuf_Any(packing: places)
    }

    func offer(_ policy: any LoadBalancingPolicy, to dialect: Dialect) -> LoadBalancingOffer? {
        guard var policy = policy as? Policy else { return nil }
        var reasons: [String] = []
        if dialect == .grpc, policy.slowStart != nil {
            reasons.append("gRPC clients know no slow start; it is not sent")
            policy.slowStart = nil
        }
        return LoadBalancingOffer(balancing: Cluster.LoadBalancing(policy), reasons: reasons)
    }
}
