// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Something that a policy did to a call, or would have done. What lets a call pass untouched is no decision.
public struct PolicyDecision: Hashable, Sendable {
    /// What was done. More cases may come: switch with a default.
    public enum Action: String, Hashable, Sendable, CaseIterable {
        /// The call was refused.
        case refused
        /// The call was made to wait.
        case queued
        /// A further attempt was begun.
        case retried
        /// An attempt was begun beside one that was under way.
        case hedged
        /// The call was given up because its time was over.
        case timedOut = "timed_out"
        /// Another answer took the place of a failure.
        case fellBack = "fell_back"
        /// The answer came from memory.
        case served
        /// The answer came from memory and was older than it should have been.
        case servedStale = "served_stale"
        /// The call shared another's answer.
        case joined
        /// Several calls were made as one.
        case batched
        /// The call was held back on purpose.
        case delayed
        /// The call was ended on purpose.
        case aborted
        /// The policy's state or limit changed.
        case changed
        /// A copy was sent elsewhere.
        case mirrored
    }

    /// Why, in words that metrics can carry: few, and the same for every call. More cases may come.
    public enum Reason: String, Hashable, Sendable, CaseIterable {
        /// A limit is reached.
        case limit
        /// The queue is full.
        case queueFull = "queue_full"
        /// The wait was, or would have been, too long.
        case waitTooLong = "wait_too_long"
        /// The budget is spent.
        case budget
        /// The circuit is open.
        case open
        /// Every probe of the half-open circuit is out.
        case probing
        /// Somebody forced it.
        case forced
        /// The peer fails too often.
        case failures
        /// The peer is too slow too often.
        case slowCalls = "slow_calls"
        /// The call is less important than those that pass.
        case priority
        /// The deadline passed, or was too close.
        case deadline
        /// The call failed.
        case failure
        /// The call was slow.
        case latency
        /// A throw of the dice.
        case chance
        /// The peer asked for it.
        case pushback
        /// Recovery: what was wrong is over.
        case recovered
        /// An equal call was there before.
        case duplicate
        /// The request can be sent once only: its body is a stream.
        case unreplayable
    }

    /// Which policy.
    public var policy: PolicyKind
    /// What it stands on: a cluster, a route, a command; empty if nobody gave it a name.
    public var name: String
    /// What it did.
    public var action: Action
    /// Why.
    public var reason: Reason
    /// Whether it was done; otherwise the policy only observes, and would have done it.
    public var isEnforced: Bool

    /// Creates a decision.
    public init(_ policy: PolicyKind, name: String, _ action: Action, because reason: Reason, isEnforced: Bool = true) {
        self.policy = policy
        self.name = name
        self.action = action
        self.reason = reason
        self.isEnforced = isEnforced
    }
}
