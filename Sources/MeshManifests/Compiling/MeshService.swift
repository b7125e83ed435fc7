// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

/// A service with all that is behind it.
struct MeshService: Sendable {
    /// Its full name, in lower case.
    var host: String
    var namespace: String
    /// The ports on which its requests are routed, sorted.
    var ports: [UInt16]
    var visibility: Visibility = .everywhere
    /// The registered workloads behind it, each address once for a port, in the order of their addresses.
    var workloads: [Workload] = []
    /// Where its endpoints stand in a manifest in place of being registered.
    var definition: ServiceDefinition?

    /// The name within its namespace; `nil` if it is no service of Kubernetes.
    var shortName: String? {
        let suffix = ".\(namespace).\(HostPattern.serviceDomain)"
        guard host.hasSuffix(suffix) else { return nil }
        let name = host.dropLast(suffix.count)
        return name.isEmpty || name.contains(".") ? nil : String(name)
    }

    /// Whether its endpoints come and go with registrations.
    var isDiscovered: Bool { definition?.endpoints.areRegistered ?? true }

    /// The workloads that serve a port: those that are registered for it, or all where only a manifest knows the port.
    /// What does not speak HTTP gets no requests.
    func workloads(at port: UInt16) -> [Workload] {
        let own = workloads.filter { $0.servicePort == port }
        return (own.isEmpty ? workloads : own).filter { ProtocolName.servesHTTP($0.protocolName) }
    }

    /// Whether a port's clients speak HTTP/2: the manifest says so, or all of the workloads where no manifest knows the
    /// port.
    func speaksHTTP2(at port: UInt16) -> Bool {
        if let known = definition?.ports.first(where: { $0.number == port }) { return known.speaksHTTP2 }
        let workloads = workloads(at: port)
        return !workloads.isEmpty && workloads.allSatisfy { ProtocolName.speaksHTTP2($0.protocolName) }
    }

    /// The port of a request that names none: the one that was asked for, or the only one that there is.
    func port(_ asked: UInt16) -> UInt16 {
        ports.contains(asked) || ports.count != 1 ? asked : ports[0]
    }
}

/// The names of clusters.
enum ClusterName {
    /// `outbound|PORT|SUBSET|HOST`, as Istio composes it.
    static func outbound(port: UInt16, subset: String, host: String) -> String {
        "outbound|\(port)|\(subset)|\(host)"
    }

    /// The name of a subset that has none: its labels.
    static func subset(of labels: [String: String]) -> String {
        labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    }
}
