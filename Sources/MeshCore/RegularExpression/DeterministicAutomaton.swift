// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

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
        // Without the pointers each byte would pay for two checks of bounds, which `classes` and `table` rule out: a class
        // is less than `stride`, and each state in the table has a row.
        classes.withUnsafeBufferPointer { classes in
            table.withUnsafeBufferPointer { table in
                var row = 0
                for byte in bytes {
                    let state = table[row + Int(classes[Int(byte)])]
                    if state < Self.initial { return state == Self.accepted }
                    row = Int(state - Self.initial) &* stride
                }
                return table[row + stride - 1] == Self.accepted
            }
        }
    }
}
