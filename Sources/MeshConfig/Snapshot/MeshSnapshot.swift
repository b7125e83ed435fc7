// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// A validated configuration with its generation: immutable, swapped as a whole.
public final class MeshSnapshot: Sendable {
    /// How many endpoint assignments may stand beside the resources that they are a part of.
    private static let maximumChanges = 256

    /// Grows by one with every configuration that is applied.
    public let generation: UInt64
    private let base: MeshResources
    /// The endpoint assignments that are others than in `base`; `nil` for those that are gone.
    private let changes: [String: EndpointAssignment?]
    /// Both together, once somebody has asked.
    private let merged = Mutex<MeshResources?>(nil)

    /// Validates resources.
    /// - Throws: `ConfigurationError` with every problem.
    public init(generation: UInt64, resources: MeshResources) throws(ConfigurationError) {
        try resources.validate()
        self.generation = generation
        base = resources
        changes = [:]
    }

    /// Validates endpoint assignments that stand in the place of others, or of none, in a configuration.
    ///
    /// The configuration is not copied for them, but for one time in some hundred.
    /// - Parameter assignments: By name; `nil` for those that are gone.
    /// - Throws: `ConfigurationError` with every problem.
    package init(
        _ other: MeshSnapshot,
        generation: UInt64,
        with assignments: [String: EndpointAssignment?]
    ) throws(ConfigurationError) {
        var problems = ProblemCollector()
        for name in assignments.keys.sorted() {
            guard let assignment = assignments[name] ?? nil else { continue }
            _ = problems.nest("endpointAssignments[\(name)]") { () throws(ConfigurationError) in
                try assignment.validate()
            }
        }
        try problems.throwIfAny()
        self.generation = generation
        var changes = other.changes
        for (name, assignment) in assignments { changes[name] = .some(assignment) }
        if changes.count > Self.maximumChanges {
            base = Self.merge(changes, into: other.base)
            self.changes = [:]
        } else {
            base = other.base
            self.changes = changes
        }
    }

    /// The resources.
    /// - Complexity: O(1), but for the first time after endpoints alone have changed: O(resources).
    public var resources: MeshResources {
        guard !changes.isEmpty else { return base }
        return merged.withLock { merged in
            if let merged { return merged }
            let resources = Self.merge(changes, into: base)
            merged = resources
            return resources
        }
    }

    private static func merge(_ changes: [String: EndpointAssignment?], into base: MeshResources) -> MeshResources {
        var resources = base
        for (name, assignment) in changes { resources.endpointAssignments[name] = assignment }
        return resources
    }
}
