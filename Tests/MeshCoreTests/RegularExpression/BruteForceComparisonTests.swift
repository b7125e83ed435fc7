// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@testable import MeshCore

/// The engine against a matcher that tries everything, on patterns and inputs drawn from a fixed seed.
@Suite struct BruteForceComparisonTests {
    private struct Draw {
        var state: UInt64
        var groups = 0

        /// SplitMix64.
        mutating func next(below bound: Int) -> Int {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return Int((mixed ^ (mixed >> 31)) % UInt64(bound))
        }

        mutating func scalar() -> Unicode.Scalar {
            let alphabet: [Unicode.Scalar] = ["a", "b", "é"]
            return alphabet[next(below: alphabet.count)]
        }

        mutating func input() -> String {
            var input = String.UnicodeScalarView()
            for _ in 0..<next(below: 7) { input.append(scalar()) }
            return String(input)
        }

        /// A pattern; one that `takesInput` cannot match the empty string.
        mutating func pattern(depth: Int, takesInput: Bool = false) -> BruteForcePattern {
            switch next(below: depth > 0 ? 12 : 4) {
            case 0, 1: return .scalar(scalar())
            case 2: return .oneOf([scalar()], isNegated: next(below: 2) == 0)
            case 3:
                if takesInput { return .any }
                return [.any, .begin, .end, .sequence([])][next(below: 4)]
            case 4, 5, 6:
                let parts = (0..<(1 + next(below: 3))).map { index in
                    pattern(depth: depth - 1, takesInput: takesInput && index == 0)
                }
                return .sequence(parts)
            case 7, 8:
                return .choice((0..<2).map { _ in pattern(depth: depth - 1, takesInput: takesInput) })
            case 9, 10:
                groups += 1
                let index = groups
                return .group(index, pattern(depth: depth - 1, takesInput: takesInput))
            default:
                let minimum = takesInput ? 1 : next(below: 3)
                let maximum = next(below: 2) == 0 ? nil : max(1, minimum + next(below: 2))
                // Engines differ in which groups they report when a loop's content may be empty; RE2's own expectations
                // cover that.
                let content = pattern(depth: depth - 1, takesInput: true)
                return .loop(content, minimum: minimum, maximum: maximum, isGreedy: next(below: 3) > 0)
            }
        }
    }

    @Test(arguments: 1...12)
    func `any pattern and input give what trying everything gives`(seed: Int) throws {
        var draw = Draw(state: UInt64(seed))
        var matches = 0
        for _ in 0..<150 {
            draw.groups = 0
            let pattern = draw.pattern(depth: 4)
            let expression = try RegularExpression(pattern.text)
            for _ in 0..<5 {
                let input = draw.input()
                let verdict = Verdict(of: expression, on: input)
                do {
                    let whole = try bruteForce(pattern, groupCount: draw.groups, input, mustReachEnd: true)
                    let search = try bruteForce(pattern, groupCount: draw.groups, input, mustReachEnd: false)
                    #expect(verdict.whole == whole, "\(pattern.text) on \(input.debugDescription)")
                    #expect(verdict.search == search, "\(pattern.text) on \(input.debugDescription)")
                    if search != nil { matches += 1 }
                } catch is BruteForceMatch.TooManySteps {
                    continue
                }
            }
        }
        #expect(matches > 100, "the draw is too poor to show anything")
    }

    private func bruteForce(
        _ pattern: BruteForcePattern,
        groupCount: Int,
        _ input: String,
        mustReachEnd: Bool
    ) throws -> Verdict.Groups? {
        // Offsets in UTF-8 of the begins of scalars, and of the end.
        var offsets = [0]
        for scalar in input.unicodeScalars { offsets.append(offsets[offsets.count - 1] + UTF8.width(scalar)) }
        for begin in 0..<(mustReachEnd ? 1 : offsets.count) {
            var attempt = BruteForceMatch(input)
            let end = try attempt.match(pattern, at: begin) { match, end in
                mustReachEnd && end < match.input.count ? nil : end
            }
            guard let end else { continue }
            attempt.groups[0] = begin..<end
            return (0...min(groupCount, 9)).map { group in
                attempt.groups[group].map { offsets[$0.lowerBound]..<offsets[$0.upperBound] }
            }
        }
        return nil
    }
}
