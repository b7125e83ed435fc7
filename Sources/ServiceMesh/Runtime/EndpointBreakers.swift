// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import MeshResilience

/// The breaker slots of one configuration's endpoints, found by the identity of their live state.
///
/// Every request asks it twice. The table by address would hash a host name and take a lock each time, which was a ninth
/// of what the whole stack cost. A class, so that a request borrows it whole.
final class EndpointBreakers: Sendable {
    private struct Entry {
        let endpoint: ObjectIdentifier
        /// Borrowed from `slots`, or every look would count a reference.
        let slot: Unmanaged<BreakerSlot>
    }

    /// Open addressing; at most half of the places are taken, so that every search ends soon.
    private let entries: [Entry?]
    private let shift: UInt64
    /// Keeps the slots alive.
    private let slots: [BreakerSlot]

    /// Finds every endpoint's slot, once.
    /// - Parameter table: Knows the addresses of all `endpoints`.
    init(_ endpoints: [EndpointState], table: CircuitBreakerTable) {
        var bits: UInt64 = 1
        while 1 << bits < endpoints.count * 2 { bits += 1 }
        shift = 64 - bits
        var entries = [Entry?](repeating: nil, count: 1 << bits)
        var slots: [BreakerSlot] = []
        for endpoint in endpoints {
            guard let slot = table[endpoint.endpoint.address] else { continue }
            slots.append(slot)
            var place = Self.place(of: ObjectIdentifier(endpoint), shift)
            while entries[place] != nil { place = (place &+ 1) & (entries.count &- 1) }
            entries[place] = Entry(endpoint: ObjectIdentifier(endpoint), slot: .passUnretained(slot))
        }
        self.entries = entries
        self.slots = slots
    }

    /// The slot of an endpoint; `nil` for one that is not of this configuration.
    /// - Complexity: O(1), no lock.
    func slot(of endpoint: EndpointState) -> BreakerSlot? {
        place(of: endpoint)?.takeUnretainedValue()
    }

    /// Asks the breaker of an endpoint whether a request may pass.
    /// - Returns: `nil` if the endpoint has no breaker yet, or never will have.
    func admit(_ endpoint: EndpointState, at now: MeshInstant) -> CircuitBreakerStateMachine.Admission? {
        place(of: endpoint)?._withUnsafeGuaranteedRef { $0.withExisting { $0.admit(at: now) } }
    }

    /// Tells the breaker of an endpoint how a request ended that it let pass.
    func report(
        _ ending: CircuitBreakerStateMachine.Ending,
        at endpoint: EndpointState,
        permit: UInt64,
        now: MeshInstant
    ) {
        place(of: endpoint)?._withUnsafeGuaranteedRef { slot in
            _ = slot.withExisting { $0.report(ending, permit: permit, at: now) }
        }
    }

    private func place(of endpoint: EndpointState) -> Unmanaged<BreakerSlot>? {
        let identity = ObjectIdentifier(endpoint)
        return entries.withUnsafeBufferPointer { entries in
            var place = Self.place(of: identity, shift)
            while let entry = entries[place] {
                if entry.endpoint == identity { return entry.slot }
                place = (place &+ 1) & (entries.count &- 1)
            }
            return nil
        }
    }

    /// Fibonacci hashing: objects lie at multiples of 16, and the product's upper bits depend on all of theirs.
    private static func place(of identity: ObjectIdentifier, _ shift: UInt64) -> Int {
        let address = UInt64(UInt(bitPattern: identity))
        return Int(truncatingIfNeeded: (address &* 0x9E37_79B9_7F4A_7C15) &>> shift)
    }
}
