// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// Gives each endpoint turns in proportion to its weight, the fewer the more requests are under way there, and the newer it is.
///
/// The turns are in one place, behind a lock that is held for as long as a heap of the endpoints takes to settle.
final class ChangingWeightsPicker: EndpointPicker {
    private let endpoints: [EndpointState]
    private let bias: Double
    private let slowStart: SlowStart?
    private let random: MeshRandom
    private let schedule: Mutex<DeadlineSchedule>

    /// - Parameter bias: To which power one more than the requests under way divides the weight; 0 to leave these aside.
    init(_ endpoints: [EndpointState], bias: Double, slowStart: SlowStart?, random: MeshRandom) {
        self.endpoints = endpoints
        self.bias = bias
        self.slowStart = slowStart
        self.random = random
        var schedule = DeadlineSchedule(endpoints.map { Double($0.weight) })
        // So that not all processes begin with the same endpoint.
        for _ in 0..<random.below(UInt64(max(1, endpoints.count))) {
            _ = schedule.next(where: { _ in true }, weight: { Double(endpoints[$0].weight) })
        }
        self.schedule = Mutex(schedule)
    }

    func pick(for request: borrowing PickRequest) -> EndpointState? {
        guard !endpoints.isEmpty else { return nil }
        let turn = schedule.withLock { schedule in
            schedule.next(where: { endpoints[$0].suits(request) }, weight: { weight(of: $0, at: request.now) })
        }
        if let turn { return endpoints[turn] }
        return endpoints.firstUsable(from: Int(random.below(UInt64(endpoints.count))), for: request)
    }

    /// What an endpoint weighs now.
    private func weight(of index: Int, at now: MeshInstant) -> Double {
        let endpoint = endpoints[index]
        var weight = Double(endpoint.weight)
        if let slowStart { weight *= slowStart.factor(after: now.elapsed(since: endpoint.joinedAt)) }
        if bias > 0 {
            let active = Double(endpoint.activeRequests.load(ordering: .relaxed) + 1)
            // The usual power needs no products.
            weight /= bias == 1 ? active : active.power(bias)
        }
        return max(weight, Self.least)
    }

    /// What an endpoint weighs at least, so that it gets a turn again some time.
    private static let least = 1e-6
}
