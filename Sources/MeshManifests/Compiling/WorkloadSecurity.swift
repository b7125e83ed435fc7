// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity

/// Who a workload is, whether it is part of the mesh, and whether it insists on mutual TLS.
struct WorkloadSecurity: Sendable {
    let trustDomain: String
    let rootNamespace: String
    private let peerAuthentications: [PeerAuthentication]
    private let optOuts: [OptOut]

    init(model: ManifestModel, trustDomain: String, rootNamespace: String) {
        self.trustDomain = trustDomain
        self.rootNamespace = rootNamespace
        self.peerAuthentications = model.peerAuthentications
        self.optOuts = model.optOuts
    }

    /// The identity that a workload proves; `nil` if its service account cannot be part of one.
    func identity(of workload: Workload) -> String? {
        identity(namespace: workload.namespace, serviceAccount: workload.serviceAccount)
    }

    /// The identity of a service account; `nil` if it cannot be one.
    func identity(namespace: String, serviceAccount: String) -> String? {
        try? SPIFFEID(trustDomain: trustDomain, namespace: namespace, serviceAccount: serviceAccount).description
    }

    /// Whether workloads with these labels stay outside the mesh.
    func isOptedOut(labels: [String: String], namespace: String) -> Bool {
        optOuts.contains { $0.metadata.namespace == namespace && labels.satisfies($0.labels) }
    }

    /// Whether clients may expect mutual TLS of a workload.
    func speaksMutualTLS(_ workload: Workload) -> Bool {
        workload.speaksMutualTLS && !isOptedOut(labels: workload.labels, namespace: workload.namespace)
            && mode(labels: workload.labels, namespace: workload.namespace, port: workload.address.port) != .disabled
    }

    /// What holds for a workload's port: the policy that selects it, else its namespace's, else the mesh's; Istio's
    /// default is to accept both.
    func mode(labels: [String: String], namespace: String, port: UInt16?) -> PeerAuthentication.Mode {
        let own = peerAuthentications.first {
            $0.metadata.namespace == namespace && $0.isSelective && labels.satisfies($0.workloadLabels ?? [:])
        }
        if let port, let mode = own?.portModes[port] { return mode }
        let candidates = [own, general(of: namespace), general(of: rootNamespace)]
        return candidates.lazy.compactMap { $0?.mode }.first ?? .permissive
    }

    private func general(of namespace: String) -> PeerAuthentication? {
        peerAuthentications.first { $0.metadata.namespace == namespace && !$0.isSelective }
    }
}

extension PeerAuthentication {
    /// Whether it is for some workloads of its namespace only.
    var isSelective: Bool { !(workloadLabels ?? [:]).isEmpty }
}
