// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// One client's stream of the aggregated discovery service, state of the world: what it asked for, what it was sent.
///
/// A response goes out when something changed for the client, never otherwise. LDS and CDS responses hold everything
/// that the client may know, RDS and EDS responses what is new. A request with an older nonce is stale and ignored.
struct ADSServerStreamStateMachine {
    /// What there is to serve.
    struct Offer: Hashable, Sendable {
        var version: String
        var resources: [ResourceKind: [String: PackedResource]]
        var isWarming: Bool
        /// The endpoint assignments that clusters need, by the clusters' names.
        var assignments: [String: String] = [:]
    }

    /// A request of the client.
    struct Request: Hashable, Sendable {
        var kind: ResourceKind
        var names: Set<String>
        var version: String
        var nonce: String
        /// Why the client refuses the response of that nonce; `nil` if it takes it.
        var refusal: String?
    }

    /// A response to the client.
    struct Response: Hashable, Sendable {
        var kind: ResourceKind
        var version: String
        var nonce: String
        var resources: [PackedResource]
        /// Names that the client asked for and that do not exist.
        var missing: [String] = []
    }

    /// What to do after a request.
    struct Action: Hashable, Sendable {
        var response: Response?
        var verdict: Verdict?
    }

    /// What the client says of a response.
    enum Verdict: Hashable, Sendable {
        case acknowledged(ResourceKind, version: String)
        case rejected(ResourceKind, version: String, message: String)
    }

    private struct Subscription {
        var names: Set<String>
        var isWildcard: Bool
        /// The client came with a version that it got on an earlier stream.
        let cameWithVersion: Bool
        var nonce = ""
        var sentVersion = ""
        var sent: [String: PackedResource] = [:]
        var reportedMissing: Set<String> = []
        var hasResponded = false
    }

    /// The most names that a client may subscribe to, of one kind: a bound on what a hostile one can make us keep.
    static let maximumNames = 100_000

    /// Whether the client understands that a name does not exist; others find out by waiting.
    var reportsMissing = false
    /// Whether the client takes a changed cluster into use only when it gets endpoints for it, changed or not: the xDS
    /// protocol's "resource warming". Envoy else keeps the old cluster for its `initial_fetch_timeout`, 15 s.
    var warmsClusters = false

    private var offer = Offer(version: "", resources: [:], isWarming: false)
    private var subscriptions: [ResourceKind: Subscription] = [:]
    private var lastNonce: UInt64 = 0

    /// The names of listeners that the client asks for.
    var listenerNames: Set<String> { subscriptions[.listener]?.names ?? [] }

    /// The client has sent a request.
    mutating func requestReceived(_ request: Request) -> Action {
        guard request.names.count <= Self.maximumNames else { return Action() }
        guard var subscription = subscriptions[request.kind] else {
            subscriptions[request.kind] = Subscription(
                names: request.names.subtracting(["*"]),
                isWildcard: request.kind.isFullState && (request.names.isEmpty || request.names.contains("*")),
                cameWithVersion: !request.version.isEmpty
            )
            return Action(response: respond(to: request.kind, mustRespond: request.kind.isFullState))
        }
        // A first request that nobody answered yet has no nonce to refer to.
        guard request.nonce == subscription.nonce else { return Action() }
        var action = Action()
        if !request.nonce.isEmpty {
            action.verdict =
                if let message = request.refusal {
                    .rejected(request.kind, version: subscription.sentVersion, message: message)
                } else {
                    .acknowledged(request.kind, version: request.version)
                }
        }
        let names = request.names.subtracting(["*"])
        // Once a client has named resources, an empty list means none of them.
        let isWildcard =
            request.names.contains("*") || (subscription.isWildcard && subscription.names.isEmpty && names.isEmpty)
        guard names != subscription.names || isWildcard != subscription.isWildcard else { return action }
        let added = names.subtracting(subscription.names)
        subscription.names = names
        subscription.isWildcard = isWildcard && request.kind.isFullState
        // What is no longer asked for is forgotten, and sent again should it be asked for again.
        if !subscription.isWildcard { subscription.sent = subscription.sent.filter { names.contains($0.key) } }
        subscription.reportedMissing.formIntersection(names)
        subscriptions[request.kind] = subscription
        // A full response without the name is how a client learns that it does not exist.
        action.response = respond(to: request.kind, mustRespond: request.kind.isFullState && !added.isEmpty)
        return action
    }

    /// There is something else to serve.
    mutating func resourcesChanged(_ offer: Offer) -> [Response] {
        self.offer = offer
        if warmsClusters { forgetEndpointsOfChangedClusters() }
        // Make before break: clusters and endpoints, then the listeners and routes that use them, and only then the
        // clusters without those that nothing uses any more. A client that names its clusters lets go of them itself,
        // but only when it has the new routes.
        if let clusters = subscriptions[.cluster] {
            self.offer.resources[.cluster, default: [:]].merge(clusters.sent) { new, _ in new }
        }
        var responses = ResourceKind.allCases.compactMap { kind in
            respond(to: kind, mustRespond: kind.isFullState && subscriptions[kind]?.hasResponded == false)
        }
        self.offer = offer
        if let final = respond(to: .cluster, mustRespond: false) { responses.append(final) }
        return responses
    }

    /// Has the endpoints of the clusters that are about to change sent again.
    private mutating func forgetEndpointsOfChangedClusters() {
        for (name, sent) in subscriptions[.cluster]?.sent ?? [:] {
            guard let cluster = offer.resources[.cluster]?[name], cluster != sent else { continue }
            guard let assignment = offer.assignments[name] else { continue }
            subscriptions[.endpointAssignment]?.sent[assignment] = nil
        }
    }

    private mutating func respond(to kind: ResourceKind, mustRespond: Bool) -> Response? {
        guard var subscription = subscriptions[kind], !offer.version.isEmpty else { return nil }
        guard !(offer.isWarming && subscription.cameWithVersion) else { return nil }
        let known = offer.resources[kind] ?? [:]
        var wanted = subscription.isWildcard ? known : [:]
        for name in subscription.names { wanted[name] = known[name] }
        let changed = wanted.filter { subscription.sent[$0.key] != $0.value }
        let hasLost = kind.isFullState && subscription.sent.keys.contains { wanted[$0] == nil }
        // While the control plane warms up, what is not there may only be late.
        let missing: Set<String> =
            reportsMissing && !offer.isWarming ? subscription.names.filter { known[$0] == nil } : []
        let newlyMissing = missing.subtracting(subscription.reportedMissing)
        guard mustRespond || !changed.isEmpty || hasLost || !newlyMissing.isEmpty else { return nil }
        lastNonce += 1
        subscription.nonce = "\(lastNonce)"
        subscription.sentVersion = offer.version
        subscription.sent = wanted
        subscription.reportedMissing = missing
        subscription.hasResponded = true
        subscriptions[kind] = subscription
        let resources = kind.isFullState ? wanted : changed
        return Response(
            kind: kind,
            version: offer.version,
            nonce: subscription.nonce,
            resources: resources.sorted { $0.key < $1.key }.map(\.value),
            missing: (kind.isFullState ? missing : newlyMissing).sorted()
        )
    }
}
