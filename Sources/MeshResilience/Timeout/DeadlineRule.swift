// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What a `DeadlineLayer` reads of its policy: a bare `Nanoseconds`, or a `DeadlineConfiguration` with a mode.
public protocol DeadlineRule: Sendable {
    /// How long the request or the attempt may take.
    var timeout: Nanoseconds { get }
    /// Whether the deadline is shortened, or only watched.
    var mode: PolicyMode { get }
    /// What observers are told that it stands on.
    var name: String { get }
}

extension Nanoseconds: DeadlineRule {
    /// The span itself.
    @inlinable public var timeout: Nanoseconds { self }
    /// `.enforce`.
    @inlinable public var mode: PolicyMode { .enforce }
    /// Empty.
    @inlinable public var name: String { "" }
}
