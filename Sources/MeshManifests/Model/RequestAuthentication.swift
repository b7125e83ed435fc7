// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshSecurity

/// Whose tokens some workloads believe.
struct RequestAuthentication: Sendable {
    var metadata: ManifestMetadata
    /// The labels of the workloads; `nil` for the whole namespace, or the whole mesh in the root namespace.
    var workloadLabels: [String: String]?
    /// The issuers, as they stand there; their names are given when all that concern a workload are known.
    var providers: [JWTProvider]
}
