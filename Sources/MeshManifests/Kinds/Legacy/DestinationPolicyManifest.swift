// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore

/// DestinationPolicy of Istio's first API.
struct DestinationPolicyManifest: ManifestKind {
    static let kind = "DestinationPolicy"
    static let apiVersions = ["config.istio.io/v1alpha2"]
    static let successor: String? = "DestinationRule of networking.istio.io/v1"

    private let policy: DestinationPolicy

    init?(_ fields: inout FieldReader, metadata: ManifestMetadata) {
        let policy = fields.requiredMapping("spec") { fields -> DestinationPolicy? in
            let source = fields.mapping("source") { $0.legacySource(metadata.namespace) }
            let destination = fields.requiredMapping("destination") { $0.legacyService(metadata.namespace) }
            let balancing = fields.mapping("loadBalancing") { $0.legacyBalancing() }
            var policy = TrafficPolicy(loadBalancer: balancing.map { .init(balancing: $0) })
            _ = fields.mapping("circuitBreaker") { fields in
                fields.mapping("simpleCb") { $0.legacyBreaker(&policy) }
            }
            fields.ignore("custom")
            guard let destination else { return nil }
            return DestinationPolicy(
                metadata: metadata,
                source: source ?? SourceCondition(),
                destination: destination.host,
                labels: destination.labels,
                policy: policy
            )
        }
        guard let policy else { return nil }
        self.policy = policy
    }

    func contribute(to model: inout ManifestModel) {
        model.destinationPolicies.append(policy)
    }
}

extension FieldReader {
    fileprivate mutating func legacyBalancing() -> TrafficPolicy.Balancing? {
        ignore("custom")
        let balancing: [String: TrafficPolicy.Balancing] = [
            "ROUND_ROBIN": .roundRobin, "LEAST_CONN": .leastRequest, "RANDOM": .random,
        ]
        return choice("name", balancing)?.value
    }

    /// A `SimpleCircuitBreakerPolicy`: Envoy's limits and its outlier detection in one.
    fileprivate mutating func legacyBreaker(_ policy: inout TrafficPolicy) -> Bool? {
        let bounds = 1...Int(Int32.max)
        var pool = TrafficPolicy.ConnectionPool()
        pool.maximumConnections = integer("maxConnections", in: bounds).map { UInt32($0.value) }
        pool.maximumPendingRequests = integer("httpMaxPendingRequests", in: bounds).map { UInt32($0.value) }
        pool.maximumRequests = integer("httpMaxRequests", in: bounds).map { UInt32($0.value) }
        if pool != TrafficPolicy.ConnectionPool() { policy.connectionPool = pool }
        // Rates were not looked at by such policies.
        var detection = OutlierDetection(successRate: nil, failurePercentage: nil)
        let errors = integer("httpConsecutiveErrors", in: bounds)
        let interval = duration("httpDetectionInterval")
        let sleep = duration("sleepWindow")
        let percent = integer("httpMaxEjectionPercent", in: 0...100)
        if let errors { detection.consecutiveFailures = .init(UInt32(errors.value)) }
        if let interval { detection.interval = interval.value }
        if let sleep {
            detection.baseEjectionTime = sleep.value
            detection.maximumEjectionTime = max(detection.maximumEjectionTime, sleep.value)
        }
        if let percent { detection.maximumEjectionPercent = UInt32(percent.value) }
        if errors != nil || interval != nil || sleep != nil || percent != nil { policy.outlierDetection = detection }
        ignore("httpMaxRequestsPerConnection", "httpMaxRetries")
        return true
    }
}
