// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// An application's own rule about which failed attempts are followed by another.
///
/// It is asked before the policy's conditions, for responses of every status. What it says about safety is believed:
/// `.retry` still asks whether a replay is harmless and whether attempts, time and budget are left.
public struct RetryPredicate: Hashable, Sendable {
    /// An attempt that ended.
    public struct Attempt: Sendable {
        /// What it came to.
        public var failure: RetryStateMachine.Failure
        /// The error that was thrown, if one was.
        public var error: (any Error)?
        /// Its number, from 1.
        public var number: Int
        /// Whether executing the request twice does no more than once.
        public var isIdempotent: Bool
    }

    /// What the rule says.
    public enum Verdict: Hashable, Sendable {
        /// It is a failure that is worth another attempt.
        case retry
        /// It is not.
        case stop
        /// The policy's conditions decide.
        case undecided
    }

    /// What the rule is called where a policy is described. Rules of one name count as the same rule.
    public let name: String
    private let decide: @Sendable (Attempt) -> Verdict

    /// Creates a rule.
    /// - Parameters:
    ///   - name: What it is called; give different rules different names.
    ///   - decide: Called once an attempt, from any thread, with no lock held; it returns quickly.
    public init(_ name: String, _ decide: @escaping @Sendable (Attempt) -> Verdict) {
        self.name = name
        self.decide = decide
    }

    /// What the rule says about an attempt.
    public func verdict(_ attempt: Attempt) -> Verdict { decide(attempt) }

    /// Whether both have the same name.
    public static func == (lhs: RetryPredicate, rhs: RetryPredicate) -> Bool { lhs.name == rhs.name }

    /// Feeds the name to a hasher.
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
