// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

/// The client's side of the aggregated discovery service, without I/O.
///
/// It follows references from the listeners down (LDS → RDS → CDS → EDS, SDS), beside the layers of the runtime that the
/// process names (RTDS), takes the good resources of a response and
/// refuses the bad ones by name, and publishes a configuration only when nothing in it refers to something that is still
/// on its way: a route never becomes visible before its clusters and endpoints. What was received outlives the stream.
///
/// Servers come in order of preference. One after another is asked, but only while something is wanted that nobody has
/// told, and all before it cannot be reached; the first that answers is the one to go by, and those behind it are let go
/// (gRFC A71). What they told stays until it tells otherwise.
struct ADSSessionStateMachine {
    typealias Response = ADSResponse

    /// What to do.
    struct Action: Hashable, Sendable {
        /// The configuration to put in force.
        var publication: MeshResources?
        /// Why the response is refused, in part at least.
        var refusal: String?
    }

    /// How long a name is waited for before it counts as missing: gRFC A57's does-not-exist timer.
    static let doesNotExistTimeout = Nanoseconds.seconds(15)
    /// How long it is where the server would say what does not exist (gRFC A88).
    static let slowServerTimeout = Nanoseconds.seconds(30)

    /// References go from each kind to the next ones; a stream asks in this order.
    static let order: [ResourceKind] = [
        .listener, .routeConfiguration, .cluster, .endpointAssignment, .secret, .runtimeLayer,
    ]

    private let decoder: ResourceDecoder
    private(set) var servers: [ADSServer]
    /// How many of the servers are to have a stream, from the first on.
    private(set) var wantedServers = 1
    private(set) var subscriptions: [ResourceKind: ADSSubscription] = [:]
    private var configuration: IncrementalConfiguration
    /// The fields of the configuration in force that have no effect, as control planes are told of them.
    private(set) var ignoredFields: [String] = []
    private var lastStream = 0
    /// The stream whose server is the one to go by: what it says nothing of for long does not exist.
    private var authority: ADSServer.StreamID?

    /// Creates a machine.
    /// - Parameters:
    ///   - servers: The control planes, in order of preference.
    ///   - inboundListeners: The names of the listeners that this process serves.
    ///   - localCluster: The cluster that it belongs to, if anybody wants to know its instances: it is asked for whether or
    ///     not a route leads to it.
    ///   - runtimeLayers: The names of the runtime's layers, each once; of a key the last one's value counts.
    /// - Precondition: `servers` is not empty.
    init(
        servers: [ADSServer.Traits] = [ADSServer.Traits()],
        inboundListeners: Set<String> = [],
        localCluster: String? = nil,
        runtimeLayers: [String] = [],
        decoder: ResourceDecoder = ResourceDecoder()
    ) {
        precondition(!servers.isEmpty, "a session needs a server")
        self.decoder = decoder
        configuration = IncrementalConfiguration(localCluster: localCluster, layers: runtimeLayers)
        self.servers = servers.map { ADSServer($0) }
        for kind in Self.order { subscriptions[kind] = ADSSubscription() }
        subscriptions[.listener] = ADSSubscription(names: inboundListeners, isWildcard: true)
        subscriptions[.runtimeLayer] = ADSSubscription(names: Set(runtimeLayers))
    }

    /// The configuration that is in force.
    var published: MeshResources? { configuration.inForce }

    /// The endpoint assignments that alone differ in it from the one published before; `nil` if more may.
    var changedEndpoints: Set<String>? { configuration.changedEndpoints }

    /// When `timePassed` has something to do, if nothing happens before; `nil` for never.
    ///
    /// A wait begins when it is to be and lasts 15 s at least: whoever looks again by then oversleeps none.
    var nextDeadline: MeshInstant? {
        guard authority != nil else { return nil }
        let timeout = timeout
        let waits = subscriptions.values.compactMap { $0.firstDeadline(timeout: timeout) } + silences.map(\.end)
        return waits.min()
    }

    /// A stream is open.
    /// - Parameter server: The server's place in the list.
    /// - Returns: The stream, to be named in what happens on it; `nil` if it is not wanted any more.
    mutating func streamOpened(to server: Int, at now: MeshInstant) -> ADSServer.StreamID? {
        guard server < wantedServers else { return nil }
        if servers.allSatisfy({ $0.stream == nil }) {
            for kind in Self.order { subscriptions[kind]?.streamOpened() }
        }
        lastStream += 1
        let id = ADSServer.StreamID(number: lastStream)
        servers[server].stream = ADSServer.Stream(id, servers[server].traits.variant)
        settleAuthority(at: now)
        return id
    }

    /// A stream has ended, or was not to be had. Everything that was received stays.
    /// - Parameter isFailure: Whether it ended in a way that its responses do not make good: over one that is too long.
    /// - Returns: Whether it brought a response: then it is no failure (gRFC A57).
    @discardableResult
    mutating func streamEnded(
        _ id: ADSServer.StreamID?,
        to server: Int,
        isFailure: Bool = false,
        at now: MeshInstant
    ) -> Bool {
        // One that was let go of, or followed by another, says nothing more about its server.
        guard server < wantedServers, servers[server].stream?.id == id else { return false }
        let hadResponse = !isFailure && servers[server].stream?.hadResponse == true
        servers[server].stream = nil
        servers[server].isUnreachable = !hadResponse
        settleAuthority(at: now)
        considerFallback()
        return hadResponse
    }

    /// A response has been received.
    mutating func responseReceived(
        _ response: ADSResponse,
        on id: ADSServer.StreamID,
        at now: MeshInstant
    ) -> Action {
        let kind = response.kind
        // A kind that was never asked for is tolerated, and not answered: there is no subscription to confirm.
        guard
            let server = servers.firstIndex(where: { $0.stream?.id == id }), subscriptions[kind] != nil,
            servers[server].stream?.isRequested(kind) == true
        else { return Action() }
        let intake = ResponseIntake(
            decoder: decoder,
            server: server,
            failsOnDataErrors: servers[server].traits.failsOnDataErrors,
            now: now
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
        // A server that has nothing to say of some routes or endpoints may be one that knows nothing yet.
        let isMeant = kind.isFullState || !response.removed.isEmpty
        if outcome.hasGood || outcome.problems.isEmpty && isMeant { goBy(server, at: now) }
        if kind.refersToOthers { followReferences(at: now) }
        considerFallback()
        return Action(publication: publish(), refusal: refusal)
    }

    /// Time has passed.
    mutating func timePassed(at now: MeshInstant) -> Action {
        guard authority != nil else { return Action() }
        noticeSilence(at: now)
        let timeout = timeout
        let absence = isSlowServer ? ADSSubscription.Absence.timedOut : .missing
        for kind in Self.order { subscriptions[kind]?.timePassed(at: now, timeout: timeout, absence: absence) }
        // A cluster that is gone at last takes its endpoints along.
        followReferences(at: now)
        return Action(publication: publish())
    }

    /// What is to be said on a stream now, as said: the waits for what it asks for begin.
    mutating func nextRequests(on id: ADSServer.StreamID, at now: MeshInstant) -> [ADSRequest] {
        guard let server = servers.firstIndex(where: { $0.stream?.id == id }), var stream = servers[server].stream
        else { return [] }
        var requests: [ADSRequest] = []
        for kind in Self.order where stream.isOwed(kind) {
            guard let subscription = subscriptions[kind] else { continue }
            let version = servers[server].versions[kind] ?? ""
            requests += stream.next(kind, of: subscription, version: version) { subscription.versions(from: server) }
            if id == authority, stream.isRequested(kind) { subscriptions[kind]?.requestSent(at: now) }
        }
        if !requests.isEmpty { stream.askedAt = stream.askedAt ?? now }
        servers[server].stream = stream
        return requests
    }

    /// Whether a server has kept silent for longer than anything is waited for, and nobody was told yet.
    mutating func takeSilence(on id: ADSServer.StreamID) -> Bool {
        guard let server = servers.firstIndex(where: { $0.stream?.id == id }) else { return false }
        defer { servers[server].stream?.hasUntoldSilence = false }
        return servers[server].stream?.hasUntoldSilence == true
    }

    /// Brings the subscriptions in line with what the resources refer to.
    private mutating func followReferences(at now: MeshInstant) {
        // Each kind's names follow from the resources of the kinds before it: one that is let go lets go of others.
        for kind in Self.order.dropFirst() {
            let names = configuration.names(of: kind, in: &subscriptions)
            guard subscriptions[kind]?.subscribe(to: names, at: now) == true else {
                // What the server was asked for all along is waited for from now on.
                if isRequestedFromAuthority(kind) { subscriptions[kind]?.requestSent(at: now) }
                continue
            }
            for server in servers.indices { servers[server].stream?.namesChanged(of: kind) }
        }
    }

    /// The configuration to put in force, if it is complete and differs from the one in force.
    private mutating func publish() -> MeshResources? {
        // A first answer of which nothing is good says nothing.
        guard subscriptions[.listener]?.isKnown == true else { return nil }
        guard subscriptions.values.allSatisfy(\.isSettled), !isInboundRefused else { return nil }
        let ignored = configuration.inForce?.ignored ?? []
        guard let resources = configuration.publication(of: &subscriptions) else { return nil }
        if resources.ignored != ignored { ignoredFields = IgnoredFieldNotice.lines(resources.ignored) }
        return resources
    }

    /// Whether a listener that this process serves, or its routes, came and cannot be used.
    ///
    /// Without it the configuration would admit everybody whom it is there to refuse.
    private var isInboundRefused: Bool {
        guard let listeners = subscriptions[.listener], let routes = subscriptions[.routeConfiguration] else {
            return false
        }
        return listeners.names.contains { name in
            guard case .listener(let listener)? = listeners.cached[name]?.resource else {
                // One that is of no use to a mesh admits everybody, too.
                return listeners.isUnusable(name) || listeners.cached[name] != nil
            }
            guard let configuration = listener.routeConfigurationName else { return false }
            return routes.isUnusable(configuration)
        }
    }
}

// MARK: - Servers

extension ADSSessionStateMachine {
    /// Whether something is wanted that nobody has told.
    private var lacksSomething: Bool {
        subscriptions[.listener]?.isKnown != true || !subscriptions.values.allSatisfy(\.isSettled)
    }

    private var authorityServer: ADSServer? {
        authority.flatMap { id in servers.first { $0.stream?.id == id } }
    }

    private var isSlowServer: Bool { authorityServer?.traits.timerIsTransient == true }
    private var timeout: Nanoseconds { isSlowServer ? Self.slowServerTimeout : Self.doesNotExistTimeout }

    /// Whether the server to go by has been asked for a kind, and for all that is wanted of it now.
    private func isRequestedFromAuthority(_ kind: ResourceKind) -> Bool {
        guard let stream = authorityServer?.stream else { return false }
        return stream.isRequested(kind) && !stream.isOwed(kind)
    }

    /// A server has told something that is in use: those behind it have nothing to say any more.
    private mutating func goBy(_ server: Int, at now: MeshInstant) {
        servers[server].stream?.hadResource = true
        wantedServers = server + 1
        for other in servers.indices.dropFirst(wantedServers) {
            servers[other].stream = nil
            servers[other].isUnreachable = false
        }
        settleAuthority(at: now)
    }

    /// The servers that were asked while something is lacking and have not answered at all, and until when they may.
    ///
    /// A stream that is open says little: bytes may come so slowly that no response is ever whole. The kinds' own waits do
    /// not end it, because nobody knows the names of the listeners that do not come.
    private var silences: [(server: Int, end: MeshInstant)] {
        guard lacksSomething else { return [] }
        return servers.indices.prefix(wantedServers).compactMap { server in
            guard let stream = servers[server].stream, !stream.hadResponse, !stream.isSilent else { return nil }
            let isSlow = servers[server].traits.timerIsTransient
            let timeout = isSlow ? Self.slowServerTimeout : Self.doesNotExistTimeout
            return stream.askedAt.map { (server, $0.advanced(by: timeout)) }
        }
    }

    /// Finds out who has kept silent for too long. Such a server counts as one that cannot be reached; its stream stays, and
    /// whatever comes on it counts.
    private mutating func noticeSilence(at now: MeshInstant) {
        let silent = silences.filter { $0.end <= now }.map(\.server)
        guard !silent.isEmpty else { return }
        for server in silent {
            servers[server].stream?.isSilent = true
            servers[server].stream?.hasUntoldSilence = true
            servers[server].isUnreachable = true
        }
        let before = wantedServers
        considerFallback()
        // Who is asked next has the time that the others had.
        guard wantedServers > before else { return }
        for kind in Self.order {
            subscriptions[kind]?.streamEnded()
            if isRequestedFromAuthority(kind) { subscriptions[kind]?.requestSent(at: now) }
        }
    }

    /// Asks the next server, if nobody who is asked can be reached and something is lacking.
    private mutating func considerFallback() {
        guard wantedServers < servers.count, lacksSomething else { return }
        guard servers.prefix(wantedServers).allSatisfy(\.isUnreachable) else { return }
        servers[wantedServers].isUnreachable = false
        wantedServers += 1
    }

    /// Finds out whom to go by: the first who told something on the stream that is open, or else the first who is asked and
    /// not silent.
    private mutating func settleAuthority(at now: MeshInstant) {
        let streams = servers.compactMap(\.stream)
        let next = (streams.first(where: \.hadResource) ?? streams.first { !$0.isSilent } ?? streams.first)?.id
        guard next != authority else { return }
        authority = next
        for kind in Self.order {
            subscriptions[kind]?.streamEnded()
            if isRequestedFromAuthority(kind) { subscriptions[kind]?.requestSent(at: now) }
        }
    }
}

extension ADSSubscription {
    /// The versions of what is known from a server, by name.
    fileprivate func versions(from server: Int) -> [String: String] {
        cached.filter { $0.value.server == server && !$0.value.version.isEmpty }.mapValues(\.version)
    }
}
