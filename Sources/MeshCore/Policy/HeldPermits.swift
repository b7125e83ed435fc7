// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What the layers around a request hold for it and give back in `finish`.
///
/// A context is copied where a layer forks, so that it cannot carry move-only permits; a bit says that one is out, and
/// the layer that set it takes it away when it gives the permit back.
public struct HeldPermits: OptionSet, Hashable, Sendable {
    /// The bits.
    public var rawValue: UInt16

    /// Creates a set from its bits.
    @inlinable
    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// A place in a bulkhead.
    public static let bulkhead = HeldPermits(rawValue: 1 << 0)
    /// A place under an adaptive limit.
    public static let adaptiveLimit = HeldPermits(rawValue: 1 << 1)
    /// An admission whose outcome the admission control wants to hear.
    public static let admissionControl = HeldPermits(rawValue: 1 << 2)
    /// An admission by load shedding.
    public static let loadShedding = HeldPermits(rawValue: 1 << 3)
    /// A circuit breaker's permit.
    public static let circuitBreaker = HeldPermits(rawValue: 1 << 4)
    /// A place in a concurrency retry budget.
    public static let retryBudget = HeldPermits(rawValue: 1 << 5)
}
