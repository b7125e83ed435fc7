// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension ReferenceChecker {
    mutating func checkPolicies() {
        struct Scope: Hashable {
            var namespace: String
            var host: HostPattern
            var clientLabels: [String: String]?
        }
        var policies: [Scope: HostPolicy] = [:]
        var subsets: [Scope: [String: SourcePosition]] = [:]
        for policy in model.hostPolicies {
            checkHost(policy.host)
            let scope = Scope(
                namespace: policy.metadata.namespace,
                host: policy.host.value,
                clientLabels: policy.clientLabels
            )
            if policy.policy != TrafficPolicy() {
                if let first = policies[scope] {
                    report(
                        .warning,
                        .competingPolicies,
                        at: policy.metadata.position,
                        "the traffic policy of \(scope.host.text) is set by \(first.metadata.qualifiedName) "
                            + "(\(first.metadata.position)) already, which is in force"
                    )
                } else {
                    policies[scope] = policy
                }
            }
            for subset in policy.subsets {
                if let first = subsets[scope]?[subset.name.value], first != subset.name.position {
                    report(
                        .warning,
                        .competingPolicies,
                        at: subset.name.position,
                        "the subset \(subset.name.value) is defined at \(first) already, which is in force"
                    )
                } else {
                    subsets[scope, default: [:]][subset.name.value] = subset.name.position
                }
            }
        }
        for policy in model.destinationPolicies {
            checkHost(policy.destination)
            guard let rule = byHost.hostPolicies.elements(for: policy.destination.value.text).first?.element
            else { continue }
            report(
                .warning,
                .competingPolicies,
                at: policy.metadata.position,
                "the DestinationPolicy \(policy.metadata.qualifiedName) has no effect where the DestinationRule "
                    + "\(rule.metadata.qualifiedName) (\(rule.metadata.position)) applies"
            )
        }
    }

    /// Names that nobody compares: outside the mesh a service is called in plaintext, unless a policy wants mutual TLS.
    mutating func checkServices() {
        for definition in model.services where !definition.isInMesh {
            guard let name = definition.identities.first else { continue }
            let policies = definition.hosts.flatMap { byHost.hostPolicies.elements(for: $0.value.text) }
            guard !policies.contains(where: { $0.element.comparesIdentities }) else { continue }
            report(
                .warning,
                .noEffect,
                at: name.position,
                "the subjectAltNames of \(definition.metadata.qualifiedName) are compared with nothing: it is outside "
                    + "the mesh, and no DestinationRule sets the tls mode ISTIO_MUTUAL for it"
            )
        }
    }

    mutating func checkPeerAuthentications() {
        struct Scope: Hashable {
            var namespace: String
            var labels: [String: String]
        }
        var first: [Scope: PeerAuthentication] = [:]
        for authentication in model.peerAuthentications {
            let scope = Scope(
                namespace: authentication.metadata.namespace,
                labels: authentication.workloadLabels ?? [:]
            )
            guard let other = first[scope] else {
                first[scope] = authentication
                continue
            }
            report(
                .warning,
                .competingPolicies,
                at: authentication.metadata.position,
                "the same workloads are the concern of \(other.metadata.qualifiedName) (\(other.metadata.position)) "
                    + "already, which is in force"
            )
        }
    }

    /// Workloads whose identity cannot be proven by a certificate.
    mutating func checkIdentities() {
        for workload in directory.workloads where security.identity(of: workload) == nil {
            let account = "\(workload.namespace)/\(workload.serviceAccount)"
            diagnostics.append(
                Diagnostic(
                    .warning,
                    .unusableWorkload,
                    file: "registration of \(workload.id)",
                    message: "the service account \(account) cannot be part of an identity of \(security.trustDomain)"
                )
            )
        }
    }
}

extension HostPolicy {
    /// Whether it wants mutual TLS somewhere and leaves it to the service whom to accept.
    fileprivate var comparesIdentities: Bool {
        let policies = [policy] + subsets.map(\.policy)
        return policies.contains { policy in
            policy.comparesIdentities || policy.ports.values.contains(where: \.comparesIdentities)
        }
    }
}

extension TrafficPolicy {
    fileprivate var comparesIdentities: Bool {
        if case .mutualTLS(identities: [], _) = security { true } else { false }
    }
}
