// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Says whose answer a context carries, when it did not come from the transport below a layer.
///
/// A list and not a mark: what stands in may be a stack in which something stands in, and each finishes what is its own.
final class StandIn: Sendable {
    private let owner: any Sendable & AnyObject
    private let below: (any Sendable & AnyObject)?

    private init(owner: any Sendable & AnyObject, below: (any Sendable & AnyObject)?) {
        self.owner = owner
        self.below = below
    }

    /// The answer in hand is the owner's.
    static func note(_ owner: any Sendable & AnyObject, in context: inout CallContext) {
        context.standIn = StandIn(owner: owner, below: context.standIn)
    }

    /// Takes the note away that the answer in hand is the owner's.
    /// - Returns: Whether it was.
    static func take(_ owner: (any Sendable & AnyObject)?, from context: inout CallContext) -> Bool {
        guard let owner, let note = context.standIn as? StandIn, note.owner === owner else { return false }
        context.standIn = note.below
        return true
    }
}
