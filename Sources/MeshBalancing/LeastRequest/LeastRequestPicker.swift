// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// Draws some endpoints at random and takes the one with the fewest requests under way.
final class LeastRequestPicker: EndpointPicker {
    private let endpoints: [EndpointState]
    /// The same, borrowed: to look at a candidate counts no reference.
    private let candidates: [Unmanaged<EndpointState>]
    private let choiceCount: Int
    private let random: MeshRandom

    init(_ endpoints: [EndpointState], choiceCount: Int, random: MeshRandom) {
        self.endpoints = endpoints
        self.candidates = endpoints.map { .passUnretained($0) }
        self.choiceCount = min(max(choiceCount, 2), 100)
        self.random = random
    }

    func pick(for request: borrowing PickRequest) -> EndpointState? {
        let count = UInt64(endpoints.count)
        guard count > 1 else { return endpoints.firstUsable(from: 0, for: request) }
        var best: Int?
        var bestLoad = Double.infinity
        for _ in 0..<choiceCount {
            let position = Int(random.below(count))
            let load = load(of: position, for: request)
            if load < bestLoad {
                best = position
                bestLoad = load
            }
        }
        if let best { return endpoints[best] }
        // Nothing drawn may be used: look at all of them, from a random place.
        return endpoints.firstUsable(from: Int(random.below(count)), for: request)
    }

    /// The requests under way at an endpoint by its weight; infinite if it may not be used.
    private func load(of position: Int, for request: borrowing PickRequest) -> Double {
        candidates[position]._withUnsafeGuaranteedRef { candidate in
            guard candidate.suits(request) else { return .infinity }
            // One more than the requests under way: the request that is being placed counts, so that weights matter
            // among idle endpoints too.
            let active = candidate.activeRequests.load(ordering: .relaxed) + 1
            return Double(active) / Double(candidate.weight)
        }
    }
}
