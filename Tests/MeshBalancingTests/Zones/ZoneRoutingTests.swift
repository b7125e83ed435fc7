// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshBalancing

@Suite("Keeping requests in their zone")
struct ZoneRoutingTests {
    private static func zone(_ name: String) -> Locality { Locality(zone: name) }

    private static func zones(_ counts: [(String, Int)]) -> [ZoneRouting.Zone] {
        counts.map { ZoneRouting.Zone(locality: zone($0), healthy: $1, strength: UInt64($1)) }
    }

    private static func own(_ name: String, _ counts: [(String, Int)]) -> OwnZone {
        let populations = counts.map { name, count in
            (zone(name), OwnZone.Population(total: count, usable: count, strength: UInt64(count)))
        }
        return OwnZone(zone(name), populations: Dictionary(uniqueKeysWithValues: populations))
    }

    private static let always = ZoneAware(minimumClusterSize: 1)

    /// The example in Envoy's source: callers 40, 40, 20 percent, endpoints 25, 50, 25 percent leave room for 0, 10 and 5.
    @Test func `what a zone cannot take goes where there is room, by how much room there is`() {
        let routing = ZoneRouting(
            Self.zones([("a", 25), ("b", 50), ("c", 25)]),
            from: Self.own("a", [("a", 40), ("b", 40), ("c", 20)]),
            by: Self.always
        )
        #expect(routing == .residual(own: 6_250, sums: [0, 1_000, 1_500]))
    }

    @Test func `a zone with endpoints for all of its callers keeps everything`() {
        let callers = [("a", 1), ("b", 1)]
        for endpoints in [[("a", 5), ("b", 5)], [("a", 9), ("b", 1)]] {
            #expect(ZoneRouting(Self.zones(endpoints), from: Self.own("a", callers), by: Self.always) == .direct)
        }
        // 20% of Envoy's documentation: "the local zone has 20% of the callers and 10% of the endpoints: half is kept".
        let routing = ZoneRouting(
            Self.zones([("a", 1), ("b", 9)]),
            from: Self.own("a", [("a", 2), ("b", 8)]),
            by: Self.always
        )
        #expect(routing == .residual(own: 5_000, sums: [0, 1_000]))
    }

    @Test func `zones are not heeded where that would say nothing`() {
        let two = Self.own("a", [("a", 1), ("b", 1)])
        let zones = Self.zones([("a", 3), ("b", 2)])
        // Fewer healthy endpoints than 6, the default.
        #expect(ZoneRouting(zones, from: two, by: ZoneAware()) == .none)
        #expect(ZoneRouting(Self.zones([("a", 4), ("b", 2)]), from: two, by: ZoneAware()) == .direct)
        #expect(ZoneRouting(Self.zones([("a", 9)]), from: two, by: Self.always) == .none)
        #expect(ZoneRouting(zones, from: Self.own("a", [("a", 2)]), by: Self.always) == .none)
        #expect(ZoneRouting(zones, from: Self.own("x", [("a", 1), ("b", 1)]), by: Self.always) == .none)
        #expect(ZoneRouting(zones, from: nil, by: Self.always) == .none)
    }

    @Test func `a zone may be forced to keep its requests from some endpoints on`() {
        let settings = ZoneAware(minimumClusterSize: 1, forcedLocalZoneSize: 2)
        let own = Self.own("a", [("a", 9), ("b", 1)])
        #expect(ZoneRouting(Self.zones([("a", 2), ("b", 8)]), from: own, by: settings) == .direct)
        #expect(ZoneRouting(Self.zones([("a", 1), ("b", 9)]), from: own, by: settings) != .direct)
        let alone = Self.own("a", [("a", 1)])
        #expect(ZoneRouting(Self.zones([("a", 2), ("b", 8)]), from: alone, by: settings) == .direct)
    }

    @Test func `a zone without endpoints gets nothing, and its callers go elsewhere`() {
        let callers = [("a", 1), ("b", 1), ("c", 1)]
        let routing = ZoneRouting(Self.zones([("b", 5), ("c", 5)]), from: Self.own("a", callers), by: Self.always)
        #expect(routing == .residual(own: 0, sums: [1_667, 3_334]))
    }

    @Test func `strengths without end overflow nothing`() {
        let zones = ["a", "b", "c"].map {
            ZoneRouting.Zone(locality: Self.zone($0), healthy: 9, strength: $0 == "a" ? 1 : .max)
        }
        let routing = ZoneRouting(zones, from: Self.own("a", [("a", 1), ("b", 1)]), by: Self.always)
        guard case .residual(let own, let sums) = routing else {
            Issue.record("\(routing)")
            return
        }
        #expect(own == 0 && sums == [0, 5_000, 15_000])
    }

    /// As much of the traffic as its weight says reaches each zone, when callers of all zones are put together.
    @Test func `over all callers each endpoint gets the same`() {
        let endpoints = [("a", 2), ("b", 6), ("c", 4)]
        let callers = [("a", 5), ("b", 3), ("c", 4)]
        var load: [String: Double] = [:]
        for (position, caller) in callers.enumerated() {
            let order = [endpoints[position]] + endpoints.filter { $0.0 != caller.0 }
            let routing = ZoneRouting(Self.zones(order), from: Self.own(caller.0, callers), by: Self.always)
            switch routing {
            case .direct: load[caller.0, default: 0] += Double(caller.1)
            case .residual(let own, let sums):
                load[caller.0, default: 0] += Double(caller.1) * Double(own) / 10_000
                let rest = Double(caller.1) * (1 - Double(own) / 10_000)
                for (number, zone) in order.enumerated() {
                    let room = sums[number] - (number > 0 ? sums[number - 1] : 0)
                    load[zone.0, default: 0] += rest * Double(room) / Double(sums[2])
                }
            case .none: Issue.record("zones are heeded")
            }
        }
        for (zone, count) in endpoints {
            #expect(abs((load[zone] ?? 0) / Double(count) - 1) < 0.001, "zone \(zone)")
        }
    }
}
