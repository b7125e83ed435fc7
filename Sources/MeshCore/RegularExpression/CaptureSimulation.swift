// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Runs a program on an input and notes where groups begin and end (Pike's machine).
///
/// Threads are kept in order of preference, which gives Perl's leftmost-first match without backtracking: of two threads
/// at the same instruction only the preferred survives, and a match drops all threads behind it.
struct CaptureSimulation {
    private enum Pending {
        case visit(MatchProgram.Address)
        /// Undoes a `save` once all that follows from it was visited.
        case restore(slot: Int, to: Int)
    }

    /// Threads in order of preference, with the slots of each side by side at the index of its instruction.
    private struct Threads {
        var addresses: SparseSet
        var slots: [Int]
    }

    private static let unset = -1

    private let program: MatchProgram
    private let firstBytes: [Bool]?
    private let slotCount: Int
    private var current: Threads
    private var following: Threads
    private var pending: [Pending] = []
    /// The slots of the thread at hand.
    private var slots: [Int]

    /// The instructions visited so far, which tests hold against input length times program length.
    private(set) var steps = 0

    /// - Parameter groups: The last group to note. Memory grows with it, and a pattern can have thousands of groups.
    init(_ program: MatchProgram, groups: Int) {
        self.program = program
        firstBytes = program.firstBytes()
        slotCount = 2 * (min(groups, program.groupCount) + 1)
        slots = Array(repeating: Self.unset, count: slotCount)
        let threads = Threads(
            addresses: SparseSet(capacity: program.instructions.count),
            slots: Array(repeating: Self.unset, count: program.instructions.count * slotCount)
        )
        current = threads
        following = threads
    }

    /// The first match that begins at or after `from`, which has to be the begin of a scalar.
    mutating func firstMatch(
        in bytes: UnsafeBufferPointer<UInt8>,
        from begin: Int = 0,
        extent: MatchExtent
    ) -> RegularExpressionMatch? {
        var match: RegularExpressionMatch?
        var position = begin
        following.addresses.removeAll()
        while true {
            // A thread that begins here comes after those that began before and got here.
            if match == nil, extent == .anywhere || position == begin {
                if extent == .anywhere, following.addresses.isEmpty {
                    position = firstCandidate(in: bytes, from: position)
                }
                if position == bytes.count || !UTF8.isContinuation(bytes[position]) {
                    resetSlots(begin: position)
                    follow(program.start, at: position, in: bytes)
                }
            }
            swap(&current, &following)
            following.addresses.removeAll()
            if current.addresses.isEmpty, match != nil || extent == .whole { break }
            if let better = step(at: position, in: bytes, extent: extent) {
                match = better
            }
            if position == bytes.count { break }
            position += 1
        }
        return match
    }

    /// Takes the byte at a position with all threads, in order of preference, up to one that matches.
    private mutating func step(
        at position: Int,
        in bytes: UnsafeBufferPointer<UInt8>,
        extent: MatchExtent
    ) -> RegularExpressionMatch? {
        let byte = position < bytes.count ? bytes[position] : nil
        for index in 0..<current.addresses.count {
            let address = current.addresses[index]
            steps += 1
            if case .match = program.instructions[Int(address)] {
                if extent == .whole, byte != nil { continue }
                loadSlots(of: address)
                slots[1] = position
                return RegularExpressionMatch(slots: slots)
            }
            if let byte, let target = program.next(after: address, taking: byte) {
                loadSlots(of: address)
                follow(target, at: position + 1, in: bytes)
            }
        }
        return nil
    }

    /// Adds to `following` a thread for each instruction that takes input or matches and that `address` leads to.
    private mutating func follow(
        _ address: MatchProgram.Address,
        at position: Int,
        in bytes: UnsafeBufferPointer<UInt8>
    ) {
        let previous = position > 0 ? bytes[position - 1] : nil
        let next = position < bytes.count ? bytes[position] : nil
        pending.append(.visit(address))
        while let item = pending.popLast() {
            guard case .visit(let address) = item else {
                if case .restore(let slot, let value) = item { slots[slot] = value }
                continue
            }
            guard following.addresses.insert(address) else { continue }
            steps += 1
            switch program.instructions[Int(address)] {
            case .fork(let preferred, let other):
                pending.append(.visit(other))
                pending.append(.visit(preferred))
            case .assert(let assertion, let target):
                if assertion.holds(between: previous, and: next) { pending.append(.visit(target)) }
            case .save(let slot, let target):
                if slot < slotCount {
                    pending.append(.restore(slot: Int(slot), to: slots[Int(slot)]))
                    slots[Int(slot)] = position
                }
                pending.append(.visit(target))
            case .byte, .bytes, .match:
                let base = Int(address) * slotCount
                for slot in 0..<slotCount { following.slots[base + slot] = slots[slot] }
            case .fail:
                break
            }
        }
    }

    private func firstCandidate(in bytes: UnsafeBufferPointer<UInt8>, from begin: Int) -> Int {
        guard let firstBytes else { return begin }
        var position = begin
        while position < bytes.count, !firstBytes[Int(bytes[position])] {
            position += 1
        }
        return position
    }

    private mutating func resetSlots(begin: Int) {
        for slot in 0..<slotCount { slots[slot] = Self.unset }
        slots[0] = begin
    }

    private mutating func loadSlots(of address: MatchProgram.Address) {
        let base = Int(address) * slotCount
        for slot in 0..<slotCount { slots[slot] = current.slots[base + slot] }
    }
}

/// Where a match and its groups lie, in bytes of the input's UTF-8.
struct RegularExpressionMatch: Hashable {
    private let slots: [Int]

    init(slots: [Int]) {
        self.slots = slots
    }

    var start: Int { slots[0] }

    var end: Int { slots[1] }

    /// The range of a group, where 0 is the whole match; `nil` if it took no part, was not noted or does not exist.
    func range(ofGroup group: Int) -> Range<Int>? {
        guard 2 * group + 1 < slots.count, slots[2 * group] >= 0, slots[2 * group + 1] >= 0 else { return nil }
        return slots[2 * group]..<slots[2 * group + 1]
    }
}
