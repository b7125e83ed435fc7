// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension Cluster {
    /// The most header fields that may name endpoints: each is looked for in every request of the cluster.
    package static let maximumOverrideHostHeaders = 16

    /// Checks the header fields that name endpoints.
    func checkOverrideHosts(_ problems: inout ProblemCollector) {
        problems.require(
            overrideHostHeaders.count <= Self.maximumOverrideHostHeaders,
            "overrideHostHeaders",
            "must be at most \(Self.maximumOverrideHostHeaders), are \(overrideHostHeaders.count)"
        )
        for (position, header) in overrideHostHeaders.enumerated() {
            problems.require(
                header.isValid,
                "overrideHostHeaders[\(position)]",
                "\"\(header.lowercased)\" is no header name"
            )
        }
        problems.require(
            overrideHostHeaders.isEmpty || members.isEmpty,
            "overrideHostHeaders",
            "are for the clusters to say that this one is made of"
        )
    }
}
