// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// Walks over the endpoints in turn and passes over those that may not be used.
final class RoundRobinPicker: EndpointPicker {
    private let endpoints: [EndpointState]
    /// The same, borrowed: to look at a candidate counts no reference.
    private let candidates: [Unmanaged<EndpointState>]
    private let next: Atomic<UInt>

    init(_ endpoints: [EndpointState], random: MeshRandom) {
        // A weight of n is n places in the turn; equal weights are one place each.
        let divisor = endpoints.map(\.weight).reduce(0, greatestCommonDivisor)
        let places = endpoints.map { Int($0.weight / max(divisor, 1)) }
        let most = places.max() ?? 0
        // Interleaved, so that a heavy endpoint does not get all of its share at once. Very uneven weights are
        // rounded to 128 places, which bounds memory at 128 references an endpoint.
        let scale = most > 128 ? Double(most) / 128 : 1
        let rounds = places.map { max(1, Int((Double($0) / scale).rounded())) }
        let turns = (0..<(rounds.max() ?? 0)).flatMap { round in
            endpoints.indices.filter { rounds[$0] > round }.map { endpoints[$0] }
        }
        self.endpoints = turns
        self.candidates = turns.map { .passUnretained($0) }
        self.next = Atomic(UInt(truncatingIfNeeded: random.next()))
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
        Int(next.wrappingAdd(1, ordering: .relaxed).oldValue % UInt(endpoints.count))
    }
}

private func greatestCommonDivisor(_ first: UInt32, _ second: UInt32) -> UInt32 {
    var (first, second) = (first, second)
    while second != 0 { (first, second) = (second, first % second) }
    return first
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
