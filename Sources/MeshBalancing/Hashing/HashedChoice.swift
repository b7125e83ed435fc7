// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// A choice by the request's hash: what the pickers of consistent balancers have in common.
///
/// Where the endpoint of a hash may not be used, or was tried already, the next places are asked, in the same order for
/// each request with this hash.
struct HashedChoice<Table: HashTable>: Sendable {
    private let table: Table
    private let endpoints: [EndpointState]
    /// The same, borrowed: to look at a candidate counts no reference.
    private let candidates: [Unmanaged<EndpointState>]
    private let bound: BoundedLoad?
    private let random: MeshRandom

    init(_ table: Table, _ endpoints: [EndpointState], _ bound: BoundedLoad?, random: MeshRandom) {
        self.table = table
        self.endpoints = endpoints
        self.candidates = endpoints.map { .passUnretained($0) }
        self.bound = bound
        self.random = random
    }

    @inline(__always)
    func endpoint(for request: borrowing PickRequest) -> EndpointState? {
        guard table.placeCount > 0 else { return nil }
        let hash = request.hash ?? random.next()
        let position = table.endpoint(for: hash, attempt: 0)
        let suits = candidates[position]._withUnsafeGuaranteedRef { $0.suits(request) }
        if suits, bound == nil { return endpoints[position] }
        return furtherEndpoint(for: request, hash, after: suits ? position : nil)
    }

    /// - Parameter first: The hash's own endpoint, if that may be used.
    @inline(never)
    private func furtherEndpoint(
        for request: borrowing PickRequest,
        _ hash: UInt64,
        after first: Int?
    ) -> EndpointState? {
        if let first { return bounded(first, for: request, hash) }
        // Neighbours have the same owner again and again: enough places to meet most endpoints, and no more.
        for attempt in 1...min(table.placeCount, 4 &* endpoints.count &+ 16) {
            let position = table.endpoint(for: hash, attempt: attempt)
            if endpoints[position].suits(request) { return bounded(position, for: request, hash) }
        }
        return endpoints.firstUsable(from: Int(hash % UInt64(endpoints.count)), for: request)
    }

    private func bounded(_ first: Int, for request: borrowing PickRequest, _ hash: UInt64) -> EndpointState {
        guard let bound else { return endpoints[first] }
        return endpoints[bound.choice(first, for: hash, among: endpoints) { $0.suits(request) }]
    }
}

/// Picks from a ring. A class of its own, as every picker is: what is generic is not specialised behind `any`, and what is
/// larger than three words is in a box there.
final class RingHashPicker: EndpointPicker {
    private let choice: HashedChoice<HashRing>

    init(_ choice: HashedChoice<HashRing>) {
        self.choice = choice
    }

    func pick(for request: borrowing PickRequest) -> EndpointState? {
        choice.endpoint(for: request)
    }
}

/// Picks from a Maglev table.
final class MaglevPicker: EndpointPicker {
    private let choice: HashedChoice<MaglevTable>

    init(_ choice: HashedChoice<MaglevTable>) {
        self.choice = choice
    }

    func pick(for request: borrowing PickRequest) -> EndpointState? {
        choice.endpoint(for: request)
    }
}
