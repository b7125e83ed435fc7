// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How long to wait before the next stream: exponential with ±20% jitter, back to the start after a response.
public struct ReconnectBackoff: Hashable, Sendable {
    /// The first wait.
    ///
    /// Default 1 s: gRPC's connection back-off.
    public var base: Nanoseconds
    /// The longest wait.
    ///
    /// Default 120 s: gRPC's connection back-off.
    public var maximum: Nanoseconds
    private var failures = 0

    /// Creates a back-off.
    public init(base: Nanoseconds = .seconds(1), maximum: Nanoseconds = .seconds(120)) {
        self.base = base
        self.maximum = maximum
    }

    /// A stream has ended.
    /// - Returns: How long to wait before the next one.
    mutating func streamEnded(hadResponse: Bool, random: Double) -> Nanoseconds {
        if hadResponse { failures = 0 }
        var wait = Double(base.rawValue)
        // gRPC's multiplier.
        for _ in 0..<failures where wait < Double(maximum.rawValue) { wait *= 1.6 }
        failures += 1
        let jittered = min(wait, Double(maximum.rawValue)) * (0.8 + 0.4 * random)
        return Nanoseconds(rawValue: UInt64(max(jittered, 0)))
    }
}
