// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshConfig
public import MeshCore
import Synchronization

/// What an `XDSServer` serves, for control planes that make their configurations themselves: a snapshot for each group
/// of clients, checked before it is served.
///
/// ```swift
/// let cache = SnapshotCache { node in node.cluster }
/// try cache.publish(resources, to: "frontend")
/// let server = XDSServer(address: address, provider: cache)
/// ```
///
/// Each client gets what changed, in its dialect: a snapshot that differs from the one before in one endpoint sends one
/// resource to those who asked for it. Clients of a group that has no snapshot wait for one.
public final class SnapshotCache: XDSResourceProvider {
    /// How much is kept.
    public struct Limits: Hashable, Sendable {
        /// The most groups, 1 to 1 000 000. Default 10 000.
        public var maximumGroups: Int
        /// The most resources of all kinds in a snapshot, 1 to 10 000 000.
        ///
        /// Default 200 000: a mesh of 10 000 services has some 40 000.
        public var maximumResources: Int

        /// Creates limits.
        public init(maximumGroups: Int = 10_000, maximumResources: Int = 200_000) {
            self.maximumGroups = maximumGroups
            self.maximumResources = maximumResources
        }

        /// Checks every bound.
        /// - Throws: `ConfigurationError` with every problem.
        public func validate() throws(ConfigurationError) {
            var problems = ProblemCollector()
            problems.require(
                (1...1_000_000).contains(maximumGroups),
                "maximumGroups",
                "must be from 1 to 1000000, is \(maximumGroups)"
            )
            problems.require(
                (1...10_000_000).contains(maximumResources),
                "maximumResources",
                "must be from 1 to 10000000, is \(maximumResources)"
            )
            try problems.throwIfAny()
        }
    }

    /// Who is connected, and how far each client is.
    public let inventory: ClientInventory

    private let limits: Limits
    private let groupOfNode: @Sendable (XDSNode) -> String
    private let observe: @Sendable (XDSServerEvent) -> Void
    private let snapshots = Mutex(SnapshotBook())
    private let broadcast = ChangeBroadcast()

    /// Creates a cache without snapshots.
    /// - Parameters:
    ///   - limits: How much is kept. Checked by the first `publish`.
    ///   - clock: What waits are measured by.
    ///   - observe: Told what clients do; called from many streams at once, so it must not block.
    ///   - group: Which group a client belongs to; called for each stream and after each change.
    public init(
        limits: Limits = Limits(),
        clock: any MeshClock = SystemClock(),
        observe: @escaping @Sendable (XDSServerEvent) -> Void = { _ in },
        group: @escaping @Sendable (XDSNode) -> String
    ) {
        self.inventory = ClientInventory(clock: clock)
        self.limits = limits
        self.observe = observe
        self.groupOfNode = group
    }

    /// Puts a snapshot in force for a group.
    /// - Parameter version: Its version; `nil` for a number that grows. The same resources keep theirs.
    /// - Returns: The version that the group has now.
    /// - Throws: `ConfigurationError` with everything that is wrong, with every reference to what is not there though it is of
    ///   an authority that resources of the snapshot are of (names without one among them), or because
    ///   the version is in force with other resources. What was in force stays.
    @discardableResult
    public func publish(
        _ resources: MeshResources,
        version: String? = nil,
        to group: String
    ) throws(ConfigurationError) -> String {
        try limits.validate()
        let count =
            resources.clusters.count + resources.endpointAssignments.count + resources.listeners.count
            + resources.routeConfigurations.count
        guard count <= limits.maximumResources else {
            throw ConfigurationError(
                path: "",
                "a snapshot has at most \(limits.maximumResources) resources, this one has \(count)"
            )
        }
        let inconsistencies = resources.inconsistencies
        guard inconsistencies.isEmpty else { throw ConfigurationError(inconsistencies) }
        // What has to be here is: that was looked at above.
        try resources.validate(asPart: true)
        let result = snapshots.withLock { book -> Result<SnapshotBook.Publication, ConfigurationError> in
            do throws(ConfigurationError) {
                return .success(try book.publish(resources, version: version, to: group, limits.maximumGroups))
            } catch {
                return .failure(error)
            }
        }
        let publication = try result.get()
        if publication.isNew { broadcast.tick() }
        return publication.version
    }

    /// Puts a snapshot of single resources in force for a group.
    /// - Throws: `ConfigurationError` also if two resources of one kind have the same name.
    @discardableResult
    public func publish(
        _ resources: [XDSResource],
        version: String? = nil,
        to group: String
    ) throws(ConfigurationError) -> String {
        try publish(MeshResources(resources), version: version, to: group)
    }

    /// Waits until all clients of a group have taken a version or a later one, or have refused it.
    /// - Returns: How far they are, after `timeout` at the latest.
    /// - Throws: `ConfigurationError` if the group never had the version, or had 64 others since; `CancellationError` if
    ///   the task is cancelled.
    public func awaitApplied(
        _ version: String,
        in group: String,
        timeout: Nanoseconds
    ) async throws -> XDSAppliedReport {
        guard let order = snapshots.withLock({ $0.order(of: version, in: group) }) else {
            throw ConfigurationError(path: "version", "\(version) is not among the last versions of \(group)")
        }
        return try await inventory.awaitApplied(version, order: order, in: group, timeout: timeout)
    }

    /// Forgets a group. Its clients keep what they have.
    public func withdraw(_ group: String) {
        snapshots.withLock { $0.withdraw(group) }
    }

    /// The version that a group has; `nil` if it has no snapshot.
    public func version(of group: String) -> String? {
        snapshots.withLock { $0.snapshots[group]?.version }
    }

    /// The groups that have snapshots, by name.
    public var groups: [String] {
        snapshots.withLock { $0.snapshots.keys.sorted() }
    }

    /// The snapshot of a client's group.
    public func resources(for node: XDSNode) async -> ProvidedResources {
        let group = groupOfNode(node)
        guard let snapshot = snapshots.withLock({ $0.snapshots[group] }) else {
            // Without a version nothing is sent: clients keep what they have, and new ones wait.
            return ProvidedResources(resources: MeshResources(), version: "", group: group)
        }
        return ProvidedResources(
            resources: snapshot.resources,
            version: snapshot.version,
            group: group,
            order: snapshot.order
        )
    }

    /// Ticks after each publication.
    public func changes() -> AsyncStream<Void> { broadcast.listen() }

    /// Passes on what a client did.
    public func noticed(_ event: XDSServerEvent) {
        inventory.noticed(event)
        observe(event)
    }
}
