// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A place (`envoy.config.core.v3.Locality`).
public struct Locality: Hashable, Sendable {
    /// The region.
    public var region: String
    /// The zone in the region.
    public var zone: String
    /// The part of the zone.
    public var subZone: String

    /// Creates a place.
    public init(region: String = "", zone: String = "", subZone: String = "") {
        self.region = region
        self.zone = zone
        self.subZone = subZone
    }
}

extension Locality {
    /// A place as Istio writes it, `region/zone/subzone`; what is missing at the end is empty, and what follows is left out.
    public init(path: String) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        self.init(
            region: parts.first ?? "",
            zone: parts.count > 1 ? parts[1] : "",
            subZone: parts.count > 2 ? parts[2] : ""
        )
    }
}

extension Locality: CustomStringConvertible {
    /// Its parts as Istio writes them, `region/zone/subzone`; those that are missing at the end are left out.
    public var description: String {
        subZone.isEmpty ? (zone.isEmpty ? region : "\(region)/\(zone)") : "\(region)/\(zone)/\(subZone)"
    }
}
