// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshConfig
public import MeshCore

/// Configuration from control planes over xDS: one stream for the process, reopened when it ends, and one more for each
/// other list of servers that an authority of the bootstrap has, while something of it is in use (gRFC A47).
///
/// While no control plane answers, the last good configuration stays in force. Where the bootstrap lists several, the
/// others are fallbacks: the next one is asked only while something is wanted that nobody has told and those before it
/// cannot be reached, and let go as soon as one before it answers (gRFC A71).
public final class XDSConfigSource: ConfigSource {
    /// The source's name: that of the first server at the top of the bootstrap.
    public let name: String

    private let bootstrap: Bootstrap
    private let variant: XDSVariant?
    private let clock: any MeshClock
    private let wallClock: WallClock
    private let random: MeshRandom
    private let backoff: ReconnectBackoff
    private let session: ADSSession
    private let keeper: LastKnownGoodKeeper?
    /// The lists of servers; that at the top of the bootstrap is the first.
    private let lists: [Bootstrap.ServerList]
    /// Who tells each list of requests.
    private let statistics: [LoadStatisticsReporter]

    /// Creates a source.
    /// - Parameters:
    ///   - bootstrap: Where the control plane is and who this process is.
    ///   - variant: The form of the protocol that all servers are spoken to in. Default `nil`: state of the world, and
    ///     incremental with servers whose `server_features` have `delta_ads`.
    ///   - inboundAddresses: Where this process serves; their inbound listeners are asked for.
    ///   - targets: The services that this process calls and whose listeners are to be asked for by name: those that an
    ///     authority has, and all of them where control planes give nobody everything. Where two say the same host, the
    ///     first one gets it.
    ///   - asksForAllListeners: Whether all listeners are asked for that the servers at the top of the bootstrap have.
    ///     Default `true`. gRPC's clients never do, and some control planes give them none then.
    ///   - localCluster: The cluster that this process belongs to, if others keep requests in their zone: it is asked for though
    ///     no route leads to it. The mesh's configuration names the same one.
    ///   - runtimeLayers: The names of the runtime's layers that are asked for (RTDS), whose values stand in place of those of
    ///     other resources. Of a key the value of the last layer counts that has it; a name that stands there twice counts
    ///     where it stands last. While a layer has not come, nothing is in force, for 15 s at most. Default: none, as
    ///     without `layered_runtime` in Envoy's bootstrap.
    ///   - rules: Whose rules hold for clusters and retries, which no resource says. Default `envoy`.
    ///   - lastKnownGood: Where the last good configuration is kept for a start without a control plane. Default: nowhere.
    ///   - backoff: How long to wait before the next stream.
    ///   - registry: The load-balancing policies and HTTP filters that resources may name.
    ///   - clock: What waits are measured by.
    ///   - wallClock: What a kept configuration is dated by, and what operators are told.
    ///   - random: What jitter is drawn from.
    public init(
        bootstrap: Bootstrap,
        protocol variant: XDSVariant? = nil,
        inboundAddresses: [EndpointAddress] = [],
        targets: [XDSTarget] = [],
        asksForAllListeners: Bool = true,
        localCluster: String? = nil,
        runtimeLayers: [String] = [],
        rules: XDSRules = .envoy,
        lastKnownGood: LastKnownGood? = nil,
        backoff: ReconnectBackoff = ReconnectBackoff(),
        registry: ExtensionRegistry = .standard,
        clock: any MeshClock = SystemClock(),
        wallClock: WallClock = .system,
        random: MeshRandom = MeshRandom()
    ) {
        self.name = bootstrap.servers[0].sourceName
        self.bootstrap = bootstrap
        self.variant = variant
        self.clock = clock
        self.wallClock = wallClock
        self.random = random
        self.backoff = backoff
        let name = name
        self.keeper = lastKnownGood.map {
            LastKnownGoodKeeper($0, source: name, clock: clock, wallClock: wallClock)
        }
        let (lists, directory) = bootstrap.serverLists
        let names = lists.enumerated().map { place, list in
            list.servers.indices.map { list.sourceName(of: $0, isTop: place == 0) }
        }
        self.lists = lists
        self.statistics = zip(lists, names).map { list, names in
            LoadStatisticsReporter(
                node: bootstrap.node,
                source: names[0],
                servers: list.servers.count,
                backoff: backoff,
                clock: clock,
                random: random
            )
        }
        self.session = ADSSession(
            ADSSessionStateMachine(
                servers: bootstrap.servers.map { $0.traits(variant) },
                others: zip(lists, names).dropFirst().map { list, names in
                    ADSServerList.Traits(servers: list.servers.map { $0.traits(variant) }, source: names[0])
                },
                directory: directory,
                inboundListeners: Set(inboundAddresses.map { bootstrap.inboundListenerName($0) }),
                targets: bootstrap.hosts(of: targets),
                asksForAll: asksForAllListeners,
                localCluster: localCluster,
                runtimeLayers: Self.unique(runtimeLayers),
                decoder: ResourceDecoder(registry: registry, rules: rules, source: name)
            ),
            source: name,
            serverNames: lists.map { $0.servers.map(\.uri) },
            clock: clock,
            keeper: keeper
        )
    }

    /// The names that are one, each where it stands last.
    static func unique(_ names: [String]) -> [String] {
        let last = Dictionary(names.enumerated().map { ($1, $0) }) { $1 }
        return names.enumerated().filter { !$1.isEmpty && last[$1] == $0 }.map(\.element)
    }

    /// Where the bootstrap says that this process is.
    public var locality: Locality { bootstrap.node.locality }

    /// What is known of every resource: for operators, not for requests.
    public var status: [XDSResourceStatus] { session.status }

    /// What `ClientStatusService` says of the source.
    func clientConfig(withContents hasContents: Bool) -> Envoy_Service_Status_V3_ClientConfig {
        Envoy_Service_Status_V3_ClientConfig(
            node: bootstrap.node,
            status,
            origin: origin,
            at: wallClock.sinceEpoch,
            withContents: hasContents
        )
    }

    /// Where the configuration in force comes from.
    public enum Origin: Hashable, Sendable {
        /// There is none yet.
        case nowhere
        /// A control plane.
        case controlPlane
        /// What an earlier process kept, that old.
        case lastKnownGood(age: Nanoseconds)
    }

    /// Where the configuration in force comes from.
    public var origin: Origin {
        if session.isPublished { return .controlPlane }
        return keeper?.age.map { .lastKnownGood(age: $0) } ?? .nowhere
    }

    /// Follows the control plane until the task is cancelled.
    public func run(delivering sink: ConfigSink) async throws {
        let counts = await session.serverCounts()
        await withDiscardingTaskGroup { group in
            group.addTask { try? await self.session.keepTime(sink) }
            if let keeper = self.keeper {
                group.addTask { await self.session.restore(sink) }
                group.addTask { await keeper.write(sink) }
            }
            // The servers of each list that are followed, from the first on: who ends a stop ends the following.
            var stops = Array(repeating: [AsyncStream<Never>.Continuation](), count: self.lists.count)
            for await counts in counts {
                for (list, count) in counts.enumerated() {
                    while stops[list].count > count { stops[list].removeLast().finish() }
                    while stops[list].count < count {
                        let position = stops[list].count
                        let (stop, continuation) = AsyncStream.makeStream(of: Never.self)
                        stops[list].append(continuation)
                        group.addTask { await self.follow(position, of: list, until: stop, sink) }
                    }
                }
            }
        }
        await session.ended(sink)
        try Task.checkCancellation()
    }

    private func follow(_ position: Int, of list: Int, until stop: AsyncStream<Never>, _ sink: ConfigSink) async {
        let server = lists[list].servers[position]
        let connection = ControlPlaneConnection(
            to: server,
            named: lists[list].serverName(of: position, isTop: list == 0),
            at: position,
            of: list,
            variant: server.traits(variant).variant,
            node: bootstrap.node,
            session: session,
            statistics: statistics[list],
            sink: sink
        )
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in stop {} }
            group.addTask { await connection.run(backoff: self.backoff, clock: self.clock, random: self.random) }
            await group.next()
            group.cancelAll()
        }
    }
}

extension Bootstrap.Server {
    /// What the client's machine has to know of it.
    /// - Parameter variant: The form of the protocol that was asked for.
    func traits(_ variant: XDSVariant?) -> ADSServer.Traits {
        ADSServer.Traits(
            variant: variant ?? (features.contains(Feature.delta) ? .delta : .stateOfTheWorld),
            failsOnDataErrors: features.contains(Feature.failOnDataErrors),
            timerIsTransient: features.contains(Feature.timerIsTransientError)
        )
    }
}
