// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A pattern compiled to a nondeterministic automaton over bytes (Thompson's construction, as a list of instructions).
///
/// Bytes, not scalars: the input need not be decoded, and 256 symbols are few enough to make a deterministic automaton
/// of. It relies on the input being valid UTF-8, which the contents of a Swift string always are.
struct MatchProgram: Sendable {
    typealias Address = UInt32

    enum Instruction: Sendable {
        /// Takes one byte of a range.
        case byte(lower: UInt8, upper: UInt8, next: Address)
        /// Takes one byte by a slice of `transitions`, in which bytes ascend.
        case bytes(first: Int32, count: Int32)
        /// Goes on in two places without taking input, and prefers the first.
        case fork(preferred: Address, other: Address)
        case assert(Assertion, next: Address)
        /// Notes the position in a slot: twice the group's number where it begins, and one more where it ends.
        case save(slot: Int32, next: Address)
        case match
        /// Takes nothing: the class without members.
        case fail
    }

    struct Transition: Sendable, Hashable {
        var lower: UInt8
        var upper: UInt8
        var next: Address
    }

    var instructions: [Instruction] = []
    var transitions: [Transition] = []
    var start: Address = 0
    var groupCount: Int

    /// The measure that `RegularExpression.Options.maximumProgramSize` bounds.
    var size: Int { instructions.count + transitions.count }

    /// Where the instruction goes on if it takes the byte.
    func next(after address: Address, taking byte: UInt8) -> Address? {
        switch instructions[Int(address)] {
        case .byte(let lower, let upper, let next):
            return lower <= byte && byte <= upper ? next : nil
        case .bytes(let first, let count):
            let index = ScalarSet.firstIndex(in: Int(count)) { transitions[Int(first) + $0].upper >= byte }
            guard index < count, transitions[Int(first) + index].lower <= byte else { return nil }
            return transitions[Int(first) + index].next
        case .fork, .assert, .save, .match, .fail:
            return nil
        }
    }

    /// Adds to a set of addresses all that they lead to without taking input; order does not matter here.
    ///
    /// - Returns: Whether a match is among them.
    func close(_ addresses: inout SparseSet, between previous: UInt8?, and next: UInt8?) -> Bool {
        var isMatch = false
        var index = 0
        while index < addresses.count {
            switch instructions[Int(addresses[index])] {
            case .fork(let preferred, let other):
                addresses.insert(preferred)
                addresses.insert(other)
            case .assert(let assertion, let target):
                if assertion.holds(between: previous, and: next) { addresses.insert(target) }
            case .save(_, let target):
                addresses.insert(target)
            case .match:
                isMatch = true
            case .byte, .bytes, .fail:
                break
            }
            index += 1
        }
        return isMatch
    }

    /// Adds to `targets` where each of the addresses goes on after taking the byte.
    func advance(_ addresses: SparseSet, taking byte: UInt8, into targets: inout SparseSet) {
        for index in 0..<addresses.count {
            if let target = next(after: addresses[index], taking: byte) {
                targets.insert(target)
            }
        }
    }

    /// Which bytes a match can begin with, by value; `nil` if a match may be empty or depends on no byte.
    func firstBytes() -> [Bool]? {
        var addresses = SparseSet(capacity: instructions.count)
        addresses.insert(start)
        var isFirst = [Bool](repeating: false, count: 256)
        var index = 0
        while index < addresses.count {
            switch instructions[Int(addresses[index])] {
            case .byte(let lower, let upper, _):
                for byte in lower...upper { isFirst[Int(byte)] = true }
            case .bytes(let first, let count):
                for transition in transitions[Int(first)..<Int(first + count)] {
                    for byte in transition.lower...transition.upper { isFirst[Int(byte)] = true }
                }
            case .fork(let preferred, let other):
                addresses.insert(preferred)
                addresses.insert(other)
            case .assert(_, let target), .save(_, let target):
                // An assertion may fail, so this finds too many bytes rather than too few.
                addresses.insert(target)
            case .match:
                return nil
            case .fail:
                break
            }
            index += 1
        }
        return isFirst
    }
}

/// How much of the input a match has to cover.
@usableFromInline
enum MatchExtent: Sendable {
    case whole
    case anywhere
}
