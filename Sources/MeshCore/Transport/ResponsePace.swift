// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// How fast the reader of a body gets it, where `CallContext.responseBytesPerSecond` says so: what adapters keep to.
///
/// As in Envoy's rate-limited streams bytes come in slices of 50 ms, no more than a second's worth of them at once, and
/// the first slice at once.
public struct ResponsePace: Sendable {
    /// What a reader may have.
    public struct Grant: Hashable, Sendable {
        /// How many bytes it may have now.
        public var bytes: Int
        /// When it should ask again, if that is none.
        public var nextAt: MeshInstant
    }

    private static let slice = Nanoseconds.milliseconds(50)

    private let bytesPerSecond: Double
    private var bytes: Double
    private var filledAt: MeshInstant

    /// Creates a pace.
    /// - Parameters:
    ///   - bytesPerSecond: The rate; at least 1.
    ///   - now: When the body begins.
    public init(bytesPerSecond: UInt64, from now: MeshInstant) {
        self.bytesPerSecond = Double(max(bytesPerSecond, 1))
        self.bytes = self.bytesPerSecond * Self.slice.seconds
        self.filledAt = now
    }

    /// A reader has so many bytes at hand.
    public mutating func bytesWanted(_ count: Int, at now: MeshInstant) -> Grant {
        bytes = min(bytes + now.elapsed(since: filledAt).seconds * bytesPerSecond, bytesPerSecond)
        filledAt = max(filledAt, now)
        let granted = min(max(count, 0), Int(min(bytes, 1e15)))
        bytes -= Double(granted)
        // A slice that holds no whole byte is waited for longer.
        let wait = max(Self.slice.rawValue, UInt64(max(1 - bytes, 0) / bytesPerSecond * 1e9) + 1)
        return Grant(bytes: granted, nextAt: now.advanced(by: Nanoseconds(rawValue: wait)))
    }
}
