//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
// This file is part of the swift-service-mesh project.
//===----------------------------------------------------------------------===//

/// A program turned into a table with one entry for each state and class of bytes, where that stays small.
///
/// The table is built when the pattern is compiled, not as inputs arrive: so it can be bounded there and then, and
/// matching needs neither memory nor a lock, only one look-up a byte. A pattern whose table would be too large is run by
/// `SetSimulation` instead.
struct DeterministicAutomaton: Sendable {
    typealias State = UInt16

    /// No input from here on can match.
    static let rejected: State = 0

    /// All input from here on matches.
    static let accepted: State = 1

    static let initial: State = 2

    /// The class of each byte: bytes of a class are alike to the pattern.
    let classes: [UInt8]

    /// The number of classes, and one for the end of the input.
    let stride: Int

    /// The state that follows each state and class; states are numbered from `initial`.
    let table: [State]

    func accepts(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var state = Self.initial
        for byte in bytes {
            state = table[Int(state - Self.initial) * stride + Int(classes[Int(byte)])]
            if state < Self.initial { return state == Self.accepted }
        }
        return table[Int(state - Self.initial) * stride + stride - 1] == Self.accepted
    }
}
