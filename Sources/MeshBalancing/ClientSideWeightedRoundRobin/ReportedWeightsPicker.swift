// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// Walks over the endpoints in turn, each as often as the weight says that follows from its reports.
///
/// The weights are written in place, one after the other, by one thread at a time, while others pick by them: a pick in
/// between sees some of the old ones and some of the new. The heaviest are written first, so that at any time one entry
/// never passes its turn.
final class ReportedWeightsPicker: EndpointPicker {
    /// What an endpoint weighs in the schedule, which changes while it is read.
    private final class Entry: Sendable {
        let weight = Atomic<UInt64>(StrideSchedule.most)
    }

    private let endpoints: [EndpointState]
    private let entries: [Entry]
    /// The same, borrowed: to look at a candidate counts no reference.
    private let candidates: [Unmanaged<EndpointState>]
    private let weights: [Unmanaged<Entry>]
    private let policy: ClientSideWeightedRoundRobin
    private let updatePeriod: Nanoseconds
    private let turns: Atomic<UInt64>
    /// From when on the weights are to be taken anew; the greatest number while somebody does that.
    private let nextUpdate = Atomic<UInt64>(0)

    init(_ endpoints: [EndpointState], policy: ClientSideWeightedRoundRobin, random: MeshRandom) {
        self.endpoints = endpoints
        self.entries = endpoints.map { _ in Entry() }
        self.candidates = endpoints.map { .passUnretained($0) }
        self.weights = entries.map { .passUnretained($0) }
        self.policy = policy
        self.updatePeriod = max(policy.weightUpdatePeriod, ClientSideWeightedRoundRobin.leastUpdatePeriod)
        // Far from where a counter of 64 bits would begin anew.
        self.turns = Atomic(random.next() >> 32)
    }

    func pick(for request: borrowing PickRequest) -> EndpointState? {
        guard !endpoints.isEmpty else { return nil }
        if request.now.nanoseconds >= nextUpdate.load(ordering: .relaxed) { update(at: request.now) }
        // An endpoint that may not be used loses its turn, as in plain turns.
        for _ in endpoints.indices {
            let turn = nextTurn()
            if candidates[turn]._withUnsafeGuaranteedRef({ $0.suits(request) }) { return endpoints[turn] }
        }
        return endpoints.firstUsable(from: nextTurn(), for: request)
    }

    private func nextTurn() -> Int {
        let count = UInt64(endpoints.count)
        while true {
            let turn = turns.wrappingAdd(1, ordering: .relaxed).oldValue
            let (generation, position) = turn.quotientAndRemainder(dividingBy: count)
            let weight = weights[Int(position)]._withUnsafeGuaranteedRef { $0.weight.load(ordering: .relaxed) }
            if StrideSchedule.takesTurn(weight, at: position, in: generation) { return Int(position) }
        }
    }

    /// Takes the weights anew, unless another thread does.
    @inline(never)
    private func update(at now: MeshInstant) {
        let due = nextUpdate.load(ordering: .relaxed)
        guard now.nanoseconds >= due,
            nextUpdate.compareExchange(expected: due, desired: .max, ordering: .acquiring).exchanged
        else { return }
        let known = endpoints.map { $0.loads.weight }
        let reported = known.map { weight in
            weight?.usable(at: now, blackout: policy.blackoutPeriod, expiration: policy.weightExpirationPeriod) ?? 0
        }
        let scheduled = StrideSchedule.weights(
            reported: reported,
            factors: endpoints.map { endpoint in
                // The least is above 0, so that everybody gets a turn.
                max(policy.slowStart?.factor(after: now.elapsed(since: endpoint.joinedAt)) ?? 1, 1e-6)
            }
        )
        for areHeaviest in [true, false] {
            for (entry, weight) in zip(entries, scheduled) where (weight == .max) == areHeaviest {
                entry.weight.store(UInt64(weight), ordering: .relaxed)
            }
        }
        // Not the greatest number: then nobody would ever take them again.
        let next = min(now.advanced(by: updatePeriod).nanoseconds, .max - 1)
        nextUpdate.store(next, ordering: .releasing)
        tell(reported, of: known, at: now)
    }

    private func tell(_ reported: [Double], of known: [ReportedWeight?], at now: MeshInstant) {
        guard let signal = endpoints.first?.signal, signal.isObserved else { return }
        let stale = known.count { $0?.isStale(at: now, expiration: policy.weightExpirationPeriod) ?? false }
        let place = endpoints[0].endpoint.locality
        signal.weightsUpdated(
            reported,
            notYetUsable: reported.count { $0 == 0 } - stale,
            stale: stale,
            in: endpoints.allSatisfy { $0.endpoint.locality == place } ? place : nil
        )
    }
}
