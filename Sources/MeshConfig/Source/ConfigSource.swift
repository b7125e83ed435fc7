// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Delivers configuration to a mesh: an xDS stream, a folder of manifests, Swift code.
///
/// `run` delivers a whole configuration through the sink each time something changes and returns when it is cancelled.
/// It survives what it depends on: a source that is away is reported and tried again, and the last good configuration
/// stays in force meanwhile.
public protocol ConfigSource: Sendable {
    /// The source's name, for logs and `explain`.
    var name: String { get }

    /// Delivers configurations until the task is cancelled.
    func run(delivering sink: ConfigSink) async throws
}

/// Where a source delivers to.
public struct ConfigSink: Sendable {
    private let applyResources: @Sendable (MeshResources) throws(ConfigurationError) -> UInt64
    private let noticeEvent: @Sendable (MeshEvent) -> Void

    /// Creates a sink.
    /// - Parameters:
    ///   - apply: Validates and publishes a configuration and returns its generation.
    ///   - notice: Is told of everything that happens to the source.
    public init(
        apply: @escaping @Sendable (MeshResources) throws(ConfigurationError) -> UInt64,
        notice: @escaping @Sendable (MeshEvent) -> Void
    ) {
        self.applyResources = apply
        self.noticeEvent = notice
    }

    /// Puts a configuration in force, as one atomic swap.
    /// - Returns: Its generation.
    /// - Throws: `ConfigurationError` if it is invalid; the last good one stays in force then.
    @discardableResult
    public func apply(_ resources: MeshResources) throws(ConfigurationError) -> UInt64 {
        try applyResources(resources)
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
