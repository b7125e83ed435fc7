// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The client's half of one stream, incremental: what it has said of each kind, and what it has still to say.
///
/// What is subscribed to is compared with what the server was told of when a request is about to be sent, so that a name
/// which was let go of and is back meanwhile costs nothing. Each response has an answer of its own.
struct DeltaStream {
    /// A request to send.
    struct Request: Hashable, Sendable {
        var kind: ResourceKind
        var subscribe: [String] = []
        var unsubscribe: [String] = []
        /// What is known from streams before, in the first request of a kind: version by name.
        var versions: [String: String] = [:]
        /// The response that is answered; empty for none.
        var nonce = ""
        /// Why that response is refused; `nil` if it is taken.
        var refusal: String?
    }

    private struct Answer {
        var nonce: String
        var refusal: String?
    }

    private struct Dialogue {
        /// Whether the server has been asked.
        var isRequested = false
        /// What the server was told of.
        var told: Set<String> = []
        /// Whether that may not be what is wanted any more.
        var isOutdated = true
        /// The answers that have not been sent.
        var answers: [Answer] = []
    }

    /// The most answers of a kind that wait to be sent. A server that sends on without reading loses the oldest: it has
    /// no use for them.
    static let maximumAnswers = 256

    private var dialogues: [ResourceKind: Dialogue] = [:]

    /// Whether the server has been asked for a kind.
    func isRequested(_ kind: ResourceKind) -> Bool { dialogues[kind]?.isRequested == true }

    /// Whether there is, or may be, something to say of a kind.
    func isOwed(_ kind: ResourceKind) -> Bool {
        guard let dialogue = dialogues[kind] else { return true }
        return dialogue.isOutdated || !dialogue.answers.isEmpty
    }

    /// The names that are wanted of a kind have changed.
    mutating func namesChanged(of kind: ResourceKind) {
        dialogues[kind]?.isOutdated = true
    }

    /// A response has been received.
    mutating func responseReceived(_ kind: ResourceKind, nonce: String, refusal: String?) {
        dialogues[kind, default: Dialogue()].answers.append(Answer(nonce: nonce, refusal: refusal))
        guard let answers = dialogues[kind]?.answers, answers.count > Self.maximumAnswers else { return }
        // A refusal is worth more than that something was taken.
        let oldest = answers.firstIndex { $0.refusal == nil } ?? 0
        dialogues[kind]?.answers.remove(at: oldest)
    }

    /// What is to be said of a kind now, as said.
    /// - Parameter versions: What is known from this server, for the first request.
    mutating func next(
        _ kind: ResourceKind,
        of subscription: ADSSubscription,
        versions: () -> [String: String]
    ) -> [Request] {
        var dialogue = dialogues[kind] ?? Dialogue()
        defer { dialogues[kind] = dialogue }
        guard dialogue.isRequested else {
            guard subscription.isWanted else { return [] }
            dialogue.isRequested = true
            dialogue.isOutdated = false
            dialogue.told = Set(subscription.requestNames)
            // Without names the first request of a kind asks for everything.
            return [Request(kind: kind, subscribe: subscription.requestNames, versions: versions())]
        }
        var requests = dialogue.answers.map { Request(kind: kind, nonce: $0.nonce, refusal: $0.refusal) }
        dialogue.answers = []
        guard dialogue.isOutdated else { return requests }
        dialogue.isOutdated = false
        let wanted = Set(subscription.requestNames)
        let subscribe = wanted.subtracting(dialogue.told).sorted()
        let unsubscribe = dialogue.told.subtracting(wanted).sorted()
        dialogue.told = wanted
        guard !subscribe.isEmpty || !unsubscribe.isEmpty else { return requests }
        // The change rides on the last answer.
        var last = requests.popLast() ?? Request(kind: kind)
        last.subscribe = subscribe
        last.unsubscribe = unsubscribe
        requests.append(last)
        return requests
    }
}
