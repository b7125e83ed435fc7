// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshCore

/// A hierarchical timer wheel over a slab: eight levels of 64 slots, in ticks of one millisecond.
///
/// A timer stands in the level of the highest digit (base 64) in which its tick differs from the wheel's, in the slot of
/// that digit. Every slot of a level is then later than the wheel, none wraps around, and what stands in a level is
/// earlier than all that stands in the levels above: the next slot is the lowest bit of the lowest level that has one.
/// When the wheel comes to a slot above the lowest level, its timers move down. Eight levels hold 2^48 ms; the last
/// representable instant is before that. (Varghese & Lauck, "Hashed and hierarchical timing wheels", scheme 7.)
package struct TimerWheelStateMachine<Payload> {
    fileprivate struct Entry {
        var tick: UInt64
        var id: UInt64
        /// The level times 64 and the slot; -1 while the entry is free.
        var bucket: Int16
        /// The neighbours in the bucket; `next` is the next free entry while this one is free.
        var next: Int32
        var previous: Int32
        var payload: Payload?
    }

    private static var none: Int32 { -1 }
    private static var levels: Int { 8 }
    private static var tickWidth: UInt64 { 1_000_000 }
    /// Above so many entries the slab is given back when the last timer is gone: a burst leaves no memory behind.
    private static var slabKept: Int { 4096 }

    private var entries: ContiguousArray<Entry> = []
    private var freeEntry = Self.none
    private var heads = ContiguousArray<Int32>(repeating: Self.none, count: Self.levels * 64)
    private var occupied = ContiguousArray<UInt64>(repeating: 0, count: Self.levels)
    /// The tick up to which everything that was due has been handed out.
    private var elapsed: UInt64
    private var lastID: UInt64 = 0

    /// How many timers are armed.
    package private(set) var count = 0

    /// Creates an empty wheel.
    package init(at now: MeshInstant) {
        self.elapsed = now.nanoseconds / Self.tickWidth
    }

    /// How many timers the slab has room for without growing.
    package var slabSize: Int { entries.count }

    /// When the wheel has to be looked at again: never later than the first timer is due; `nil` while none is armed.
    /// - Complexity: O(1).
    package var nextWake: MeshInstant? {
        nextSlot.map { slot in
            let (nanoseconds, overflow) = slot.start.multipliedReportingOverflow(by: Self.tickWidth)
            return MeshInstant(nanoseconds: overflow ? .max : nanoseconds)
        }
    }

    /// A timer is wanted. It is due at the first whole millisecond that is not before `deadline`.
    /// - Complexity: O(1); allocates when there are more timers than ever before.
    package mutating func timerArmed(_ payload: Payload, until deadline: MeshInstant, at now: MeshInstant)
        -> TimerTicket
    {
        // An empty wheel may have stood still for long; it need not walk through the time that passed.
        if count == 0 { elapsed = max(elapsed, now.nanoseconds / Self.tickWidth) }
        let whole = deadline.nanoseconds / Self.tickWidth
        let tick = deadline.nanoseconds % Self.tickWidth == 0 ? whole : whole + 1
        lastID += 1
        let entry = Entry(
            tick: max(tick, elapsed + 1),
            id: lastID,
            bucket: -1,
            next: Self.none,
            previous: Self.none,
            payload: payload
        )
        let position: Int32
        if freeEntry == Self.none {
            position = Int32(entries.count)
            entries.append(entry)
        } else {
            position = freeEntry
            freeEntry = entries[Int(position)].next
            entries[Int(position)] = entry
        }
        link(position)
        count += 1
        return TimerTicket(position: position, id: lastID)
    }

    /// A timer is not wanted any more.
    /// - Returns: What it was armed with; `nil` if it was due or cancelled before.
    /// - Complexity: O(1).
    package mutating func timerCancelled(_ ticket: TimerTicket) -> Payload? {
        let position = Int(ticket.position)
        guard position < entries.count, entries[position].id == ticket.id, entries[position].bucket >= 0 else {
            return nil
        }
        unlink(ticket.position)
        return release(ticket.position)
    }

    /// Time has passed: hands out every timer that is due, earliest millisecond first. A clock that goes back does nothing.
    /// - Complexity: O(timers that are due or move down).
    package mutating func timePassed(at now: MeshInstant, due: (Payload) -> Void) {
        let target = now.nanoseconds / Self.tickWidth
        while let slot = nextSlot, slot.start <= target {
            elapsed = slot.start
            var position = heads[slot.bucket]
            heads[slot.bucket] = Self.none
            occupied[slot.bucket / 64] &= ~(1 << UInt64(slot.bucket % 64))
            while position != Self.none {
                let next = entries[Int(position)].next
                if entries[Int(position)].tick <= elapsed {
                    if let payload = release(position) { due(payload) }
                } else {
                    link(position)
                }
                position = next
            }
        }
        elapsed = max(elapsed, target)
    }

    private var nextSlot: (bucket: Int, start: UInt64)? {
        for level in 0..<Self.levels where occupied[level] != 0 {
            let slot = occupied[level].trailingZeroBitCount
            let shift = UInt64(6 * level)
            return (level * 64 + slot, ((elapsed >> (shift + 6)) << (shift + 6)) | UInt64(slot) << shift)
        }
        return nil
    }

    private mutating func link(_ position: Int32) {
        let tick = entries[Int(position)].tick
        let level = (63 - ((tick ^ elapsed) | 63).leadingZeroBitCount) / 6
        let slot = Int(tick >> UInt64(6 * level) & 63)
        let bucket = level * 64 + slot
        let first = heads[bucket]
        entries[Int(position)].bucket = Int16(bucket)
        entries[Int(position)].previous = Self.none
        entries[Int(position)].next = first
        if first != Self.none { entries[Int(first)].previous = position }
        heads[bucket] = position
        occupied[level] |= 1 << UInt64(slot)
    }

    private mutating func unlink(_ position: Int32) {
        let entry = entries[Int(position)]
        if entry.next != Self.none { entries[Int(entry.next)].previous = entry.previous }
        if entry.previous != Self.none {
            entries[Int(entry.previous)].next = entry.next
        } else {
            let bucket = Int(entry.bucket)
            heads[bucket] = entry.next
            if entry.next == Self.none { occupied[bucket / 64] &= ~(1 << UInt64(bucket % 64)) }
        }
    }

    private mutating func release(_ position: Int32) -> Payload? {
        let payload = entries[Int(position)].payload
        entries[Int(position)].payload = nil
        entries[Int(position)].bucket = -1
        entries[Int(position)].next = freeEntry
        freeEntry = position
        count -= 1
        if count == 0, entries.count > Self.slabKept {
            entries = []
            freeEntry = Self.none
        }
        return payload
    }
}

extension TimerWheelStateMachine: Sendable where Payload: Sendable {}
extension TimerWheelStateMachine.Entry: Sendable where Payload: Sendable {}
