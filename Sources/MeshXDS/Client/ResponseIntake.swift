// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Takes what is good of a response, and says what is wrong with the rest (gRFC A46).
struct ResponseIntake {
    /// The longest refusal, in bytes of UTF-8: enough for the names of some thousand resources.
    static let maximumRefusalLength = 64 * 1024

    /// The most problems of a response that are kept; the others are counted.
    private static let maximumProblems = 1024

    let decoder: ResourceDecoder
    /// The server that the response is from, by its place in the list.
    let server: Int
    /// Whether bad resources are worse than none (`fail_on_data_errors`, gRFC A88).
    let failsOnDataErrors: Bool
    let now: MeshInstant
    /// Whether the server may tell of a name: of others only those may whose authority it is (gRFC A47).
    var mayTell: (String) -> Bool = { _ in true }

    /// What became of a response.
    struct Outcome {
        /// What is wrong with it; empty if nothing is.
        private(set) var problems: [String] = []
        /// How many problems there are besides.
        private var omitted = 0
        /// How many resources it had that can be used, be they as they were.
        fileprivate(set) var valid = 0
        /// How many it had that cannot.
        private(set) var invalid = 0
        /// The names that it had.
        fileprivate var seen: Set<String> = []

        /// Whether it had a resource that is in use now.
        var hasGood: Bool { valid > 0 }

        fileprivate mutating func note(_ problem: String) {
            invalid += 1
            if problems.count < ResponseIntake.maximumProblems { problems.append(problem) } else { omitted += 1 }
        }

        /// What the server is told of the problems; `nil` if there are none.
        var refusal: String? { ResponseIntake.refusal(problems, besides: omitted) }
    }

    /// Takes a response into what is known of its kind.
    func take(_ response: ADSResponse, into subscription: inout ADSSubscription) -> Outcome {
        var outcome = Outcome()
        for item in response.resources { take(item, of: response.kind, into: &subscription, &outcome) }
        let rule = DeletionRule(failsOnDataErrors: failsOnDataErrors, rules: decoder.rules)
        if response.kind.isFullState, !response.isDelta {
            let known = Set(subscription.cached.keys).union(subscription.problems.keys)
            for name in known.subtracting(outcome.seen) { subscription.deleted(name, by: rule, at: now) }
        }
        for name in response.removed where !outcome.seen.contains(name) {
            subscription.deleted(name, by: rule, at: now)
        }
        for failure in response.failures where !outcome.seen.contains(failure.name) {
            take(failure, rule, into: &subscription)
        }
        return outcome
    }

    private func take(
        _ item: ADSResponse.Item,
        of kind: ResourceKind,
        into subscription: inout ADSSubscription,
        _ outcome: inout Outcome
    ) {
        guard let packed = item.packed else {
            // A sign of life of a resource with a time to live.
            if let name = item.name { outcome.seen.insert(name) }
            return
        }
        if let known = subscription.name(of: packed), item.name ?? known == known, !outcome.seen.contains(known) {
            // The same bytes mean the same resource; nothing needs to be decoded.
            outcome.seen.insert(known)
            outcome.valid += 1
            subscription.confirm(known, version: item.version, server: server)
            return
        }
        let decoded = decoder.decode(packed, as: kind)
        guard let name = decoded.name ?? item.name, !name.isEmpty else {
            outcome.note("a resource without a name: \(Self.text(decoded))")
            return
        }
        guard outcome.seen.insert(name).inserted else {
            outcome.note("\(name): the response has this resource twice")
            return
        }
        guard mayTell(name) else {
            outcome.note("\(name): belongs to an authority that this control plane does not answer for")
            return
        }
        // Others come from servers that know better what is needed soon; they are tolerated.
        guard subscription.wants(name) else { return }
        if let announced = item.name, announced != name {
            return refuse(name, "the response calls it \(announced)", item, &subscription, &outcome)
        }
        switch decoded.result {
        case .success(let resource):
            outcome.valid += 1
            subscription.accept(
                name,
                ADSSubscription.Cached(
                    packed: packed,
                    resource: resource.resource,
                    ignored: item.ignored + resource.ignored,
                    version: item.version,
                    server: server,
                    updatedAt: now
                )
            )
        case .failure: refuse(name, Self.text(decoded), item, &subscription, &outcome)
        }
    }

    private func refuse(
        _ name: String,
        _ text: String,
        _ item: ADSResponse.Item,
        _ subscription: inout ADSSubscription,
        _ outcome: inout Outcome
    ) {
        outcome.note("\(name): \(text)")
        let problem = ADSSubscription.Problem(
            cause: .refused,
            text: text,
            version: item.version,
            packed: item.packed,
            since: now
        )
        subscription.fail(name, problem, dropping: failsOnDataErrors)
    }

    /// Takes what the server says of a resource that it cannot give (gRFC A88).
    private func take(
        _ failure: ADSResponse.Failure,
        _ rule: DeletionRule,
        into subscription: inout ADSSubscription
    ) {
        guard failure.code != ADSResponse.notFound else {
            return subscription.deleted(failure.name, by: rule, at: now)
        }
        // A server may be free with names; what nobody wants is not kept.
        guard subscription.wants(failure.name), !failure.name.isEmpty else { return }
        let text = "the control plane cannot give it: \(failure.message) (code \(failure.code))"
        // A server that is not well is no reason to go without; one that refuses is, where it is to be.
        let isFinal = failure.code == ADSResponse.permissionDenied
        subscription.fail(
            failure.name,
            ADSSubscription.Problem(cause: .reported, text: text, since: now),
            dropping: isFinal && failsOnDataErrors
        )
    }

    private static func text(_ outcome: ResourceDecoder.Outcome) -> String {
        guard case .failure(let error) = outcome.result else { return "its name is empty" }
        return error.problems.map(\.description).joined(separator: ", ")
    }

    /// What the server is told of the problems; `nil` if there are none.
    /// - Parameter omitted: How many there are besides.
    static func refusal(_ problems: [String], besides omitted: Int = 0) -> String? {
        guard !problems.isEmpty else { return nil }
        var text = ""
        for (position, problem) in problems.enumerated() {
            let separator = text.isEmpty ? "" : "; "
            guard text.utf8.count + separator.utf8.count + problem.utf8.count <= maximumRefusalLength else {
                let rest = "\(problems.count - position + omitted) further resources are refused"
                return text.isEmpty ? problem.cut(to: 1024) + "; " + rest : text + separator + rest
            }
            text += separator + problem
        }
        return omitted == 0 ? text : text + "; \(omitted) further resources are refused"
    }
}
