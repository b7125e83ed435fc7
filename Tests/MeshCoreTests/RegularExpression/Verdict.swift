// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@testable import MeshCore

/// Everything the engines say about one pattern and input, where the engines agree.
struct Verdict: Equatable, CustomStringConvertible {
    /// The ranges of the whole match and of the groups in the input's UTF-8; `nil` for a group that took no part.
    typealias Groups = [Range<Int>?]

    /// For a match of the whole input; `nil` if there is none.
    var whole: Groups?

    /// For the first match anywhere; `nil` if there is none.
    var search: Groups?

    /// Asks each engine that can answer, and records an issue if they differ.
    init(of expression: RegularExpression, on input: String) {
        let program = expression.compiled.program
        var captures = CaptureSimulation(program, groups: 9)
        var sets = SetSimulation(program)
        (whole, search) = Array(input.utf8).withUnsafeBufferPointer { bytes in
            let extents: [MatchExtent] = [.whole, .anywhere]
            let groups = extents.map { extent in
                let match = captures.firstMatch(in: bytes, extent: extent)
                let answers = [
                    match != nil,
                    sets.accepts(bytes, extent: extent),
                    expression.compiled.automaton(for: extent)?.accepts(bytes) ?? (match != nil),
                    expression.accepts(bytes, extent: extent),
                ]
                #expect(Set(answers).count == 1, "\(expression) on \(input.debugDescription), \(extent): \(answers)")
                return match.map { match in (0...min(expression.captureGroupCount, 9)).map(match.range(ofGroup:)) }
            }
            // The most work that linear time allows: each position costs one visit to each instruction, and Pike's
            // machine visits once more where a thread takes the byte.
            let unit = (bytes.count + 1) * program.instructions.count
            #expect(sets.steps <= 2 * unit)
            #expect(captures.steps <= 4 * unit)
            return (groups[0], groups[1])
        }
    }

    var description: String { "\(Self.text(whole));\(Self.text(search))" }

    /// `begin:end` of each group, separated by commas, with a dot for a group without part; `-` for no match.
    static func text(_ groups: Groups?) -> String {
        guard let groups else { return "-" }
        return groups.map { $0.map { "\($0.lowerBound):\($0.upperBound)" } ?? "." }.joined(separator: ",")
    }
}
