// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import MeshXDS
import ServiceMesh

/// A mesh that has one of the generator's tables; what carries its requests is another's matter.
struct ConfiguredTable: Sendable {
    let mesh: Mesh
    /// What the decoder left aside.
    let ignored: [String]

    /// - Parameter node: An element of the file's `tables`.
    init(_ node: DocumentNode, number: Int, runtime: [String: RuntimeValue]) throws {
        guard let bootstrap = node["bootstrap"] else {
            throw ConfigurationError(path: "tables[\(number)].bootstrap", "is missing")
        }
        let read = try ResourceDocument(bootstrap, file: "table \(number)").bootstrap()
        mesh = try Mesh(
            MeshConfiguration(
                outboundTrafficPolicy: .registryOnly,
                catchAllListener: "table",
                // Envoy limits retries by the cluster's threshold alone.
                retryBudget: nil,
                requestHeaderTrust: node["trusts"]?.isTrue == true ? .trusted : .untrusted,
                runtime: runtime,
                locality: Locality(
                    region: bootstrap["node"]?["locality"]?["region"]?.text ?? "",
                    zone: bootstrap["node"]?["locality"]?["zone"]?.text ?? "",
                    subZone: bootstrap["node"]?["locality"]?["sub_zone"]?.text ?? ""
                ),
                localCluster: bootstrap["cluster_manager"]?["local_cluster_name"]?.text ?? "",
                observers: [LedgerObserver()]
            ),
            clock: SystemClock(),
            random: MeshRandom(seed: UInt64(number) + 1)
        )
        try mesh.apply(read.resource)
        ignored = read.ignored.map { "\($0)" }
    }
}
