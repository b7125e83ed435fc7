// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// Draws some endpoints at random and takes the one with the fewest requests under way.
struct LeastRequestPicker: EndpointPicker {
    private let endpoints: [EndpointState]
    private let choiceCount: Int
    private let random: MeshRandom

    init(_ endpoints: [EndpointState], choiceCount: Int, random: MeshRandom) {
        self.endpoints = endpoints
        self.choiceCount = min(max(choiceCount, 2), 100)
        self.random = random
    }

    func pick(at now: MeshInstant, excluding excluded: [EndpointAddress]) -> EndpointState? {
        let count = UInt64(endpoints.count)
        guard count > 1 else { return endpoints.firstUsable(from: 0, at: now, excluding: excluded) }
        var best: EndpointState?
        var bestLoad = Double.infinity
        for _ in 0..<choiceCount {
            let candidate = endpoints[Int(random.below(count))]
            guard candidate.isAvailable(at: now) else { continue }
            if !excluded.isEmpty, excluded.contains(candidate.endpoint.address) { continue }
            // One more than the requests under way: the request that is being placed counts, so that weights matter
            // among idle endpoints too.
            let active = candidate.activeRequests.load(ordering: .relaxed) + 1
            let load = Double(active) / Double(candidate.weight)
            if load < bestLoad {
                best = candidate
                bestLoad = load
            }
        }
        // Nothing drawn may be used: look at all of them, from a random place.
        return best ?? endpoints.firstUsable(from: Int(random.below(count)), at: now, excluding: excluded)
    }
}
