// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Keys, and how many times they have been others.
public struct VersionedKeySet: Sendable {
    /// The keys.
    public let keys: JSONWebKeySet
    /// Another number for other keys.
    public let version: UInt64

    /// Creates keys of a version.
    public init(_ keys: JSONWebKeySet, version: UInt64) {
        self.keys = keys
        self.version = version
    }
}

/// Where the keys of a provider are: in the configuration, or at a server.
///
/// An implementer guarantees that keys are there at once wherever they can be, and that it waits no longer than the
/// deadline. Called on the request path, from any thread.
public protocol KeySetSource: Sendable {
    /// The keys; `nil` if they have to be waited for.
    var current: VersionedKeySet? { get }
    /// Waits for keys.
    /// - Throws: Why there are none.
    func wait(until deadline: Deadline) async throws(TokenFailure) -> VersionedKeySet
}

/// Keys that stand in the configuration.
public struct FixedKeySet: KeySetSource {
    private let keys: JSONWebKeySet?

    /// Creates a source.
    /// - Parameter set: The keys; `nil` for none, so that every token fails.
    public init(_ set: JSONWebKeySet?) {
        self.keys = set
    }

    /// The keys.
    public var current: VersionedKeySet? { keys.map { VersionedKeySet($0, version: 0) } }

    /// The keys, or that there are none.
    public func wait(until deadline: Deadline) async throws(TokenFailure) -> VersionedKeySet {
        guard let current else { throw .noValidKeys }
        return current
    }
}
