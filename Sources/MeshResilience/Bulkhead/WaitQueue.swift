// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Who waits, oldest first: a doubly linked list in one array, so that a waiter leaves from anywhere in O(1).
///
/// Slots are used again; the array grows to the longest queue that there was and allocates no more.
struct WaitQueue: Sendable {
    struct Waiter: Sendable {
        var serial: UInt64
        var since: MeshInstant
        var until: MeshInstant
        /// Whether the caller's deadline ends the wait, and not the bulkhead's patience.
        var endsByDeadline: Bool
        fileprivate var older: Int
        fileprivate var newer: Int
    }

    private static let none = -1
    private var slots: [Waiter] = []
    private var freeSlots: [Int] = []
    private var oldestSlot = WaitQueue.none
    private var newestSlot = WaitQueue.none
    private var nextSerial: UInt64 = 0
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    var oldest: BulkheadStateMachine.WaiterID? { id(oldestSlot) }
    var newest: BulkheadStateMachine.WaiterID? { id(newestSlot) }

    private func id(_ slot: Int) -> BulkheadStateMachine.WaiterID? {
        slot == Self.none ? nil : BulkheadStateMachine.WaiterID(slot: slot, serial: slots[slot].serial)
    }

    /// The waiter, unless it has left.
    subscript(_ id: BulkheadStateMachine.WaiterID) -> Waiter? {
        guard slots.indices.contains(id.slot), slots[id.slot].serial == id.serial else { return nil }
        return slots[id.slot]
    }

    mutating func append(
        since: MeshInstant,
        until: MeshInstant,
        endsByDeadline: Bool
    ) -> BulkheadStateMachine.WaiterID {
        nextSerial &+= 1
        let waiter = Waiter(
            serial: nextSerial,
            since: since,
            until: until,
            endsByDeadline: endsByDeadline,
            older: newestSlot,
            newer: Self.none
        )
        let slot: Int
        if let free = freeSlots.popLast() {
            slots[free] = waiter
            slot = free
        } else {
            slots.append(waiter)
            slot = slots.count - 1
        }
        if newestSlot == Self.none { oldestSlot = slot } else { slots[newestSlot].newer = slot }
        newestSlot = slot
        count += 1
        return BulkheadStateMachine.WaiterID(slot: slot, serial: nextSerial)
    }

    /// Takes a waiter out; `nil` if it has left before.
    mutating func remove(_ id: BulkheadStateMachine.WaiterID) -> Waiter? {
        guard let waiter = self[id] else { return nil }
        if waiter.older == Self.none { oldestSlot = waiter.newer } else { slots[waiter.older].newer = waiter.newer }
        if waiter.newer == Self.none { newestSlot = waiter.older } else { slots[waiter.newer].older = waiter.older }
        // No waiter has the serial 0: whoever asks for this one again finds that it has left.
        slots[id.slot].serial = 0
        freeSlots.append(id.slot)
        count -= 1
        return waiter
    }

    /// The instants since which they wait, oldest first; for checks.
    var arrivals: [MeshInstant] {
        var found: [MeshInstant] = []
        var slot = oldestSlot
        while slot != Self.none {
            found.append(slots[slot].since)
            slot = slots[slot].newer
        }
        return found
    }
}
