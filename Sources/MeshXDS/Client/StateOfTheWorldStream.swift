// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The client's half of one stream, state of the world: what it has said of each kind, and what it has still to say.
///
/// A request says all there is to say of its kind, so that one takes the place of all that would have been sent before.
struct StateOfTheWorldStream {
    /// A request to send.
    struct Request: Hashable, Sendable {
        var kind: ResourceKind
        var names: [String]
        var version: String
        var nonce: String
        /// Why the last response is refused; `nil` if it is taken, or if there was none.
        var refusal: String?
    }

    private struct Dialogue {
        /// Whether the server has been asked.
        var isRequested = false
        /// Whether there is something to say.
        var isOwed = true
        /// The nonce of the last response.
        var nonce = ""
        /// Why that response is refused; `nil` if it is taken. Every request until the next response says so: without it,
        /// a request for other names with the same nonce would read as an acknowledgement.
        var refusal: String?
    }

    private var dialogues: [ResourceKind: Dialogue] = [:]

    /// Whether the server has been asked for a kind.
    func isRequested(_ kind: ResourceKind) -> Bool { dialogues[kind]?.isRequested == true }

    /// Whether there is, or may be, something to say of a kind.
    func isOwed(_ kind: ResourceKind) -> Bool { dialogues[kind]?.isOwed ?? true }

    /// The names that are wanted of a kind have changed.
    mutating func namesChanged(of kind: ResourceKind) {
        dialogues[kind, default: Dialogue()].isOwed = true
    }

    /// A response has been received.
    mutating func responseReceived(_ kind: ResourceKind, nonce: String, refusal: String?) {
        dialogues[kind, default: Dialogue()].nonce = nonce
        dialogues[kind, default: Dialogue()].refusal = refusal
        dialogues[kind, default: Dialogue()].isOwed = true
    }

    /// What is to be said of a kind now, as said; `nil` if there is nothing.
    mutating func next(
        _ kind: ResourceKind,
        of subscription: ADSSubscription,
        version: String
    ) -> Request? {
        var dialogue = dialogues[kind] ?? Dialogue()
        guard dialogue.isOwed, dialogue.isRequested || subscription.isWanted else { return nil }
        dialogue.isOwed = false
        dialogue.isRequested = true
        dialogues[kind] = dialogue
        return Request(
            kind: kind,
            names: subscription.requestNames,
            version: version,
            nonce: dialogue.nonce,
            refusal: dialogue.refusal
        )
    }
}
