// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// Draws two endpoints of an aperture by their parts, and takes the one with fewer requests under way for its part.
final class AperturePicker: EndpointPicker {
    private let endpoints: [EndpointState]
    /// The endpoints of the aperture, borrowed, with their parts: to look at a candidate counts no reference.
    private let candidates: [(state: Unmanaged<EndpointState>, position: Int, share: Double)]
    /// Where each edge ends on the arc.
    private let ends: [Double]
    private let random: MeshRandom

    init(_ endpoints: [EndpointState], edges: [ApertureEdge], random: MeshRandom) {
        self.endpoints = endpoints
        // An endpoint at both ends has both parts wherever it is drawn.
        let shares = edges.reduce(into: [:]) { $0[$1.position, default: 0.0] += $1.share }
        self.candidates = edges.map { edge in
            (.passUnretained(endpoints[edge.position]), edge.position, shares[edge.position] ?? edge.share)
        }
        var end = 0.0
        self.ends = edges.map { edge in
            end += edge.share
            return end
        }
        self.random = random
    }

    func pick(for request: borrowing PickRequest) -> EndpointState? {
        guard let length = ends.last else { return nil }
        let first = edge(at: random.unitInterval() * length)
        let start = first == 0 ? 0 : ends[first - 1]
        let rest = length - (ends[first] - start)
        var second = first
        if rest > 0 {
            // Anywhere but on the first one.
            let place = random.unitInterval() * rest
            second = edge(at: place < start ? place : place + (ends[first] - start))
        }
        let (one, two) = (load(of: first, for: request), load(of: second, for: request))
        if min(one, two) < .infinity { return endpoints[candidates[two < one ? second : first].position] }
        // Neither may be used: another one of the aperture, and if there is none, anybody.
        var tried: EndpointState?
        for offset in candidates.indices {
            let index = (first + offset) % candidates.count
            guard candidates[index].state._withUnsafeGuaranteedRef({ $0.isUsable(for: request) }) else { continue }
            let endpoint = endpoints[candidates[index].position]
            if endpoint.suits(request) { return endpoint }
            tried = tried ?? endpoint
        }
        let other = endpoints.firstUsable(from: candidates[first].position, for: request)
        // Who was not tried yet is better than who was.
        return other.map { $0.suits(request) ? $0 : tried ?? $0 }
    }

    /// The edge at a place on the arc: all but the first and the last are 1 long.
    private func edge(at place: Double) -> Int {
        guard place >= ends[0] else { return 0 }
        let guess = min(1 + Int(place - ends[0]), ends.count - 1)
        // Sums are not exact.
        return place < ends[guess - 1] ? guess - 1 : guess
    }

    /// The requests under way for the part that is in the aperture; infinite if it may not be used.
    private func load(of index: Int, for request: borrowing PickRequest) -> Double {
        candidates[index].state._withUnsafeGuaranteedRef { candidate in
            guard candidate.suits(request) else { return .infinity }
            return Double(candidate.activeRequests.load(ordering: .relaxed)) / candidates[index].share
        }
    }
}
