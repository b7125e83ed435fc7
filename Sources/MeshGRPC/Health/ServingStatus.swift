// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Whether a service serves: `grpc.health.v1.HealthCheckResponse.ServingStatus`.
public enum ServingStatus: Int, Hashable, Sendable {
    /// Nobody has said yet.
    case unknown = 0
    /// It serves.
    case serving = 1
    /// It does not.
    case notServing = 2
    /// There is no such service. Told to those who watch it.
    case serviceUnknown = 3

    /// The `HealthCheckResponse` that says so.
    var serialized: [UInt8] {
        var bytes: [UInt8] = []
        WireWriter.append(UInt64(rawValue), as: 1, to: &bytes)
        return bytes
    }
}
