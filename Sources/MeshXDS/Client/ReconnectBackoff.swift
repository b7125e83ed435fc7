// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How long to wait before the next stream (gRFC A57).
///
/// A stream that ends without a response is a failure: exponential waits with ±20% jitter. One that brought a response
/// may end for good reasons, a rollout of the control plane or a connection's greatest age, and the next one is opened at
/// once; yet not more often than once in the first wait, so that a server which ends every stream is not overrun.
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
    /// - Parameters:
    ///   - lasted: How long it, and the attempt to open it, took.
    ///   - random: From 0 to 1.
    /// - Returns: How long to wait before the next one.
    mutating func streamEnded(hadResponse: Bool, lasted: Nanoseconds, random: Double) -> Nanoseconds {
        guard !hadResponse else {
            failures = 0
            return lasted >= base ? .zero : Nanoseconds(rawValue: base.rawValue - lasted.rawValue)
        }
        var wait = Double(base.rawValue)
        // gRPC's multiplier.
        for _ in 0..<failures where wait < Double(maximum.rawValue) { wait *= 1.6 }
        failures += 1
        let jittered = min(wait, Double(maximum.rawValue)) * (0.8 + 0.4 * random)
        return Nanoseconds(rawValue: UInt64(max(jittered, 0)))
    }
}
