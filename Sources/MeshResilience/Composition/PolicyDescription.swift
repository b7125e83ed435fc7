// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What a policy in a stack is set to.
public struct PolicyDescription: Hashable, Sendable, CustomStringConvertible {
    /// Its place.
    public var slot: PolicySlot
    /// What it stands on: a cluster, a route, a command; empty if nobody gave it a name.
    public var name: String
    /// Whether it acts on what it decides.
    public var mode: PolicyMode
    /// Every value in force.
    public var settings: [PolicySetting]

    /// Describes a configuration.
    /// - Parameters:
    ///   - slot: The place in which it stands.
    ///   - place: Where it was configured (`route /ratings`); stands with every value that is not a default.
    public init(_ configuration: some PolicyConfiguration, in slot: PolicySlot, name: String = "", place: String = "") {
        self.slot = slot
        self.name = name
        self.mode = configuration.mode
        self.settings = configuration.settings.map { $0.located(at: place) }
    }

    /// Describes a policy without a configuration of its own.
    public init(slot: PolicySlot, name: String = "", mode: PolicyMode = .enforce, settings: [PolicySetting]) {
        self.slot = slot
        self.name = name
        self.mode = mode
        self.settings = settings
    }

    /// Adds what belongs to the policy and stands in another configuration.
    package mutating func add(_ further: [PolicySetting], place: String) {
        settings += further.map { $0.located(at: place) }
    }

    /// For people, one line: `retry ratings: maximumAttempts 3 (default: …), …`.
    public var description: String {
        var text = "\(slot)"
        if !name.isEmpty { text += " \(name)" }
        if mode != .enforce { text += " [\(mode.rawValue)]" }
        guard !settings.isEmpty, mode != .disabled else { return text }
        return text + ": " + settings.map(\.description).joined(separator: ", ")
    }
}
