// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How long a request or an attempt may take, with a mode. There is no default: no time is right for every service.
public struct DeadlineConfiguration: PolicyConfiguration, DeadlineRule {
    /// `.timeout`.
    public static let kind = PolicyKind.timeout

    /// How long it may take; greater than 0.
    public var timeout: Nanoseconds
    /// What observers are told that it stands on.
    public var name: String
    /// Whether the deadline is shortened, or only watched.
    public var mode: PolicyMode

    /// Creates a configuration.
    public init(timeout: Nanoseconds, name: String = "", mode: PolicyMode = .enforce) {
        self.timeout = timeout
        self.name = name
        self.mode = mode
    }

    /// Every value in force.
    public var settings: [PolicySetting] {
        [
            PolicySetting("mode", mode, default: .enforce, from: "MeshResilience"),
            PolicySetting("timeout", timeout),
        ]
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(timeout > .zero, "timeout", "must be greater than 0")
        try problems.throwIfAny()
    }
}
