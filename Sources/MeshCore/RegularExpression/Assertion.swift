// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A condition on a position, which takes no input.
enum Assertion: Sendable, Hashable {
    case beginText
    case endText
    case beginLine
    case endLine
    case wordBoundary
    case notWordBoundary

    /// Whether the condition holds between two bytes; `nil` stands for the begin or the end of the text.
    ///
    /// Bytes are enough: a newline is one byte, and only ASCII makes words.
    func holds(between previous: UInt8?, and next: UInt8?) -> Bool {
        switch self {
        case .beginText: previous == nil
        case .endText: next == nil
        case .beginLine: previous == nil || previous == UInt8(ascii: "\n")
        case .endLine: next == nil || next == UInt8(ascii: "\n")
        case .wordBoundary: Self.isWord(previous) != Self.isWord(next)
        case .notWordBoundary: Self.isWord(previous) == Self.isWord(next)
        }
    }

    static func isWord(_ byte: UInt8?) -> Bool {
        guard let byte else { return false }
        return switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default:
            false
        }
    }
}
