// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A way to learn from outcomes which share of the calls to refuse.
protocol AdmissionAlgorithm: Sendable {
    /// A call is wanted.
    mutating func callWanted(at now: MeshInstant)
    /// A call that was wanted was refused.
    mutating func callRefused(at now: MeshInstant)
    /// A call that was admitted has ended.
    mutating func callEnded(isSuccess: Bool, at now: MeshInstant)
    /// The share of the calls to refuse, before it is bounded.
    mutating func refusalShare(at now: MeshInstant) -> Double
}

/// Refuses a share of the calls that grows with the failures of the peer.
public struct AdmissionControlStateMachine: Sendable {
    private let maximumRefusal: Double
    // Exactly one of them is there: unlike the cases of an enum, it is changed where it stands, and never copied.
    private var successRate: SuccessRateStateMachine?
    private var nack: NackStateMachine?

    /// Creates a machine that has seen nothing.
    public init(_ configuration: AdmissionControlConfiguration, at now: MeshInstant) {
        self.maximumRefusal = configuration.maximumRefusal
        switch configuration.algorithm {
        case .successRate(let settings): self.successRate = SuccessRateStateMachine(settings)
        case .nack(let settings): self.nack = NackStateMachine(settings, at: now)
        }
    }

    /// A call is wanted.
    /// - Parameter random: Drawn from only if any share of the calls is to be refused.
    /// - Returns: Whether it is admitted. An admitted call says how it ended, a refused one that it was.
    /// - Complexity: O(1) on average.
    public mutating func callWanted(at now: MeshInstant, using random: MeshRandom) -> Bool {
        successRate?.callWanted(at: now)
        nack?.callWanted(at: now)
        let share = currentShare(at: now)
        return share <= 0 || random.unitInterval() >= share
    }

    /// A call that was not admitted was refused indeed; a dry run lets it pass and does not say so.
    public mutating func callRefused(at now: MeshInstant) {
        successRate?.callRefused(at: now)
        nack?.callRefused(at: now)
    }

    /// An admitted call has ended.
    public mutating func callEnded(_ outcome: Outcome, at now: MeshInstant) {
        guard outcome != .ignored else { return }
        successRate?.callEnded(isSuccess: outcome == .success, at: now)
        nack?.callEnded(isSuccess: outcome == .success, at: now)
    }

    /// The share of the calls that is refused now, 0 to 1.
    public func refusalShare(at now: MeshInstant) -> Double {
        // Bringing a copy up to date leaves reads without effect.
        var copy = self
        return copy.currentShare(at: now)
    }

    /// The moving average of the share of calls that the peer accepted, 0 to 1; `nil` for an algorithm without one.
    public var acceptedShare: Double? { nack?.acceptedShare }

    private mutating func currentShare(at now: MeshInstant) -> Double {
        min(successRate?.refusalShare(at: now) ?? nack?.refusalShare(at: now) ?? 0, maximumRefusal)
    }
}
