// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshResilience
import Synchronization

/// The place of one address's circuit breaker, which is made when a request first asks for it.
///
/// It outlives pushes that leave the breakers' settings and the address alone, whatever else they say of the endpoint.
final class BreakerSlot: Sendable {
    /// Whom a change of the breaker's state concerns: the live state of the endpoint that has the address now.
    ///
    /// Apart from the slot, because the breaker's observer holds it: a weak reference to the slot would do as well, and
    /// would send every reference count of the slot through a table beside it.
    final class Concerned: Sendable {
        private let state: Mutex<EndpointState>

        init(_ endpoint: EndpointState) {
            self.state = Mutex(endpoint)
        }

        var endpoint: EndpointState {
            get { state.withLock { $0 } }
            set { state.withLock { $0 = newValue } }
        }
    }

    let concerned: Concerned
    /// The breaker, which the slot owns; 0 before there is one. It changes once.
    ///
    /// The standard library's `AtomicLazyReference` says the same in one line and takes 400 instructions to read: its
    /// generic code is not specialised here.
    private let reference = Atomic<UInt>(0)

    init(_ endpoint: EndpointState) {
        self.concerned = Concerned(endpoint)
    }

    deinit {
        if let pointer = UnsafeRawPointer(bitPattern: reference.load(ordering: .acquiring)) {
            Unmanaged<CircuitBreaker>.fromOpaque(pointer).release()
        }
    }

    /// The breaker, if a request has asked for it.
    /// - Complexity: O(1), one atomic load.
    var existing: CircuitBreaker? {
        Self.breaker(at: reference.load(ordering: .acquiring))
    }

    /// Lends the breaker, if a request has asked for it, without counting a reference: the slot never lets go of it.
    func withExisting<Result>(_ body: (CircuitBreaker) -> Result) -> Result? {
        guard let pointer = UnsafeRawPointer(bitPattern: reference.load(ordering: .acquiring)) else { return nil }
        return Unmanaged<CircuitBreaker>.fromOpaque(pointer)._withUnsafeGuaranteedRef { body($0) }
    }

    /// The breaker, made now if it is the first time.
    ///
    /// Two requests that are the first at once both make one, and both get the one that came first.
    func breaker(make: () -> CircuitBreaker) -> CircuitBreaker {
        if let existing { return existing }
        let made = Unmanaged.passRetained(make())
        let (isFirst, first) = reference.compareExchange(
            expected: 0,
            desired: UInt(bitPattern: made.toOpaque()),
            ordering: .acquiringAndReleasing
        )
        guard !isFirst, let winner = Self.breaker(at: first) else { return made.takeUnretainedValue() }
        made.release()
        return winner
    }

    private static func breaker(at address: UInt) -> CircuitBreaker? {
        UnsafeRawPointer(bitPattern: address).map { Unmanaged.fromOpaque($0).takeUnretainedValue() }
    }
}
