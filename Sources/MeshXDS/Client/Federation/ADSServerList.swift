// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// One list of control planes, in order of preference, with what is wanted of them and what they told: what a client's
/// machine has of each list that its bootstrap names, be it at the top or an authority's (gRFC A47).
///
/// One server after another is asked, but only while something is wanted that nobody has told, and all before it cannot be
/// reached; the first that answers is the one to go by, and those behind it are let go (gRFC A71). What they told stays
/// until it tells otherwise. What happens to one list concerns no other.
struct ADSServerList {
    /// What is known of a list beforehand.
    struct Traits: Hashable, Sendable {
        /// Its servers; not empty.
        var servers = [ADSServer.Traits()]
        /// What sources of load statistics call it; `nil` for what the decoder says.
        var source: String?
    }

    /// The list's place among all; that at the top of the bootstrap is the first.
    let place: Int
    let decoder: ResourceDecoder
    var servers: [ADSServer]
    /// How many of the servers are to have a stream while there is anything to ask for, from the first on.
    var reachedServers = 1
    /// What is known, by kind.
    var subscriptions: [ResourceKind: ADSSubscription] = [:]
    /// The stream whose server is the one to go by: what it says nothing of for long does not exist.
    var leader: ADSServer.StreamID?
    /// Since when none of the servers can be reached.
    var outOfReachSince: MeshInstant? {
        didSet { if outOfReachSince == nil { isLongOutOfReach = false } }
    }
    private var isLongOutOfReach = false
    /// Since when there has been nothing to ask for, though there was before.
    private(set) var idleSince: MeshInstant?
    /// Whether there is, or was a moment ago, something to ask for.
    private(set) var isFollowed = false

    /// - Parameter wanted: What is asked for whatever refers to it.
    init(_ traits: Traits, at place: Int, wanted: [ResourceKind: ADSSubscription], decoder: ResourceDecoder) {
        self.place = place
        self.decoder = ResourceDecoder(
            registry: decoder.registry,
            rules: decoder.rules,
            source: traits.source ?? decoder.source
        )
        servers = traits.servers.map { ADSServer($0) }
        for kind in ADSSessionStateMachine.order { subscriptions[kind] = wanted[kind] ?? ADSSubscription() }
        isFollowed = isWanted
    }

    /// How many of the servers are to have a stream, from the first on.
    var wantedServers: Int { isFollowed ? reachedServers : 0 }

    /// Whether there is anything to ask for.
    var isWanted: Bool { subscriptions.values.contains(where: \.isWanted) }

    /// Whether something is wanted that nobody has told. Of all listeners there are nobody knows the names: a first answer
    /// has to be good, in part at least.
    var lacksSomething: Bool {
        guard let listeners = subscriptions[.listener] else { return true }
        return listeners.isWildcard && !listeners.isKnown || !subscriptions.values.allSatisfy(\.isSettled)
    }

    /// Whether something that is lacking here may hold up the configuration.
    var isHoldingUp: Bool { isFollowed && lacksSomething }

    /// Whether others need not wait for what is lacking here, because nobody can be asked.
    /// - Parameter atOnce: Whether that counts at once, or only when it has been so for as long as a name is waited for.
    func isExcused(atOnce: Bool) -> Bool { outOfReachSince != nil && (atOnce || isLongOutOfReach) }

    /// When others need not wait any longer; `nil` if they need not already, or if there is no telling.
    var excuseDeadline: MeshInstant? {
        guard isFollowed, !isLongOutOfReach else { return nil }
        return outOfReachSince?.advanced(by: ADSSessionStateMachine.doesNotExistTimeout)
    }

    /// When `timePassed` has something to do, if nothing happens before; `nil` for never.
    ///
    /// A wait begins when it is to be and lasts 15 s at least: whoever looks again by then oversleeps none.
    var nextDeadline: MeshInstant? {
        let end = idleSince?.advanced(by: ADSSessionStateMachine.doesNotExistTimeout)
        guard leader != nil else { return end }
        let timeout = timeout
        let waits = subscriptions.values.compactMap { $0.firstDeadline(timeout: timeout) } + silences.map(\.end)
        return (waits + [end].compactMap { $0 }).min()
    }

    /// A stream is open.
    /// - Returns: Whether it is still wanted.
    mutating func streamOpened(_ id: ADSServer.StreamID, to server: Int, at now: MeshInstant) -> Bool {
        guard server < wantedServers else { return false }
        if servers.allSatisfy({ $0.stream == nil }) {
            for kind in ADSSessionStateMachine.order { subscriptions[kind]?.streamOpened() }
        }
        servers[server].stream = ADSServer.Stream(id, servers[server].traits.variant)
        settleLeader(at: now)
        return true
    }

    /// A stream has ended, or was not to be had. Everything that was received stays.
    /// - Returns: Whether it brought a response: then it is no failure (gRFC A57).
    mutating func streamEnded(
        _ id: ADSServer.StreamID?,
        to server: Int,
        isFailure: Bool,
        at now: MeshInstant
    ) -> Bool {
        // One that was let go of, or followed by another, says nothing more about its server.
        guard server < wantedServers, servers[server].stream?.id == id else { return false }
        let hadResponse = !isFailure && servers[server].stream?.hadResponse == true
        servers[server].stream = nil
        servers[server].isUnreachable = !hadResponse
        settleLeader(at: now)
        considerFallback(at: now)
        return hadResponse
    }

    /// The server that a stream is to.
    func server(of id: ADSServer.StreamID) -> Int? { servers.firstIndex { $0.stream?.id == id } }

    /// Takes a response in.
    /// - Parameter directory: Who may tell of which names.
    /// - Returns: What became of it; `nil` for one of a kind that was never asked for, which is tolerated, and not answered:
    ///   there is no subscription to confirm.
    mutating func responseReceived(
        _ response: ADSResponse,
        from server: Int,
        _ directory: ServerDirectory,
        at now: MeshInstant
    ) -> ResponseIntake.Outcome? {
        let kind = response.kind
        guard subscriptions[kind] != nil, servers[server].stream?.isRequested(kind) == true else { return nil }
        let intake = ResponseIntake(
            decoder: decoder,
            server: server,
            failsOnDataErrors: servers[server].traits.failsOnDataErrors,
            now: now,
            mayTell: { [place] name in directory.place(of: name, as: kind) == .list(place) }
        )
        // In place: a subscription that is taken out and put back is copied with all that it knows.
        let outcome = intake.take(response, into: &subscriptions[kind, default: ADSSubscription()])
        let refusal = outcome.refusal
        if outcome.problems.isEmpty { servers[server].versions[kind] = response.version }
        if outcome.problems.isEmpty || subscriptions[kind]?.cached.isEmpty == false {
            subscriptions[kind]?.isKnown = true
        }
        servers[server].stream?.responseReceived(kind, nonce: response.nonce, refusal: refusal)
        servers[server].isUnreachable = false
        outOfReachSince = nil
        // A server that has nothing to say of some routes or endpoints may be one that knows nothing yet.
        let isMeant = kind.isFullState || !response.removed.isEmpty
        if outcome.hasGood || outcome.problems.isEmpty && isMeant { goBy(server, at: now) }
        return outcome
    }

    /// Brings what is asked for of a kind in line with what resources refer to, whosever they are.
    mutating func subscribe(to names: Set<String>, of kind: ResourceKind, at now: MeshInstant) {
        guard subscriptions[kind]?.subscribe(to: names, at: now) == true else {
            // What the server was asked for all along is waited for from now on.
            if isRequestedFromLeader(kind) { subscriptions[kind]?.requestSent(at: now) }
            return
        }
        for server in servers.indices { servers[server].stream?.namesChanged(of: kind) }
    }

    /// Everything that is referred to is subscribed to.
    mutating func referencesFollowed(at now: MeshInstant) {
        if isWanted {
            isFollowed = true
            idleSince = nil
        } else if isFollowed {
            idleSince = idleSince ?? now
        }
        considerFallback(at: now)
    }

    /// Time has passed.
    mutating func timePassed(at now: MeshInstant) {
        if let idleSince, now.elapsed(since: idleSince) >= ADSSessionStateMachine.doesNotExistTimeout { retire() }
        if let deadline = excuseDeadline, now >= deadline { isLongOutOfReach = true }
        guard leader != nil else { return }
        noticeSilence(at: now)
        let timeout = timeout
        let absence = isSlow ? ADSSubscription.Absence.timedOut : .missing
        for kind in ADSSessionStateMachine.order {
            subscriptions[kind]?.timePassed(at: now, timeout: timeout, absence: absence)
        }
    }

    /// What is to be said on a stream now, as said: the waits for what it asks for begin.
    mutating func nextRequests(on id: ADSServer.StreamID, to server: Int, at now: MeshInstant) -> [ADSRequest] {
        guard var stream = servers[server].stream, stream.id == id else { return [] }
        var requests: [ADSRequest] = []
        for kind in ADSSessionStateMachine.order where stream.isOwed(kind) {
            guard let subscription = subscriptions[kind] else { continue }
            let version = servers[server].versions[kind] ?? ""
            requests += stream.next(kind, of: subscription, version: version) { subscription.versions(from: server) }
            if id == leader, stream.isRequested(kind) { subscriptions[kind]?.requestSent(at: now) }
        }
        if !requests.isEmpty { stream.askedAt = stream.askedAt ?? now }
        servers[server].stream = stream
        return requests
    }

    /// Whether a server has kept silent for longer than anything is waited for, and nobody was told yet.
    mutating func takeSilence(of server: Int) -> Bool {
        defer { servers[server].stream?.hasUntoldSilence = false }
        return servers[server].stream?.hasUntoldSilence == true
    }

    /// Lets go of all streams, and of what they told: nothing has referred to it for long, and nobody would hear of changes.
    private mutating func retire() {
        isFollowed = false
        idleSince = nil
        outOfReachSince = nil
        reachedServers = 1
        leader = nil
        servers = servers.map { ADSServer($0.traits) }
        for kind in ADSSessionStateMachine.order { subscriptions[kind] = ADSSubscription() }
    }
}

extension ADSSubscription {
    /// The versions of what is known from a server, by name.
    fileprivate func versions(from server: Int) -> [String: String] {
        cached.filter { $0.value.server == server && !$0.value.version.isEmpty }.mapValues(\.version)
    }
}
