// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Draws a place by its weight, and lets the policy pick among its endpoints.
final class PlacePicker: EndpointPicker {
    private let pickers: [any EndpointPicker]
    /// The sums of the places' weights, so that a number below the last one belongs to the first place above it.
    private let sums: [Double]
    private let random: MeshRandom

    /// - Parameter places: At least one, with weights above zero.
    init(_ places: [(weight: Double, picker: any EndpointPicker)], random: MeshRandom) {
        pickers = places.map(\.picker)
        var sum = 0.0
        sums = places.map { place in
            sum += place.weight
            return sum
        }
        self.random = random
    }

    func pick(for request: borrowing PickRequest) -> EndpointState? {
        let number = random.unitInterval() * (sums.last ?? 0)
        let first = sums.firstIndex { number < $0 } ?? sums.count - 1
        if let endpoint = pickers[first].pick(for: request), endpoint.suits(request) { return endpoint }
        // Whoever is left over elsewhere is better than whoever was tried, or nobody.
        var tried: EndpointState?
        for position in pickers.indices {
            guard let endpoint = pickers[position].pick(for: request) else { continue }
            if endpoint.suits(request) { return endpoint }
            tried = tried ?? endpoint
        }
        return tried
    }
}
