// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A set of program addresses with constant-time insertion and clearing that keeps the order of insertion.
///
/// (Briggs and Torczon, "An Efficient Representation for Sparse Sets", 1993.)
struct SparseSet {
    private var members: [MatchProgram.Address]
    private var positions: [MatchProgram.Address]
    private(set) var count = 0

    init(capacity: Int) {
        members = Array(repeating: 0, count: capacity)
        positions = Array(repeating: 0, count: capacity)
    }

    var isEmpty: Bool { count == 0 }

    subscript(index: Int) -> MatchProgram.Address { members[index] }

    /// The members in the order of their values.
    func sorted() -> [MatchProgram.Address] { members[..<count].sorted() }

    @discardableResult
    mutating func insert(_ member: MatchProgram.Address) -> Bool {
        let position = Int(positions[Int(member)])
        if position < count, members[position] == member { return false }
        positions[Int(member)] = MatchProgram.Address(count)
        members[count] = member
        count += 1
        return true
    }

    mutating func removeAll() {
        count = 0
    }
}
