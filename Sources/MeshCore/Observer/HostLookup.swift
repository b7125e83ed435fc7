// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// How a lookup of a cluster's host name ended.
public struct HostLookup: Sendable {
    /// What came of it.
    public enum Outcome: String, Hashable, CaseIterable, Sendable {
        /// The name has other addresses than before.
        case changed
        /// It has the same.
        case unchanged
        /// There was an answer without any address; the last ones stay in use.
        case empty
        /// There was no answer; the last addresses stay in use.
        case failed
        /// There was none in time; the last addresses stay in use.
        case timedOut = "timed_out"
    }

    /// The name.
    public var host: String
    /// What came of it.
    public var outcome: Outcome
    /// How many addresses are in use now.
    public var addresses: Int
    /// How many lookups in a row have given no address.
    public var failuresInRow: Int
    /// How long it took.
    public var duration: Nanoseconds
    /// What the resolver said, if it failed.
    public var error: (any Error)?

    /// Creates the report of a lookup.
    public init(
        host: String,
        outcome: Outcome,
        addresses: Int,
        failuresInRow: Int = 0,
        duration: Nanoseconds,
        error: (any Error)? = nil
    ) {
        self.host = host
        self.outcome = outcome
        self.addresses = addresses
        self.failuresInRow = failuresInRow
        self.duration = duration
        self.error = error
    }
}
