// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Which zone requests go to, reckoned once for the health that there is (Envoy's `LocalityRoutingState`).
///
/// Every instance of the calling cluster decides alike: each zone keeps what it can take, and what is over goes where more
/// endpoints are than callers.
enum ZoneRouting: Hashable, Sendable {
    /// Zones are not heeded.
    case none
    /// All to the own zone.
    case direct
    /// So many of ten thousand requests to the own zone, and the others by what is left over elsewhere: the sums of it up to
    /// and with each zone, in their order.
    case residual(own: UInt64, sums: [UInt64])

    /// A zone of the upstream.
    struct Zone: Hashable, Sendable {
        var locality: Locality
        /// How many of its endpoints are healthy.
        var healthy: Int
        /// How much they can take: their number, or what their weights sum to.
        var strength: UInt64
    }

    /// Decides.
    /// - Parameter zones: Those of the upstream that have endpoints, whatever their health.
    init(_ zones: [Zone], from own: OwnZone?, by settings: ZoneAware) {
        self = .none
        guard let own, zones.count >= 2 else { return }
        if own.populations.count < 2, settings.forcedLocalZoneSize == nil { return }
        guard let mine = own.populations[own.locality], mine.total > 0 else { return }
        guard UInt64(zones.reduce(0) { $0 + $1.healthy }) >= settings.minimumClusterSize else { return }
        let local = zones.firstIndex { $0.locality == own.locality }
        let callers = Self.sum(own.populations.values.map(\.strength))
        let strengths = Self.sum(zones.map(\.strength))
        let demands = zones.map { Self.share(own.populations[$0.locality]?.strength ?? 0, of: callers) }
        let supplies = zones.map { Self.share($0.strength, of: strengths) }
        var share: UInt64 = 0
        if let local {
            let (demand, supply) = (demands[local], supplies[local])
            let isForced = settings.forcedLocalZoneSize.map { zones[local].healthy >= Int($0) } ?? false
            if isForced || supply > 0 && supply >= demand {
                self = .direct
                return
            }
            share = demand > 0 ? supply * 10_000 / demand : 0
        }
        var sum: UInt64 = 0
        let sums = zones.indices.map { index in
            if index != local, supplies[index] > demands[index] { sum += supplies[index] - demands[index] }
            return sum
        }
        self = .residual(own: share, sums: sums)
    }

    private static func sum(_ parts: [UInt64]) -> UInt64 {
        parts.reduce(0) { sum, part in
            let (next, overflow) = sum.addingReportingOverflow(part)
            return overflow ? .max : next
        }
    }

    /// In ten-thousandths. A zone without healthy endpoints has no demand in Envoy, either; its share is 0 all the same.
    private static func share(_ part: UInt64, of whole: UInt64) -> UInt64 {
        guard part < whole else { return whole > 0 ? 10_000 : 0 }
        return whole.dividingFullWidth(part.multipliedFullWidth(by: 10_000)).quotient
    }
}
