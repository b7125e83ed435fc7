// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// Draws two endpoints and takes the one of the lower cost.
final class PeakEWMAPicker: EndpointPicker {
    /// What a request costs at an endpoint that has one and has not answered it.
    private static let unknown = 1e300

    private let endpoints: [EndpointState]
    /// The same, borrowed: to look at a candidate counts no reference.
    private let candidates: [Unmanaged<EndpointState>]
    private let decayTime: Nanoseconds
    /// In nanoseconds; negative for none.
    private let defaultLatency: Double
    private let random: MeshRandom

    init(_ endpoints: [EndpointState], policy: PeakEWMA, random: MeshRandom) {
        self.endpoints = endpoints
        self.candidates = endpoints.map { .passUnretained($0) }
        self.decayTime = max(policy.decayTime, Nanoseconds(rawValue: 1))
        self.defaultLatency = policy.defaultLatency.map { Double($0.rawValue) } ?? -1
        self.random = random
    }

    func pick(for request: borrowing PickRequest) -> EndpointState? {
        let count = UInt64(endpoints.count)
        guard count > 1 else { return endpoints.firstUsable(from: 0, for: request) }
        let first = Int(random.below(count))
        // Another one, each as likely.
        let other = Int(random.below(count - 1))
        let second = other < first ? other : other + 1
        let (one, two) = (cost(of: first, for: request), cost(of: second, for: request))
        if min(one, two) < .infinity { return endpoints[two < one ? second : first] }
        // Neither may be used: look at all of them, from a random place.
        return endpoints.firstUsable(from: Int(random.below(count)), for: request)
    }

    /// The average latency times one more than the requests under way, by the weight; infinite if it may not be used.
    private func cost(of position: Int, for request: borrowing PickRequest) -> Double {
        candidates[position]._withUnsafeGuaranteedRef { candidate in
            guard candidate.suits(request) else { return .infinity }
            let active = Double(candidate.activeRequests.load(ordering: .relaxed))
            let weight = Double(candidate.weight)
            if let average = candidate.latencies.average {
                return average.value(at: request.now, decayTime: decayTime) * (active + 1) / weight
            }
            if defaultLatency >= 0 { return defaultLatency * (active + 1) / weight }
            return active == 0 ? 0 : Self.unknown + active
        }
    }
}
