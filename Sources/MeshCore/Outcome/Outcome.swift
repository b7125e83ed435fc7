// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// How a call counts for breakers, budgets, ejection and metrics.
public enum Outcome: UInt8, Hashable, Sendable {
    /// The peer did its work.
    case success
    /// The peer failed.
    case failure
    /// It says nothing about the peer: the caller cancelled, or a local rule refused the call.
    case ignored
}
