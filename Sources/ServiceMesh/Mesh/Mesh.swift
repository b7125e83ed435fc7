// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
public import MeshConfig
public import MeshCore
import MeshResilience
import MeshRouting
import Synchronization

/// The service mesh in this process: configuration, live state, and the work that goes on behind the requests.
///
/// Make one, run it, and hand it to clients and servers:
/// ```swift
/// let mesh = try Mesh(sources: [FixedConfigSource(resources)])
/// try await mesh.run()    // in a task of its own, or as a service of the application
/// ```
/// A request loads one snapshot and is decided by it to its end, whatever is pushed meanwhile.
public final class Mesh: Sendable {
    /// How the mesh behaves in this process.
    public let configuration: MeshConfiguration
    /// The clock that everything waits and measures by.
    public let clock: any MeshClock
    /// The randomness that everything draws from.
    public let random: MeshRandom
    /// Who hears what happens.
    public let observers: ObserverSet
    /// Whether anybody does. Requests ask this several times.
    @usableFromInline let isObserved: Bool

    /// What hashes all of this process's requests alike where a route asks for that (gRFC A42's `channel_id`).
    let channel: UInt64
    /// What becomes of headers that ask for other timeouts and retries; `nil` leaves them alone.
    let headerContract: EnvoyHeaderContract?
    /// Whether there is one: to ask for it copies it.
    @usableFromInline let hasHeaderContract: Bool
    /// Whether callers may ask for explanations.
    @usableFromInline let explains: Bool
    /// Whether any field of requests is meant for this mesh: one question for those above.
    @usableFromInline let readsCallersFields: Bool
    /// The copies of requests that are on their way.
    @usableFromInline let mirrors = MirrorGate()
    /// The stacks that were made for it.
    let clients = ClientCensus()

    /// What of each source's configuration has no effect.
    let ignored = Mutex<[String: [IgnoredField]]>([:])
    let sources: [any ConfigSource]
    private let store: SnapshotStore
    let healthChecks: HealthCheckDriver
    /// Makes large tables of balancers when the health of endpoints changes.
    let tables: TableRenewal
    let loadReports: LoadReportDriver
    /// What control planes are told of requests.
    let loadStatistics = LoadStatisticsBook()
    /// What is known of the host names of clusters.
    let hosts: HostNames
    /// Who issues the tokens that requests carry.
    let tokens: TokenAuthority

    /// Creates a mesh.
    /// - Parameters:
    ///   - configuration: How it behaves in this process.
    ///   - sources: Where its configuration comes from; what they deliver is merged, later sources win.
    ///   - clock: The clock that everything waits and measures by.
    ///   - random: The randomness that everything draws from.
    /// - Throws: `ConfigurationError` if the configuration breaks a bound.
    public init(
        _ configuration: MeshConfiguration = MeshConfiguration(),
        sources: [any ConfigSource] = [],
        clock: any MeshClock = SystemClock(),
        random: MeshRandom = MeshRandom()
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.configuration = configuration
        self.sources = sources
        let places = [configuration.locality] + sources.map(\.locality)
        self.clock = clock
        self.random = random
        self.observers = ObserverSet(configuration.observers)
        self.isObserved = !configuration.observers.isEmpty
        self.channel = random.next()
        self.headerContract =
            configuration.requestHeaderTrust == .ignored
            ? nil : EnvoyHeaderContract(trusts: configuration.requestHeaderTrust == .trusted, marksTrusted: true)
        self.hasHeaderContract = headerContract != nil
        self.explains = configuration.explanations != nil
        self.readsCallersFields = hasHeaderContract || explains
        let timers = TimerWheel.serving(clock)
        self.healthChecks = HealthCheckDriver(
            probers: HealthProbers(configuration.healthProber),
            clock: clock,
            random: random,
            observers: observers,
            timers: timers
        )
        self.tables = TableRenewal(clock: clock)
        self.loadReports = LoadReportDriver(
            sources: LoadReportSources(configuration.loadReportSource),
            clock: clock,
            random: random,
            observers: observers
        )
        self.hosts = HostNames(configuration.hostResolver, clock: clock, random: random, observers: observers)
        self.tokens = TokenAuthority(configuration, clock: clock, observers: observers, timers: timers)
        self.store = SnapshotStore(
            RuntimeBuilder(
                configuration: configuration,
                locality: places.first { $0 != Locality() } ?? Locality(),
                clock: clock,
                random: random,
                observers: observers,
                timers: timers,
                healthChecks: healthChecks,
                tables: tables,
                loadStatistics: loadStatistics,
                tokens: tokens
            ),
            hosts: hosts
        )
    }

    /// Whether every wrapper is a pass-through.
    public var isDisabled: Bool { configuration.isDisabled }

    /// The configuration in force; `nil` before the first.
    public var snapshot: MeshSnapshot? { store.current.source }

    /// Puts a configuration in force, as one atomic swap. Sources do this by themselves; tests and small programs may.
    /// - Returns: Its generation.
    /// - Throws: `ConfigurationError` if it is invalid; the last good one stays in force.
    @discardableResult
    public func apply(_ resources: MeshResources, from source: String = "code") throws(ConfigurationError) -> UInt64 {
        try apply(resources, changing: nil, from: source)
    }

    /// Puts a configuration in force.
    /// - Parameter assignments: The endpoint assignments that alone are others than in the source's last configuration; `nil`
    ///   if more may be.
    @discardableResult
    func apply(
        _ resources: MeshResources,
        changing assignments: Set<String>?,
        from source: String
    ) throws(ConfigurationError) -> UInt64 {
        do {
            var part: SnapshotStore.Applied?
            if let assignments { part = try store.apply(resources, changing: assignments, from: source) }
            let applied: SnapshotStore.Applied
            if let part { applied = part } else { applied = try store.apply(resources, from: source) }
            let (added, removed) = applied.clusters
            if applied.concernsProbes {
                store.listeners.tell(removed: healthChecks.configurationChanged(to: store.current))
                loadReports.configurationChanged(to: store.current)
            }
            if !removed.isEmpty || applied.generation > 1 && !added.isEmpty {
                observers.noticed(.clustersChanged(added: added, removed: removed))
            }
            if part == nil { store.configurationListeners.tell() }
            observers.noticed(.configurationApplied(generation: applied.generation, source: source))
            noticeIgnored(resources.ignored, from: source)
            if let fields = applied.ignoredOfRuntime { noticeIgnored(fields, from: Self.runtimeSource) }
            if part == nil { noticeHostsWithoutResolver() }
            return applied.generation
        } catch {
            observers.noticed(.configurationRejected(source: source, error: error))
            throw error
        }
    }

    /// The name under which it is told which values of the runtime have no effect: that depends on all sources.
    static let runtimeSource = "runtime"

    /// Tells of fields without effect, once: a push of endpoints brings the same ones again.
    private func noticeIgnored(_ fields: [IgnoredField], from source: String) {
        let before = ignored.withLock { $0.updateValue(fields, forKey: source) } ?? []
        guard fields != before, !fields.isEmpty else { return }
        observers.noticed(.configurationIgnored(source: source, fields: fields))
    }

    /// Tells a listener of endpoints that a push takes away, as long as the listener lives.
    package func add(_ listener: any EndpointListener) {
        store.listeners.add(listener)
    }

    /// Tells a listener when another configuration is in force, as long as the listener lives.
    package func add(_ listener: any ConfigurationListener) {
        store.configurationListeners.add(listener)
    }

    /// Lets somebody ask endpoints how they are, as long as that one lives, in place of those that came before.
    package func add(_ prober: any HealthProber) {
        healthChecks.add(prober)
    }

    /// Lets somebody ask endpoints for their load, likewise.
    package func add(_ source: any LoadReportSource) {
        loadReports.add(source)
    }

    /// Lets somebody fetch the key sets that servers have, likewise.
    package func add(_ fetcher: any KeySetFetcher) {
        tokens.add(fetcher)
    }

    /// Gives the mesh a resolver of host names, unless it has one.
    package func offer(_ resolver: @autoclosure () -> any HostResolver) {
        if hosts.offer(resolver()) { hostsChanged() }
    }

    /// Host names have other addresses, or can be looked up now.
    private func hostsChanged() {
        store.hostsChanged()
        store.listeners.tell(removed: healthChecks.configurationChanged(to: store.current))
        loadReports.configurationChanged(to: store.current)
    }

    /// Whether its configuration comes from elsewhere, and may still be on its way.
    var hasSources: Bool { !sources.isEmpty }

    /// Runs the sources and the background work until the task is cancelled; does nothing until then if the mesh is
    /// disabled.
    /// - Throws: What a source throws for good; `CancellationError` when cancelled.
    public func run() async throws {
        guard !isDisabled else {
            let (never, _) = AsyncStream.makeStream(of: Never.self)
            for await _ in never {}
            throw CancellationError()
        }
        hosts.began()
        defer { hosts.stopped() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for source in sources {
                group.addTask { try await self.run(source) }
            }
            group.addTask { try await self.sweepOutliers() }
            group.addTask { await self.tables.run() }
            group.addTask { [healthChecks, store] in
                try await healthChecks.run({ store.current }, removing: { store.listeners.tell(removed: $0) })
            }
            group.addTask { [loadReports, store] in try await loadReports.run { store.current } }
            group.addTask { [tokens] in try await tokens.run() }
            group.addTask { try await self.hosts.run { self.hostsChanged() } }
            defer { group.cancelAll() }
            while try await group.next() != nil {}
        }
    }

    /// Waits until a configuration is in force and the host names in it have been looked up once; a mesh that is disabled
    /// waits for neither.
    /// - Throws: `MeshError` with code `notReady` when `timeout` passes first.
    public func ready(timeout: Duration) async throws {
        guard !isDisabled else { return }
        try await store.waitForConfiguration(deadline: Deadline(Nanoseconds(timeout), after: clock.now), clock: clock)
    }

    /// The context of a new outbound request: its trace and deadline come from the request that the task serves.
    public func makeContext(deadline: Deadline = .never) -> CallContext {
        let inbound = InboundContext.current
        var context = CallContext(now: clock.now, deadline: deadline, trace: inbound?.trace ?? .none)
        if let inbound { context.deadline.shorten(to: inbound.deadline) }
        return context
    }

    /// The live form of the configuration in force. Load it once a request.
    @usableFromInline
    func loadSnapshot() -> RuntimeSnapshot {
        store.current
    }

    private func run(_ source: any ConfigSource) async throws {
        let sink = ConfigSink(
            apply: { [self] resources throws(ConfigurationError) in try apply(resources, from: source.name) },
            notice: { [observers] event in observers.noticed(event) },
            applyEndpoints: { [self] resources, names throws(ConfigurationError) in
                try apply(resources, changing: names, from: source.name)
            },
            loadStatistics: LoadStatisticsFeed(loadStatistics, source: source.name)
        )
        try await source.run(delivering: sink)
    }

    private func sweepOutliers() async throws {
        var next = MeshInstant(nanoseconds: .max)
        while true {
            // Clusters come and go: a second is fine enough to find those whose intervals are longer.
            let now = clock.now
            let earliest = now.advanced(by: .milliseconds(10))
            try await clock.sleep(until: max(earliest, min(next, now.advanced(by: .seconds(1)))))
            next = MeshInstant(nanoseconds: .max)
            for cluster in store.current.clusters.values {
                guard let detector = cluster.live.outlierDetector else { continue }
                detector.sweep(cluster.endpoints, now: clock.now)
                next = min(next, detector.nextInterval)
            }
        }
    }
}
