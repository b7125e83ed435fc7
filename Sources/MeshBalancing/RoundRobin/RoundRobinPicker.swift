// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// Walks over the endpoints in turn, each as often as its weight says, and passes over those that may not be used.
final class RoundRobinPicker: EndpointPicker {
    private let endpoints: [EndpointState]
    /// The same, borrowed: to look at a candidate counts no reference.
    private let candidates: [Unmanaged<EndpointState>]
    /// Whose turn it is; `nil` where all weigh the same.
    private let schedule: StrideSchedule?
    private let turns: Atomic<UInt64>

    init(_ endpoints: [EndpointState], random: MeshRandom) {
        self.endpoints = endpoints
        self.candidates = endpoints.map { .passUnretained($0) }
        let isEven = endpoints.allSatisfy { $0.weight == endpoints[0].weight }
        self.schedule = isEven ? nil : StrideSchedule(endpoints.map(\.weight))
        // Far from where a counter of 64 bits would begin anew.
        self.turns = Atomic(random.next() >> 32)
    }

    func pick(for request: borrowing PickRequest) -> EndpointState? {
        guard !endpoints.isEmpty else { return nil }
        // An endpoint that may not be used loses its turn. To give the turn to its neighbour would double that one's
        // share.
        for _ in endpoints.indices {
            let turn = nextTurn()
            if candidates[turn]._withUnsafeGuaranteedRef({ $0.suits(request) }) { return endpoints[turn] }
        }
        // Other callers take turns meanwhile, so that not every endpoint may have come by.
        return endpoints.firstUsable(from: nextTurn(), for: request)
    }

    private func nextTurn() -> Int {
        guard let schedule else { return Int(count() % UInt64(endpoints.count)) }
        return schedule.entry(count)
    }

    private func count() -> UInt64 { turns.wrappingAdd(1, ordering: .relaxed).oldValue }
}

extension [EndpointState] {
    /// The first endpoint from `start` on, round the end, that may be used; one that was tried already only if there is
    /// no other.
    func firstUsable(from start: Int, for request: borrowing PickRequest) -> EndpointState? {
        var tried: EndpointState?
        for offset in indices {
            let position = start + offset
            let candidate = self[position < count ? position : position - count]
            guard candidate.isUsable(for: request) else { continue }
            if request.excluded.isEmpty || !request.excluded.contains(candidate.endpoint.address) { return candidate }
            if tried == nil { tried = candidate }
        }
        return tried
    }
}
