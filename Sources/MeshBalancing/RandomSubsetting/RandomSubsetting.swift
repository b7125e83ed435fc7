// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Another policy over some of the endpoints, which each process chooses for itself (gRFC A68).
///
/// For clusters of so many endpoints that not every client should connect to each of them. Each endpoint is hashed with
/// a seed that is the process's own, and the lowest hashes are the subset: an endpoint that comes or goes changes one
/// of it at most. Over many clients endpoints have about the same number of them; `DeterministicAperture` has exactly
/// the same where clients know each other. Endpoints that may not be used are left out before the subset is chosen.
/// Where localities are weighted, each has a subset of its own, unless the policy within picks across them.
public struct RandomSubsetting<Child: LoadBalancingPolicy>: LoadBalancingPolicy {
    /// How many endpoints the subset has, as far as there are so many; at least 1.
    public var subsetSize: Int
    /// What picks within the subset.
    public var child: Child

    /// Creates the policy.
    public init(subsetSize: Int, child: Child) {
        self.subsetSize = subsetSize
        self.child = child
    }

    /// The policy's name.
    public var name: String { "random_subsetting" }

    /// Its child may.
    public var makesTables: Bool { child.makesTables }

    /// The name and the settings in words.
    public var summary: String { "\(name): \(subsetSize) endpoints, among these \(child.summary)" }

    /// As the policy within.
    public var picksByHash: Bool { child.picksByHash }

    /// As the policy within.
    public var picksAcrossPlaces: Bool { child.picksAcrossPlaces }

    /// As the policy within.
    public var observesAnswers: Bool { child.observesAnswers }

    /// The policy within hears of it.
    public func answered(_ answer: AttemptAnswer, by endpoint: EndpointState) {
        child.answered(answer, by: endpoint)
    }

    /// As the policy within.
    public var observesLoad: Bool { child.observesLoad }

    /// As the policy within: endpoints outside the subset are asked, too, for it changes.
    public var loadReportPeriod: Nanoseconds? { child.loadReportPeriod }

    /// The policy within hears of it.
    public func reported(_ report: LoadReport, by endpoint: EndpointState, at now: MeshInstant) {
        child.reported(report, by: endpoint, at: now)
    }

    /// Checks the bounds, and those of the policy within.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(subsetSize >= 1, "subsetSize", "must be at least 1, is \(subsetSize)")
        _ = problems.nest("child") { () throws(ConfigurationError) in try child.validate() }
        try problems.throwIfAny()
    }

    /// Makes a picker.
    /// - Complexity: O(endpoints × log endpoints), and what the policy within takes.
    public func makePicker(_ endpoints: [EndpointState], random: MeshRandom) -> any EndpointPicker {
        let subset = subset(of: endpoints, seed: random.seed)
        return child.makePicker(subset.map { endpoints[$0] }, random: random)
    }

    /// Makes a picker over endpoints of several places, whose shares grow to be the whole of the subset.
    public func makePicker(
        _ endpoints: [EndpointState],
        shares: [Double],
        random: MeshRandom
    ) -> any EndpointPicker {
        let subset = subset(of: endpoints, seed: random.seed)
        let whole = subset.reduce(0) { $0 + shares[$1] }
        return child.makePicker(
            subset.map { endpoints[$0] },
            shares: subset.map { whole > 0 ? shares[$0] / whole : shares[$0] },
            random: random
        )
    }

    /// The positions of the chosen endpoints, in their order.
    private func subset(of endpoints: [EndpointState], seed: UInt64) -> [Int] {
        let size = max(subsetSize, 1)
        guard endpoints.count > size else { return Array(endpoints.indices) }
        let ranked = endpoints.enumerated().map { position, state in
            (hash: XXH64.hash(state.endpoint.address.description, seed: seed), position: position)
        }
        return ranked.sorted { ($0.hash, $0.position) < ($1.hash, $1.position) }.prefix(size).map(\.position).sorted()
    }
}

/// Random subsetting, whatever the policy within.
package protocol SubsettingPolicy: LoadBalancingPolicy {
    associatedtype Child: LoadBalancingPolicy
    /// How many endpoints the subset has.
    var subsetSize: Int { get }
    /// What picks within the subset.
    var child: Child { get }
}

extension RandomSubsetting: SubsettingPolicy {}
