// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension ADSServerList {
    /// Takes in what an earlier process kept of a kind, where nobody has told anything.
    mutating func takeKept(
        _ entries: [ResourceSnapshot.Entry],
        of kind: ResourceKind,
        _ directory: ServerDirectory,
        at now: MeshInstant
    ) {
        guard let subscription = subscriptions[kind] else { return }
        let isUnheard = subscription.isWildcard && !subscription.isKnown
        let wanted = entries.filter { isUnheard || subscription.isAwaited($0.name) }
        guard !wanted.isEmpty else { return }
        let intake = ResponseIntake(
            decoder: decoder,
            server: 0,
            failsOnDataErrors: false,
            now: now,
            mayTell: { [place] name in directory.place(of: name, as: kind) == .list(place) }
        )
        // Without a version: no server is to think that it is what it has told.
        let response = ADSResponse(
            kind: kind,
            version: "",
            nonce: "",
            resources: wanted.map { ADSResponse.Item(name: $0.name, version: "", packed: $0.packed) },
            isDelta: true
        )
        let outcome = intake.take(response, into: &subscriptions[kind, default: ADSSubscription()])
        if outcome.hasGood { subscriptions[kind]?.isKnown = true }
    }
}
