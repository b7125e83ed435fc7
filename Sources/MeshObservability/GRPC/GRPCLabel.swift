// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// The labels of gRPC's metrics that several of them have.
enum GRPCLabel {
    /// The cluster (gRFC A89).
    /// - Parameter cluster: `nil` for those beyond a bound.
    static func backendService(_ cluster: String?) -> (String, String) {
        ("grpc.lb.backend_service", cluster ?? "other")
    }

    /// The place, in the words of gRFC A78; empty if none is known.
    /// - Parameter cluster: Whose it is; `nil` for those beyond a bound.
    static func locality(_ locality: Locality?, of cluster: String?) -> (String, String) {
        let name = "grpc.lb.locality"
        guard cluster != nil else { return (name, "other") }
        guard let locality, locality != Locality() else { return (name, "") }
        let (region, zone, subZone) = (locality.region, locality.zone, locality.subZone)
        return (name, "{region=\"\(region)\", zone=\"\(zone)\", sub_zone=\"\(subZone)\"}")
    }
}
