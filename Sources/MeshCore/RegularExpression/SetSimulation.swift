// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Runs a program on an input by keeping the set of all places it could be at; answers yes or no.
///
/// Each byte costs at most one visit to each instruction, and the memory is two sets of addresses.
struct SetSimulation {
    private let program: MatchProgram
    private var current: SparseSet
    private var following: SparseSet

    /// The instructions visited so far, which tests hold against input length times program length.
    private(set) var steps = 0

    init(_ program: MatchProgram) {
        self.program = program
        current = SparseSet(capacity: program.instructions.count)
        following = SparseSet(capacity: program.instructions.count)
    }

    mutating func accepts(_ bytes: UnsafeBufferPointer<UInt8>, extent: MatchExtent) -> Bool {
        current.removeAll()
        current.insert(program.start)
        var previous: UInt8?
        for position in 0...bytes.count {
            let next = position < bytes.count ? bytes[position] : nil
            if extent == .anywhere, next.map(UTF8.isContinuation) != true {
                current.insert(program.start)
            }
            let isMatch = program.close(&current, between: previous, and: next)
            steps += current.count
            if isMatch, extent == .anywhere || next == nil { return true }
            guard let next else { return false }
            program.advance(current, taking: next, into: &following)
            swap(&current, &following)
            following.removeAll()
            if current.isEmpty, extent == .whole { return false }
            previous = next
        }
        return false
    }
}
