// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Where a source keeps the last good configuration, so that the process can start while no control plane answers.
///
/// The file holds the resources in force as they stand on the wire, and is read once, at the start: each resource is
/// decoded and checked as if it had just been received. It is put in force when the control plane has brought no
/// configuration within `patience`, with `MeshEvent.lastKnownGood`; the first configuration of the control plane takes
/// over. It is written after a change, once in a second at most, beside the path first and then renamed, with mode 0600:
/// whoever can write it decides where requests go.
public struct LastKnownGood: Hashable, Sendable {
    /// How large a file may be: from 1 KiB to 1 GiB.
    static let sizes = 1024...(1024 * 1024 * 1024)
    /// How long a control plane may be waited for: at most 1 h.
    static let patiences = Nanoseconds.zero...Nanoseconds.seconds(3600)
    /// How long it is at least from one writing to the next.
    static let pause = Nanoseconds.seconds(1)

    /// The file. Its folder exists; each process has a file of its own.
    public let path: String
    /// The largest file that is written or read, in bytes: from 1 KiB to 1 GiB. Default 64 MiB, the largest response.
    public let maximumBytes: Int
    /// How long the control plane is waited for: up to 1 h. Default 5 s: clients that start beside their control plane
    /// have their configuration by then.
    public let patience: Nanoseconds

    /// Creates the setting.
    /// - Throws: `ConfigurationError` if the path is empty, or a number breaks its bound.
    public init(
        path: String,
        maximumBytes: Int = 64 * 1024 * 1024,
        patience: Nanoseconds = .seconds(5)
    ) throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(!path.isEmpty, "path", "is empty")
        problems.require(!path.utf8.contains(0), "path", "has a zero byte in it")
        problems.require(Self.sizes.contains(maximumBytes), "maximumBytes", "must be from 1024 to 1073741824")
        problems.require(Self.patiences.contains(patience), "patience", "must be at most 1 h")
        try problems.throwIfAny()
        self.path = path
        self.maximumBytes = maximumBytes
        self.patience = patience
    }
}
