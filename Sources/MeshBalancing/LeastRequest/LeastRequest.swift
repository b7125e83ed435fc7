// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The less busy endpoints (`envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest`).
///
/// Where all endpoints weigh the same, the one with the fewest requests under way among some that are drawn, or among all. Where
/// they do not, each as often as its weight divided by its requests under way says.
public struct LeastRequest: LoadBalancingPolicy {
    /// Among which endpoints of one weight the least busy one is looked for.
    public enum Selection: Hashable, Sendable {
        /// Among `choiceCount` drawn ones.
        case choices
        /// Among all: O(n) a pick. Of several that are as busy, one is drawn.
        case fullScan
    }

    /// How many endpoints are drawn; 2 to 100.
    ///
    /// Default 2: Envoy's `choice_count`.
    public var choiceCount: Int
    /// Among which endpoints the least busy one is looked for. Default: drawn ones, Envoy's `selection_method`.
    public var selection: Selection
    /// Where weights differ, an endpoint's weight is divided by one more than its requests under way to this power: 0 leaves
    /// these aside, and more than 1 gives way faster. At least 0.
    ///
    /// Default 1: Envoy's `active_request_bias`.
    public var activeRequestBias: Double
    /// The key by which the runtime has another `activeRequestBias`; empty for none.
    ///
    /// Default none: Envoy's `active_request_bias.runtime_key` has no default.
    public var activeRequestBiasKey = ""

    /// How new endpoints get their part; `nil` for all of it at once. With it, weights count as if they differed.
    ///
    /// Default `nil`, as in Envoy.
    public var slowStart: SlowStart?

    /// Creates the policy.
    public init(
        choiceCount: Int = 2,
        selection: Selection = .choices,
        activeRequestBias: Double = 1,
        slowStart: SlowStart? = nil
    ) {
        self.choiceCount = choiceCount
        self.selection = selection
        self.activeRequestBias = activeRequestBias
        self.slowStart = slowStart
    }

    /// The policy's name.
    public var name: String { "least_request" }

    /// The name and the settings in words.
    public var summary: String {
        var parts = [selection == .choices ? "\(name) of \(choiceCount) drawn" : "\(name) of all"]
        if activeRequestBias != 1 { parts.append("active request bias \(activeRequestBias)") }
        if let slowStart { parts.append(slowStart.summary) }
        return parts.joined(separator: ", ")
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require((2...100).contains(choiceCount), "choiceCount", "must be from 2 to 100, is \(choiceCount)")
        problems.require(
            activeRequestBias >= 0 && activeRequestBias.isFinite,
            "activeRequestBias",
            "must be a number of at least 0, is \(activeRequestBias)"
        )
        slowStart?.validate(&problems)
        try problems.throwIfAny()
    }

    /// Makes a picker.
    public func makePicker(_ endpoints: [EndpointState], random: MeshRandom) -> any EndpointPicker {
        guard slowStart == nil, endpoints.allSatisfy({ $0.weight == endpoints[0].weight }) else {
            return ChangingWeightsPicker(endpoints, bias: activeRequestBias, slowStart: slowStart, random: random)
        }
        return switch selection {
        case .choices: LeastRequestPicker(endpoints, choiceCount: choiceCount, random: random)
        case .fullScan: FullScanPicker(endpoints, random: random)
        }
    }
}
