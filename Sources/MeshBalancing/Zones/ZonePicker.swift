// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Picks a zone, and lets the policy pick among its endpoints.
final class ZonePicker: EndpointPicker {
    /// Over the endpoints of all zones.
    private let everywhere: any EndpointPicker
    /// By zone; `nil` where none may be used.
    private let zones: [(any EndpointPicker)?]
    private let routing: ZoneRouting
    private let own: Int?
    private let enabledPercent: UInt64
    private let random: MeshRandom

    /// - Parameters:
    ///   - own: The place of the own zone among the others, if it is one of them.
    ///   - routing: Not `none`.
    init(
        everywhere: any EndpointPicker,
        zones: [(any EndpointPicker)?],
        own: Int?,
        routing: ZoneRouting,
        enabledPercent: UInt32,
        random: MeshRandom
    ) {
        self.everywhere = everywhere
        self.zones = zones
        self.own = own
        self.routing = routing
        self.enabledPercent = UInt64(enabledPercent)
        self.random = random
    }

    func pick(for request: borrowing PickRequest) -> EndpointState? {
        let isEnabled = enabledPercent >= 100 || random.next() % 100 < enabledPercent
        guard isEnabled, let zone = zone() else { return everywhere.pick(for: request) }
        if let endpoint = zones[zone]?.pick(for: request), endpoint.suits(request) { return endpoint }
        // Who was tried already, or whose breaker is open, is worse than who is far away.
        return everywhere.pick(for: request)
    }

    private func zone() -> Int? {
        guard case .residual(let share, let sums) = routing else { return own }
        if let own, random.next() % 10_000 < share { return own }
        // Only what rounding lost can leave nothing anywhere; then any zone is as good.
        guard let sum = sums.last, sum > 0 else { return Int(random.next() % UInt64(max(zones.count, 1))) }
        let number = random.next() % sum
        return sums.firstIndex { number < $0 }
    }
}
