// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What happened to the last good configuration that a source keeps on disk.
public enum LastKnownGoodEvent: Sendable {
    /// No control plane has answered: what an earlier process kept is in force, and that old.
    case inForce(age: Nanoseconds)
    /// What was kept cannot be used; the process waits for a control plane.
    case refused(any Error)
    /// The configuration in force could not be kept; the earlier file stays.
    case notWritten(any Error)

    /// Its name in metrics: `in_force`, `refused` or `not_written`.
    public var name: String {
        switch self {
        case .inForce: "in_force"
        case .refused: "refused"
        case .notWritten: "not_written"
        }
    }
}
