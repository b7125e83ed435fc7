// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// Draws some endpoints at random and takes the one with the fewest requests under way; weights play no part.
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
        var fewest = Int.max
        for _ in 0..<choiceCount {
            let position = Int(random.below(count))
            let active = candidates[position].activeRequests(for: request)
            if active < fewest {
                best = position
                fewest = active
            }
        }
        if let best { return endpoints[best] }
        // Nothing drawn may be used: look at all of them, from a random place.
        return endpoints.firstUsable(from: Int(random.below(count)), for: request)
    }
}

/// Takes the endpoint with the fewest requests under way of all, one of these at random; weights play no part.
final class FullScanPicker: EndpointPicker {
    private let endpoints: [EndpointState]
    private let candidates: [Unmanaged<EndpointState>]
    private let random: MeshRandom

    init(_ endpoints: [EndpointState], random: MeshRandom) {
        self.endpoints = endpoints
        self.candidates = endpoints.map { .passUnretained($0) }
        self.random = random
    }

    func pick(for request: borrowing PickRequest) -> EndpointState? {
        guard !endpoints.isEmpty else { return nil }
        var best: Int?
        var fewest = Int.max
        var equals: UInt64 = 0
        for position in candidates.indices {
            let active = candidates[position].activeRequests(for: request)
            guard active < Int.max, active <= fewest else { continue }
            equals = active == fewest ? equals + 1 : 1
            fewest = active
            // The n-th of equals takes the place with a chance of 1 in n, so that each has the same.
            if random.below(equals) == 0 { best = position }
        }
        if let best { return endpoints[best] }
        return endpoints.firstUsable(from: Int(random.below(UInt64(endpoints.count))), for: request)
    }
}

extension Unmanaged<EndpointState> {
    /// The requests under way at an endpoint; `Int.max` if it may not be used.
    @inline(__always)
    fileprivate func activeRequests(for request: borrowing PickRequest) -> Int {
        _withUnsafeGuaranteedRef { candidate in
            candidate.suits(request) ? candidate.activeRequests.load(ordering: .relaxed) : .max
        }
    }
}
