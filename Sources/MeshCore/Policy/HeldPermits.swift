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
    @inlinable public static var bulkhead: HeldPermits { HeldPermits(rawValue: 1 << 0) }
    /// A place under an adaptive limit.
    @inlinable public static var adaptiveLimit: HeldPermits { HeldPermits(rawValue: 1 << 1) }
    /// An admission whose outcome the admission control wants to hear.
    @inlinable public static var admissionControl: HeldPermits { HeldPermits(rawValue: 1 << 2) }
    /// An admission by load shedding.
    @inlinable public static var loadShedding: HeldPermits { HeldPermits(rawValue: 1 << 3) }
    /// A circuit breaker's permit.
    @inlinable public static var circuitBreaker: HeldPermits { HeldPermits(rawValue: 1 << 4) }
    /// A place in a concurrency retry budget.
    @inlinable public static var retryBudget: HeldPermits { HeldPermits(rawValue: 1 << 5) }
    /// A place among the requests that suffer from injected faults.
    @inlinable public static var fault: HeldPermits { HeldPermits(rawValue: 1 << 6) }
}
