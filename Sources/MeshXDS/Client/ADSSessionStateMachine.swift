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
/// Resources come from several lists of control planes, each by its name (gRFC A47), and refer to each other across them.
/// Each list has its streams, fallbacks and waits (`ADSServerList`); the configuration is one.
struct ADSSessionStateMachine {
    typealias Response = ADSResponse

    /// What to do.
    struct Action: Hashable, Sendable {
        /// The configuration to put in force.
        var publication: MeshResources?
        /// Whether something is lacking in it that control planes which cannot be reached would have.
        var isPartial = false
        /// Why the response is refused, in part at least.
        var refusal: String?
        /// How many resources it had that can be used, and that cannot.
        var valid = 0
        var invalid = 0
    }

    /// How long a name is waited for before it counts as missing: gRFC A57's does-not-exist timer.
    static let doesNotExistTimeout = Nanoseconds.seconds(15)
    /// How long it is where the server would say what does not exist (gRFC A88).
    static let slowServerTimeout = Nanoseconds.seconds(30)

    /// References go from each kind to the next ones; a stream asks in this order.
    static let order: [ResourceKind] = [
        .listener, .routeConfiguration, .cluster, .endpointAssignment, .secret, .runtimeLayer,
    ]

    /// What is known, by the lists of control planes that it is from.
    var servers: ADSServerLists
    /// The names of the listeners that this process serves.
    let inboundListeners: Set<String>
    private var configuration: IncrementalConfiguration
    /// The fields of the configuration in force that have no effect, as the control planes of each list are told of them.
    private var ignoredFields: [[String]]
    /// The names that belong to nobody, and that nobody was told of.
    private var untoldStrays: [ResourceKind: [String: String]] = [:]
    /// Those that somebody was told of.
    private var toldStrays: [ResourceKind: Set<String>] = [:]
    private var lastStream = 0
    /// What an earlier process kept: it stands in where nobody can be asked.
    var kept: [ResourceSnapshot.Entry] = []
    /// Whether that is still being looked for.
    var awaitsKept = false

    /// Creates a machine.
    /// - Parameters:
    ///   - servers: The control planes at the top of the bootstrap, in order of preference.
    ///   - others: The lists of control planes that only authorities have.
    ///   - directory: Which list has which authority.
    ///   - inboundListeners: The names of the listeners that this process serves.
    ///   - targets: The names of the listeners of the services that it calls by name, each with what requests call those.
    ///   - asksForAll: Whether all listeners that the first list has are asked for besides. Default `true`.
    ///   - localCluster: The cluster that it belongs to, if anybody wants to know its instances: it is asked for whether or
    ///     not a route leads to it.
    ///   - runtimeLayers: The names of the runtime's layers, each once; of a key the last one's value counts.
    /// - Precondition: `servers` is not empty.
    init(
        servers: [ADSServer.Traits] = [ADSServer.Traits()],
        others: [ADSServerList.Traits] = [],
        directory: ServerDirectory = ServerDirectory(),
        inboundListeners: Set<String> = [],
        targets: [String: [String]] = [:],
        asksForAll: Bool = true,
        localCluster: String? = nil,
        runtimeLayers: [String] = [],
        decoder: ResourceDecoder = ResourceDecoder()
    ) {
        precondition(!servers.isEmpty, "a session needs a server")
        self.inboundListeners = inboundListeners
        configuration = IncrementalConfiguration(
            localCluster: localCluster?.canonicalResourceName,
            layers: runtimeLayers.map(\.canonicalResourceName)
        )
        self.servers = ADSServerLists(
            [ADSServerList.Traits(servers: servers)] + others,
            directory: directory,
            listeners: inboundListeners.union(targets.keys),
            layers: Set(runtimeLayers.map(\.canonicalResourceName)),
            hosts: targets,
            asksForAll: asksForAll,
            decoder: decoder
        )
        ignoredFields = Array(repeating: [], count: others.count + 1)
        noticeStrays()
    }

    /// The configuration that is in force.
    var published: MeshResources? { configuration.inForce }

    /// The endpoint assignments that alone differ in it from the one published before; `nil` if more may.
    var changedEndpoints: Set<String>? { configuration.changedEndpoints }

    /// How many servers of each list are to have a stream, from the first on.
    var serverCounts: [Int] { servers.lists.map(\.wantedServers) }

    /// The fields of the configuration in force that have no effect, as the control planes of a list are told of them: those
    /// of their own resources.
    func ignoredFields(of list: Int) -> [String] { ignoredFields[list] }

    /// When `timePassed` has something to do, if nothing happens before; `nil` for never.
    var nextDeadline: MeshInstant? {
        let excuses = servers.lists.count > 1 ? servers.lists.compactMap(\.excuseDeadline) : []
        return (servers.lists.compactMap(\.nextDeadline) + excuses).min()
    }

    /// A stream is open.
    /// - Parameters:
    ///   - server: The server's place in its list.
    ///   - list: The list's place.
    /// - Returns: The stream, to be named in what happens on it; `nil` if it is not wanted any more.
    mutating func streamOpened(to server: Int, of list: Int = 0, at now: MeshInstant) -> ADSServer.StreamID? {
        let id = ADSServer.StreamID(number: lastStream + 1)
        guard servers[list].streamOpened(id, to: server, at: now) else { return nil }
        lastStream += 1
        return id
    }

    /// A stream has ended, or was not to be had. Everything that was received stays. Lists of others may have waited for it:
    /// `timePassed` says what comes of that.
    /// - Parameter isFailure: Whether it ended in a way that its responses do not make good: over one that is too long.
    /// - Returns: Whether it brought a response: then it is no failure (gRFC A57).
    @discardableResult
    mutating func streamEnded(
        _ id: ADSServer.StreamID?,
        to server: Int,
        of list: Int = 0,
        isFailure: Bool = false,
        at now: MeshInstant
    ) -> Bool {
        servers[list].streamEnded(id, to: server, isFailure: isFailure, at: now)
    }

    /// A response has been received.
    mutating func responseReceived(
        _ response: ADSResponse,
        on id: ADSServer.StreamID,
        at now: MeshInstant
    ) -> Action {
        guard let (list, server) = place(of: id) else { return Action() }
        guard
            let outcome = servers[list].responseReceived(response, from: server, servers.directory, at: now)
        else { return Action() }
        if response.kind.refersToOthers { followReferences(at: now) }
        for list in servers.indices { servers[list].referencesFollowed(at: now) }
        var action = publish(at: now)
        action.refusal = outcome.refusal
        (action.valid, action.invalid) = (outcome.valid, outcome.invalid)
        return action
    }

    /// Time has passed.
    mutating func timePassed(at now: MeshInstant) -> Action {
        guard servers.lists.count > 1 || servers[0].leader != nil else { return Action() }
        for list in servers.indices { servers[list].timePassed(at: now) }
        // A cluster that is gone at last takes its endpoints along.
        followReferences(at: now)
        for list in servers.indices { servers[list].referencesFollowed(at: now) }
        return publish(at: now)
    }

    /// What is to be said on a stream now, as said: the waits for what it asks for begin.
    mutating func nextRequests(on id: ADSServer.StreamID, at now: MeshInstant) -> [ADSRequest] {
        guard let (list, server) = place(of: id) else { return [] }
        return servers[list].nextRequests(on: id, to: server, at: now)
    }

    /// Whether a server has kept silent for longer than anything is waited for, and nobody was told yet.
    mutating func takeSilence(on id: ADSServer.StreamID) -> Bool {
        guard let (list, server) = place(of: id) else { return false }
        return servers[list].takeSilence(of: server)
    }

    /// The names that belong to no control plane, each with the reason, that nobody was told of yet.
    mutating func takeStrays() -> [ConfigurationError.Problem] {
        defer { untoldStrays = [:] }
        return Self.order.flatMap { kind in
            (untoldStrays[kind] ?? [:]).sorted { $0.key < $1.key }.map { name, reason in
                ConfigurationError.Problem(path: "\(kind.rawValue)[\(name)]", message: reason)
            }
        }
    }

    private func place(of id: ADSServer.StreamID) -> (list: Int, server: Int)? {
        for list in servers.indices {
            if let server = servers[list].server(of: id) { return (list, server) }
        }
        return nil
    }

    /// Brings the subscriptions in line with what the resources refer to.
    mutating func followReferences(at now: MeshInstant) {
        // Each kind's names follow from the resources of the kinds before it: one that is let go lets go of others.
        for kind in Self.order.dropFirst() {
            let names = configuration.names(of: kind, in: &servers)
            servers.subscribe(to: names, of: kind, at: now)
        }
        noticeStrays()
    }

    private mutating func noticeStrays() {
        guard !servers.strays.isEmpty || !toldStrays.isEmpty else { return }
        for kind in Self.order {
            let strays = servers.strays[kind] ?? [:]
            // One that is gone and comes back is news again.
            let told = (toldStrays[kind] ?? []).intersection(strays.keys)
            let news = strays.filter { !told.contains($0.key) }
            untoldStrays[kind] = (untoldStrays[kind] ?? [:]).filter { strays[$0.key] != nil }
                .merging(news) { $1 }
            toldStrays[kind] = told.union(news.keys)
        }
    }

    /// The configuration to put in force, if it is complete and differs from the one in force.
    private mutating func publish(at now: MeshInstant) -> Action {
        fillIn(at: now)
        let lacking = servers.lists.filter(\.isHoldingUp)
        if !lacking.isEmpty {
            // What nobody can be asked for holds up nothing that others have told: at the start at once, and later when it
            // has been so for as long as a name is waited for.
            guard lacking.allSatisfy({ $0.isExcused(atOnce: isStart) }) else { return Action() }
            guard servers.lists.contains(where: { $0.isWanted && !$0.lacksSomething }) else { return Action() }
        } else if !servers.lists.contains(where: \.isWanted) {
            // Nobody is asked for anything.
            return Action()
        }
        guard !isInboundUncertain else { return Action() }
        let ignored = configuration.inForce?.ignored ?? []
        guard let resources = configuration.publication(of: &servers) else { return Action() }
        if resources.ignored != ignored { noteIgnored(resources.ignored) }
        return Action(publication: resources, isPartial: !lacking.isEmpty)
    }

    /// Each control plane hears of its own resources: the others are none of its business.
    private mutating func noteIgnored(_ fields: [IgnoredField]) {
        guard servers.lists.count > 1 else {
            ignoredFields[0] = IgnoredFieldNotice.lines(fields)
            return
        }
        for list in servers.indices {
            let own = fields.filter { servers.directory.list(of: $0.resource.name) == list }
            ignoredFields[list] = IgnoredFieldNotice.lines(own)
        }
    }
}
