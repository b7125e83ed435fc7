// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// One client's stream of the aggregated discovery service: what it asked for, what it was sent, what it is told next.
///
/// A response goes out when something changed for the client, never otherwise, and never while the client owes an
/// answer to the one before of its kind; what changes meanwhile becomes one response. By state of the world, LDS and
/// CDS responses hold everything that the client may know, RDS and EDS responses what is new. Incremental responses
/// hold what is new and name what is gone.
///
/// Clusters and endpoints come before the listeners and routes that use them, and are taken away only when the client
/// has taken listeners and routes that no longer do (make before break). A client that refuses its routes keeps its
/// clusters.
struct ADSServerStreamStateMachine {
    /// The two protocols.
    enum Form: Hashable, Sendable {
        /// `StreamAggregatedResources`.
        case stateOfTheWorld
        /// `DeltaAggregatedResources`.
        case incremental
    }

    /// A request by the state-of-the-world protocol.
    struct Request: Hashable, Sendable {
        var kind: ResourceKind
        var names: Set<String>
        var version: String
        var nonce: String
        /// Why the client refuses the response of that nonce; `nil` if it takes it.
        var refusal: String?
    }

    /// A request by the incremental protocol.
    struct IncrementalRequest: Hashable, Sendable {
        var kind: ResourceKind
        var subscribed: Set<String> = []
        var unsubscribed: Set<String> = []
        /// What the client has from an earlier stream, with versions; in the first request of a kind only.
        var versions: [String: String] = [:]
        /// The response that the client answers; empty if it answers none.
        var nonce = ""
        /// Why the client refuses the response of that nonce; `nil` if it takes it.
        var refusal: String?
    }

    /// A response to the client.
    struct Response: Hashable, Sendable {
        var kind: ResourceKind
        var version: String
        var nonce: String
        var resources: [EncodedResource]
        /// Names that the client is to forget. By state of the world, what a full response leaves out is to be
        /// forgotten.
        var removed: [String] = []
        /// Names that the client asked for and that do not exist.
        var missing: [String] = []
    }

    /// What to do after a request.
    struct Action: Hashable, Sendable {
        var responses: [Response] = []
        var verdict: Verdict?
        /// Why the stream cannot go on.
        var failure: String?
    }

    /// What the client says of a response.
    enum Verdict: Hashable, Sendable {
        case acknowledged(ResourceKind, version: String)
        case rejected(ResourceKind, version: String, message: String)
    }

    /// The most names of one kind that a client may ask for: a bound on what a hostile one can make us keep.
    static let maximumNames = 100_000
    /// The most clusters, and the most assignments, that are kept for a client that does not take its routes.
    static let maximumStale = 1024
    /// How long routes wait for a client to ask for the endpoints of new clusters. Envoy does it at once.
    static let endpointPatience = Nanoseconds.seconds(1)

    /// Which protocol the client speaks.
    let form: Form
    /// Whether the client understands that a name does not exist; others find out by waiting.
    var reportsMissing = false
    /// Whether the client puts each response in force as it comes, and a new or changed cluster only when it gets
    /// endpoints for it, changed or not: the xDS protocol's "resource warming". Envoy else keeps the old cluster for
    /// its `initial_fetch_timeout`, 15 s, and answers requests on routes to new clusters with 503.
    var warmsClusters = false

    private(set) var subscriptions: [ResourceKind: ServedSubscription] = [:]
    private var offer: ServedOffer?
    private var lastNonce: UInt64 = 0
    /// Assignments of new clusters that the client is expected to ask for, and until when.
    private var awaited: Set<String> = []
    private var patienceEnd: MeshInstant?

    init(form: Form = .stateOfTheWorld) {
        self.form = form
    }

    /// The names of listeners that the client asks for.
    var listenerNames: Set<String> { subscriptions[.listener]?.names ?? [] }

    /// When `timePassed` is to be called, if nothing else happens.
    var deadline: MeshInstant? { patienceEnd }

    /// The version that the client has taken all of; `nil` while it has not, or refuses some of it.
    var appliedVersion: String? {
        guard let offer, !offer.version.isEmpty, !subscriptions.isEmpty, awaited.isEmpty else { return nil }
        guard subscriptions.values.allSatisfy({ $0.isSettled && !isWaitingForWarmth($0) }) else { return nil }
        return offer.version
    }

    /// The version of which the client has answered everything, and refuses some.
    var refusedVersion: String? {
        guard let offer, !offer.version.isEmpty, subscriptions.values.contains(where: \.isRefused) else { return nil }
        guard subscriptions.values.allSatisfy({ $0.isAnswered && !$0.hasNews(lettingGo: false) }) else { return nil }
        return offer.version
    }

    /// The client has sent a request by state of the world.
    mutating func requestReceived(_ request: Request, at now: MeshInstant) -> Action {
        guard request.names.count <= Self.maximumNames else { return tooManyNames(request.kind) }
        let names = request.names.subtracting(["*"])
        let isMarked = request.names.contains("*")
        guard var subscription = subscriptions[request.kind] else {
            var subscription = subscribe(to: request.kind, cameWithVersions: !request.version.isEmpty)
            let isWildcard = request.kind.isFullState && (isMarked || names.isEmpty)
            subscription.subscribe(to: names, isWildcard: isWildcard, offer)
            subscription.isAsked = request.kind.isFullState
            subscriptions[request.kind] = subscription
            return Action(responses: send([request.kind], at: now))
        }
        // A first request that nobody answered yet has no nonce to refer to.
        guard request.nonce == subscription.nonce else { return Action() }
        var action = Action()
        if !request.nonce.isEmpty {
            action.verdict = settle(&subscription, refusal: request.refusal)
        }
        // Once a client has named resources, an empty list means none of them.
        let isWildcard = isMarked || (subscription.isWildcard && subscription.names.isEmpty && names.isEmpty)
        let added = names.subtracting(subscription.names)
        subscription.subscribe(to: names, isWildcard: isWildcard && request.kind.isFullState, offer)
        // A full response without the name is how a client learns that it does not exist.
        if request.kind.isFullState, !added.isEmpty { subscription.isAsked = true }
        subscriptions[request.kind] = subscription
        noticeAnswer(request.kind, action.verdict, at: now)
        action.responses = send(added.isEmpty ? [] : [request.kind], at: now)
        return action
    }

    /// The client has sent an incremental request.
    mutating func requestReceived(_ request: IncrementalRequest, at now: MeshInstant) -> Action {
        let isFirst = subscriptions[request.kind] == nil
        var subscription =
            subscriptions[request.kind] ?? subscribe(to: request.kind, cameWithVersions: !request.versions.isEmpty)
        guard max(subscription.names.count + request.subscribed.count, request.versions.count) <= Self.maximumNames
        else {
            return tooManyNames(request.kind)
        }
        var action = Action()
        // Subscriptions are not answers: those of a request whose nonce is stale count none the less.
        if !request.nonce.isEmpty, request.nonce == subscription.nonce, !subscription.isAnswered {
            action.verdict = settle(&subscription, refusal: request.refusal)
        }
        if isFirst { subscription.resume(request.versions) }
        let hadWildcard = subscription.isWildcard
        // A first request that names nothing asks for everything, and goes on doing so until it is told otherwise.
        let isWildcard =
            (hadWildcard || request.subscribed.contains("*")
                || (isFirst && request.kind.isFullState && request.subscribed.isEmpty))
            && !request.unsubscribed.contains("*")
            // Nobody gets a key by asking for whatever there is.
            && request.kind != .secret
        let added = request.subscribed.subtracting(["*"])
        // Who lets go of a name and asks for everything does not know whether that has the name, too.
        let doubtful = isWildcard ? request.unsubscribed.intersection(subscription.names).subtracting(added) : []
        // Who names what it has already may not know that it has it.
        let again = hadWildcard ? added : added.intersection(subscription.names)
        let names = subscription.names.subtracting(request.unsubscribed).union(added)
        subscription.subscribe(to: names, isWildcard: isWildcard, offer)
        for name in doubtful.sorted() { subscription.doubt(name, offer) }
        if !isFirst { subscription.forget(again, offer) }
        if isWildcard, !hadWildcard { subscription.isAsked = true }
        subscriptions[request.kind] = subscription
        noticeAnswer(request.kind, action.verdict, at: now)
        let hasAsked = !added.isEmpty || !doubtful.isEmpty || isWildcard != hadWildcard
        action.responses = send(hasAsked ? [request.kind] : [], at: now)
        return action
    }

    /// There is something else to serve.
    mutating func offered(_ offer: ServedOffer, at now: MeshInstant) -> [Response] {
        let before = self.offer
        self.offer = offer
        for kind in ResourceKind.allCases { subscriptions[kind]?.offered(offer) }
        if warmsClusters, before != nil { expectEndpoints(offer) }
        return send([], at: now)
    }

    /// Time has passed.
    mutating func timePassed(at now: MeshInstant) -> [Response] {
        if let patienceEnd, now >= patienceEnd { forgetAwaited() }
        return send([], at: now)
    }

    private mutating func subscribe(to kind: ResourceKind, cameWithVersions: Bool) -> ServedSubscription {
        let isIncremental = form == .incremental
        let rules = ServedSubscription.Rules(
            isIncremental: isIncremental,
            reportsMissing: reportsMissing || isIncremental
        )
        return ServedSubscription(kind, rules: rules, cameWithVersions: cameWithVersions)
    }

    private func tooManyNames(_ kind: ResourceKind) -> Action {
        Action(failure: "a client may ask for \(Self.maximumNames) names of \(kind.rawValue) at most")
    }
}

extension ADSServerStreamStateMachine {
    /// The client has said what it thinks of the last response.
    private func settle(_ subscription: inout ServedSubscription, refusal: String?) -> Verdict {
        subscription.isAnswered = true
        subscription.isRefused = refusal != nil
        let version = subscription.sentVersion
        return refusal.map { .rejected(subscription.kind, version: version, message: $0) }
            ?? .acknowledged(subscription.kind, version: version)
    }

    private mutating func noticeAnswer(_ kind: ResourceKind, _ verdict: Verdict?, at now: MeshInstant) {
        guard kind == .cluster, let verdict, !awaited.isEmpty else { return }
        // Nobody knows which of the clusters a client took of a response that it refused.
        if case .rejected = verdict { return forgetAwaited() }
        patienceEnd = patienceEnd ?? now.advanced(by: Self.endpointPatience)
    }

    private mutating func forgetAwaited() {
        awaited = []
        patienceEnd = nil
    }

    /// Has the endpoints of the clusters that are about to change sent again, and waits for those of new ones.
    private mutating func expectEndpoints(_ offer: ServedOffer) {
        guard let clusters = subscriptions[.cluster] else { return }
        for name in clusters.due {
            guard let assignment = offer.assignments[name],
                offer.resource(.endpointAssignment, assignment) != nil
            else { continue }
            if subscriptions[.endpointAssignment]?.names.contains(assignment) == true {
                subscriptions[.endpointAssignment]?.forget([assignment], offer)
            } else {
                awaited.insert(assignment)
            }
        }
    }

    /// While the control plane warms up, who has a configuration from before keeps it.
    private func isWaitingForWarmth(_ subscription: ServedSubscription) -> Bool {
        offer?.isWarming == true && subscription.cameWithVersions
    }

    /// Sends what can be sent now.
    /// - Parameter asked: The kinds that the client has just asked for something of: it waits for them.
    private mutating func send(_ asked: Set<ResourceKind>, at now: MeshInstant) -> [Response] {
        var responses: [Response] = []
        // Envoy asks for clusters and listeners when it has its runtime, and others wait for all of it.
        if let response = respond(to: .runtimeLayer, lettingGo: true) { responses.append(response) }
        for kind in [ResourceKind.cluster, .endpointAssignment] {
            let isOverfull = (subscriptions[kind]?.gone.count ?? 0) > Self.maximumStale
            if let response = respond(to: kind, lettingGo: isOverfull || !mayUseStale) { responses.append(response) }
        }
        if let response = respond(to: .secret, lettingGo: true) { responses.append(response) }
        if awaited.isEmpty { patienceEnd = nil }
        let isHeld = warmsClusters && !(hasTaken(.cluster) && hasTaken(.endpointAssignment) && awaited.isEmpty)
        for kind in [ResourceKind.listener, .routeConfiguration] where !isHeld || asked.contains(kind) {
            if let response = respond(to: kind, lettingGo: true) { responses.append(response) }
        }
        // Only now, what nothing uses any more.
        if !mayUseStale {
            for kind in [ResourceKind.cluster, .endpointAssignment] {
                if let response = respond(to: kind, lettingGo: true) { responses.append(response) }
            }
        }
        return responses
    }

    /// Whether the client may have routes that use what is gone: it has not taken the latest.
    private var mayUseStale: Bool {
        [ResourceKind.listener, .routeConfiguration].contains { subscriptions[$0]?.isSettled == false }
    }

    /// Whether a client that takes responses one by one has taken, or refused, what it was sent of a kind.
    private func hasTaken(_ kind: ResourceKind) -> Bool {
        subscriptions[kind].map { $0.isAnswered && !$0.hasNews(lettingGo: false) } ?? true
    }

    private mutating func respond(to kind: ResourceKind, lettingGo: Bool) -> Response? {
        guard let offer, !offer.version.isEmpty, var subscription = subscriptions[kind] else { return nil }
        guard subscription.isAnswered, subscription.hasNews(lettingGo: lettingGo) else { return nil }
        guard !isWaitingForWarmth(subscription) else { return nil }
        let news = subscription.takeNews(offer, lettingGo: lettingGo)
        // A client that asks others for its secrets, and us by the way, must not hear that there are none.
        guard kind != .secret || !news.resources.isEmpty || !news.removed.isEmpty || offer.hasSecrets else {
            subscriptions[kind] = subscription
            return nil
        }
        lastNonce += 1
        subscription.nonce = "\(lastNonce)"
        subscription.sentVersion = offer.version
        subscription.isAnswered = false
        subscriptions[kind] = subscription
        if kind == .endpointAssignment { awaited.subtract(news.resources.lazy.map(\.name)) }
        return Response(
            kind: kind,
            version: offer.version,
            nonce: subscription.nonce,
            resources: news.resources,
            removed: form == .incremental ? (news.removed + news.missing).sorted() : [],
            missing: form == .incremental ? [] : news.missing
        )
    }
}
