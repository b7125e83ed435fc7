// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting

extension FieldReader {
    /// A `TrafficPolicy` of a DestinationRule.
    mutating func trafficPolicy() -> TrafficPolicy? {
        let budget = mapping("retryBudget") { $0.retryBudget() }
        var policy = trafficPolicyOfPort()
        policy.retryBudget = budget
        for (port, setting) in mappings("portLevelSettings", { $0.portLevelSetting() }) {
            policy.ports[port] = setting
        }
        return policy
    }

    private mutating func portLevelSetting() -> (port: UInt16, policy: TrafficPolicy)? {
        let port = requiredMapping("port") { fields -> Located<Int>? in
            if !fields.has("number") { fields.reportMissing("number") }
            return fields.integer("number", in: 1...65_535)
        }
        let policy = trafficPolicyOfPort()
        return port.map { (UInt16($0.value), policy) }
    }

    private mutating func trafficPolicyOfPort() -> TrafficPolicy {
        let ejects = value("outlierDetection") != nil
        let balancer = mapping("loadBalancer") { $0.loadBalancer(ejects: ejects) }
        let pool = mapping("connectionPool") { $0.connectionPool() }
        let outliers = mapping("outlierDetection") { $0.outlierDetection() }
        let security = mapping("tls") { $0.clientSecurity() }
        ignore("tunnel", "proxyProtocol")
        return TrafficPolicy(
            loadBalancer: balancer?.settings,
            hash: balancer?.hash,
            outlierDetection: outliers?.detection,
            minimumHealthPercent: outliers?.minimumHealthPercent,
            connectionPool: pool,
            security: security
        )
    }

    /// A `RetryBudget`: the percentage is 20 and the least number 3 if they are left out, as in Envoy.
    private mutating func retryBudget() -> ConcurrencyRetryBudgetConfiguration? {
        var budget = ConcurrencyRetryBudgetConfiguration()
        if let percent = number("percent", in: 0...100) { budget.percent = percent.value }
        if let minimum = integer("minRetryConcurrency", in: 0...Int(UInt32.max)) { budget.minimum = minimum.value }
        ignore("budgetInterval", because: "the budget is a part of the requests that are under way")
        return budget
    }

    private struct Outliers {
        var detection: OutlierDetection
        var minimumHealthPercent: UInt32?
    }

    private mutating func outlierDetection() -> Outliers? {
        // Istio switches the rules on rates off (`applyOutlierDetection`).
        var detection = OutlierDetection(
            consecutiveGatewayFailures: nil,
            successRate: nil,
            failurePercentage: nil
        )
        let bounds = 0...Int(UInt32.max)
        let older = integer("consecutiveErrors", in: bounds)
        if older != nil {
            context.report(
                .deprecation,
                .deprecatedField,
                at: keyPosition("consecutiveErrors"),
                "consecutiveErrors is deprecated; its successor is consecutive5xxErrors"
            )
        }
        if let errors = integer("consecutive5xxErrors", in: bounds) ?? older {
            detection.consecutiveFailures = .init(istio: errors.value)
        }
        if let interval = duration("interval") { detection.interval = interval.value }
        if let time = duration("baseEjectionTime") {
            detection.baseEjectionTime = time.value
            detection.maximumEjectionTime = max(detection.maximumEjectionTime, time.value)
        }
        if let percent = integer("maxEjectionPercent", in: 0...100) {
            detection.maximumEjectionPercent = UInt32(percent.value)
        }
        if let errors = integer("consecutiveGatewayErrors", in: bounds) {
            detection.consecutiveGatewayFailures = .init(istio: errors.value)
        }
        detection.splitsLocalOriginFailures = boolean("splitExternalLocalOriginErrors") ?? false
        if let failures = integer("consecutiveLocalOriginFailures", in: bounds) {
            // 0 leaves Envoy's default alone.
            if failures.value > 0 { detection.consecutiveLocalOriginFailures = .init(UInt32(failures.value)) }
            if !detection.splitsLocalOriginFailures {
                context.warning(
                    .noEffect,
                    at: failures.position,
                    "without splitExternalLocalOriginErrors such failures count as any other"
                )
            }
        }
        let health = integer("minHealthPercent", in: 0...100)
        ignore("outlierDetectionHttpErrorCodes", because: "every status from 500 on is a failure")
        return Outliers(detection: detection, minimumHealthPercent: health.map { UInt32($0.value) })
    }

    private mutating func clientSecurity() -> TrafficPolicy.Security? {
        let modes = ["DISABLE", "ISTIO_MUTUAL", "SIMPLE", "MUTUAL"]
        if !has("mode") { reportMissing("mode") }
        let mode = choice("mode", Dictionary(uniqueKeysWithValues: modes.map { ($0, $0) }))
        let identities = texts("subjectAltNames")
        refuse("credentialName", because: "the mesh reads no secrets of Kubernetes")
        refuse("caCrl", because: "revocation lists come with the mesh's own roots, or over xDS")
        let files = clientFiles()
        let skips = boolean("insecureSkipVerify") ?? false
        let serverName = serverName()
        guard let mode else { return nil }
        if mode.value != "SIMPLE", mode.value != "MUTUAL", let file = files.first {
            context.error(.conflictingFields, at: file.position, "the mode \(mode.value) reads no files")
            return nil
        }
        if skips, mode.value != "SIMPLE" {
            let place = keyPosition("insecureSkipVerify")
            context.error(.conflictingFields, at: place, "only with SIMPLE whoever answers may be taken")
            return nil
        }
        switch mode.value {
        case "DISABLE":
            if let serverName {
                context.warning(.noEffect, at: serverName.position, "without TLS no server is named")
            }
            return .plaintext
        case "ISTIO_MUTUAL":
            return .mutualTLS(identities: identities.map(\.value).sorted(), serverName: serverName?.value)
        default:
            var tls = TrafficPolicy.FileTLS(
                roots: files.roots?.value,
                names: identities.map(\.value).sorted(),
                serverName: serverName?.value,
                skipsVerification: skips
            )
            if mode.value == "MUTUAL" {
                guard let certificate = files.certificate, let key = files.key else {
                    context.error(
                        .missingField,
                        at: mode.position,
                        "MUTUAL needs a clientCertificate and its privateKey"
                    )
                    return nil
                }
                tls.certificate = "\(certificate.value)~\(key.value)"
            } else if let file = files.certificate ?? files.key {
                context.error(.conflictingFields, at: file.position, "with SIMPLE the client shows no certificate")
                return nil
            }
            return .tls(tls)
        }
    }

    /// The files that TLS is to be made of. They are read by whoever may read them, and by nobody for the sake of a policy.
    private mutating func clientFiles() -> ClientFiles {
        ClientFiles(
            certificate: text("clientCertificate"),
            key: text("privateKey"),
            roots: text("caCertificates")
        )
    }

    /// The server name indication; none by default, where Istio makes one up for its gateways.
    private mutating func serverName() -> Located<String>? {
        guard let name = text("sni") else { return nil }
        guard Cluster.isServerName(name.value) else {
            context.error(
                .invalidValue,
                at: name.position,
                "the server's name \(name.value) must be a DNS name of at most 255 bytes"
            )
            return nil
        }
        return name
    }
}

extension OutlierDetection.Streak? {
    /// A number of Istio's, where 0 means that there is no such rule.
    fileprivate init(istio count: Int) {
        self = count == 0 ? nil : OutlierDetection.Streak(UInt32(count))
    }
}

/// The files that a policy names for TLS.
private struct ClientFiles {
    var certificate: Located<String>?
    var key: Located<String>?
    var roots: Located<String>?

    var first: Located<String>? { certificate ?? key ?? roots }
}
