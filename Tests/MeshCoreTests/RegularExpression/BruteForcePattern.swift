// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A pattern as a tree that can write itself in RE2's syntax and match itself by trying everything.
///
/// It shares no code or idea with the engine: it goes back on its choices, takes exponential time and is small enough to
/// be seen to be right.
indirect enum BruteForcePattern {
    case scalar(Unicode.Scalar)
    case any
    case oneOf([Unicode.Scalar], isNegated: Bool)
    case begin
    case end
    case sequence([BruteForcePattern])
    case choice([BruteForcePattern])
    case group(Int, BruteForcePattern)
    case loop(BruteForcePattern, minimum: Int, maximum: Int?, isGreedy: Bool)

    /// The pattern in RE2's syntax.
    var text: String {
        switch self {
        case .scalar(let scalar): return String(scalar)
        case .any: return "."
        case .oneOf(let scalars, let isNegated):
            return "[" + (isNegated ? "^" : "") + scalars.map { String($0) }.joined() + "]"
        case .begin: return "^"
        case .end: return "$"
        case .sequence(let parts): return parts.map(\.text).joined()
        case .choice(let branches): return "(?:" + branches.map(\.text).joined(separator: "|") + ")"
        case .group(_, let content): return "(" + content.text + ")"
        case .loop(let content, let minimum, let maximum, let isGreedy):
            let counts =
                switch (minimum, maximum) {
                case (0, nil): "*"
                case (1, nil): "+"
                case (0, 1): "?"
                case (_, let maximum): "{\(minimum),\(maximum.map(String.init) ?? "")}"
                }
            return "(?:\(content.text))\(counts)" + (isGreedy ? "" : "?")
        }
    }
}

/// One attempt to match a `BruteForcePattern`, which gives up when it took too many steps to wait for.
struct BruteForceMatch {
    struct TooManySteps: Error {}

    let input: [Unicode.Scalar]
    var steps = 0
    /// Begin and end of each group, in scalars.
    var groups: [Int: Range<Int>] = [:]

    init(_ input: String) {
        self.input = Array(input.unicodeScalars)
    }

    /// The end of the preferred match that begins at `begin`; `rest` decides whether an end will do.
    mutating func match(
        _ pattern: BruteForcePattern,
        at begin: Int,
        _ rest: (inout BruteForceMatch, Int) throws -> Int?
    ) throws -> Int? {
        steps += 1
        if steps > 20_000 { throw TooManySteps() }
        switch pattern {
        case .scalar(let scalar):
            return try begin < input.count && input[begin] == scalar ? rest(&self, begin + 1) : nil
        case .any:
            return try begin < input.count && input[begin] != "\n" ? rest(&self, begin + 1) : nil
        case .oneOf(let scalars, let isNegated):
            return try begin < input.count && scalars.contains(input[begin]) != isNegated ? rest(&self, begin + 1) : nil
        case .begin:
            return try begin == 0 ? rest(&self, begin) : nil
        case .end:
            return try begin == input.count ? rest(&self, begin) : nil
        case .sequence(let parts):
            guard let first = parts.first else { return try rest(&self, begin) }
            let others = BruteForcePattern.sequence(Array(parts.dropFirst()))
            return try match(first, at: begin) { match, end in try match.match(others, at: end, rest) }
        case .choice(let branches):
            for branch in branches {
                if let end = try match(branch, at: begin, rest) { return end }
            }
            return nil
        case .group(let index, let content):
            let before = groups[index]
            let result = try match(content, at: begin) { match, end in
                let inner = match.groups[index]
                match.groups[index] = begin..<end
                if let result = try rest(&match, end) { return result }
                match.groups[index] = inner
                return nil
            }
            if result == nil { groups[index] = before }
            return result
        case .loop(let content, let minimum, let maximum, let isGreedy):
            let fewer = BruteForcePattern.loop(
                content,
                minimum: max(minimum - 1, 0),
                maximum: maximum.map { $0 - 1 },
                isGreedy: isGreedy
            )
            func again(_ match: inout BruteForceMatch) throws -> Int? {
                if maximum == 0 { return nil }
                return try match.match(content, at: begin) { match, end in
                    // Going round without taking input would never end, and no end needs it once enough rounds are done.
                    if end == begin, minimum == 0 { return nil }
                    return try match.match(fewer, at: end, rest)
                }
            }
            if minimum > 0 { return try again(&self) }
            if isGreedy { return try again(&self) ?? rest(&self, begin) }
            return try rest(&self, begin) ?? again(&self)
        }
    }
}
