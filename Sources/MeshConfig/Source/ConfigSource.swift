// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshBalancing
public import MeshCore

/// Delivers configuration to a mesh: an xDS stream, a folder of manifests, Swift code.
///
/// `run` delivers a whole configuration through the sink each time something changes and returns when it is cancelled.
/// It survives what it depends on: a source that is away is reported and tried again, and the last good configuration
/// stays in force meanwhile.
public protocol ConfigSource: Sendable {
    /// The source's name, for logs and `explain`.
    var name: String { get }

    /// Where this process is, if the source was told (`node.locality` of a bootstrap). Default: nowhere.
    var locality: Locality { get }

    /// What it has delivered, for operators. Default: its name alone.
    var sourceStatus: ConfigSourceStatus { get }

    /// Delivers configurations until the task is cancelled.
    func run(delivering sink: ConfigSink) async throws
}

extension ConfigSource {
    /// Nowhere.
    public var locality: Locality { Locality() }

    /// Its name alone.
    public var sourceStatus: ConfigSourceStatus { ConfigSourceStatus(name: name) }
}

/// Where a source delivers to.
public struct ConfigSink: Sendable {
    private let applyResources: @Sendable (MeshResources) throws(ConfigurationError) -> UInt64
    private let applyEndpoints: (@Sendable (MeshResources, Set<String>) throws(ConfigurationError) -> UInt64)?
    private let noticeEvent: @Sendable (MeshEvent) -> Void
    /// What happens to the requests to the clusters that say that the source's control plane wants to know
    /// (`Cluster.loadStatistics`); `nil` if nobody counts.
    public let loadStatistics: LoadStatisticsFeed?

    /// Creates a sink.
    /// - Parameters:
    ///   - apply: Validates and publishes a configuration and returns its generation.
    ///   - notice: Is told of everything that happens to the source.
    ///   - applyEndpoints: The same of a configuration that differs from the source's last one in the endpoint assignments of
    ///     these names alone, at their cost. Default: `apply` does it.
    ///   - loadStatistics: What happens to requests, for sources that tell it. Default: nobody counts.
    public init(
        apply: @escaping @Sendable (MeshResources) throws(ConfigurationError) -> UInt64,
        notice: @escaping @Sendable (MeshEvent) -> Void,
        applyEndpoints: (@Sendable (MeshResources, Set<String>) throws(ConfigurationError) -> UInt64)? = nil,
        loadStatistics: LoadStatisticsFeed? = nil
    ) {
        self.applyEndpoints = applyEndpoints
        self.applyResources = apply
        self.noticeEvent = notice
        self.loadStatistics = loadStatistics
    }

    /// Puts a configuration in force, as one atomic swap.
    /// - Returns: Its generation.
    /// - Throws: `ConfigurationError` if it is invalid; the last good one stays in force then.
    @discardableResult
    public func apply(_ resources: MeshResources) throws(ConfigurationError) -> UInt64 {
        try applyResources(resources)
    }

    /// Puts a configuration in force that differs from the last one that this source applied, refused or not, in some
    /// endpoint assignments alone: what else is in force is not looked at again.
    /// - Parameter names: The names of those assignments, be they there now or not.
    /// - Returns: Its generation.
    /// - Throws: As `apply`.
    @discardableResult
    public func apply(
        _ resources: MeshResources,
        changingEndpoints names: Set<String>
    ) throws(ConfigurationError) -> UInt64 {
        guard let applyEndpoints else { return try applyResources(resources) }
        return try applyEndpoints(resources, names)
    }

    /// Tells the mesh's observers what happened to the source.
    public func notice(_ event: MeshEvent) {
        noticeEvent(event)
    }
}

/// A configuration that stands in Swift code.
public struct FixedConfigSource: ConfigSource {
    /// The source's name.
    public let name: String
    private let resources: MeshResources

    /// Creates a source of one configuration.
    public init(_ resources: MeshResources, name: String = "code") {
        self.resources = resources
        self.name = name
    }

    /// Delivers the configuration and waits to be cancelled.
    public func run(delivering sink: ConfigSink) async throws {
        try sink.apply(resources)
        let (stream, _) = AsyncStream.makeStream(of: Never.self)
        for await _ in stream {}
    }
}
