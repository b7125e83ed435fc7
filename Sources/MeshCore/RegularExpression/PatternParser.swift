// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Parses RE2's syntax.
///
/// The parser keeps open groups on a stack of its own instead of recursing, so deep nesting cannot overflow the thread's
/// stack, and it charges all it builds to a budget, so a long pattern cannot build a tree that is out of proportion.
struct PatternParser {
    /// The flags of `(?imsU)`.
    struct Flags {
        var ignoresCase: Bool
        var isMultiLine = false
        var dotMatchesNewline: Bool
        /// `U`: swaps the meaning of `x*` and `x*?`.
        var swapsGreed = false
    }

    /// An open group, and the sequence and branches read so far in it.
    struct OpenGroup {
        var position: Int
        /// `nil` if the group does not capture.
        var index: Int?
        /// What the flags were before the group, to which they return after it.
        var outerFlags: Flags
        var branches: [PatternSyntax] = []
        var sequence: [PatternSyntax] = []
    }

    let bytes: [UInt8]
    var position = 0
    var flags: Flags
    var open: [OpenGroup] = []
    private(set) var groupCount = 0

    /// Set once a search for `:]` came back empty, so that many `[:` do not each search the rest of the pattern.
    var isWithoutPOSIXEnd = false

    /// The tree nodes and class ranges that may still be made.
    private var budget: Int

    init(_ pattern: String, options: RegularExpression.Options) {
        self.bytes = Array(pattern.utf8)
        self.flags = Flags(ignoresCase: options.isCaseInsensitive, dotMatchesNewline: options.dotMatchesNewline)
        // Far above what a program within its bound needs; it only keeps the tree in proportion to that bound.
        self.budget = options.programSizeBound * 16
    }

    mutating func parse() throws(RegularExpressionError) -> PatternSyntax {
        open.append(OpenGroup(position: 0, index: nil, outerFlags: flags))
        // Where the repetition operator begins that the last step read, if it read one.
        var lastOperator: Int?
        while position < bytes.count {
            let begin = position
            if let repetition = parseRepetition() {
                try apply(repetition, writtenAt: begin, after: lastOperator)
                lastOperator = begin
            } else {
                try parseItem()
                lastOperator = nil
            }
        }
        let group = open.removeLast()
        guard open.isEmpty else {
            throw error(.missingParenthesis, from: group.position, to: group.position + 1)
        }
        return try checked(.alternation(group.branches + [.concatenation(group.sequence)]), at: 0)
    }

    private mutating func parseItem() throws(RegularExpressionError) {
        switch bytes[position] {
        case UInt8(ascii: "("):
            if byte(at: position + 1) == UInt8(ascii: "?") {
                try parsePerlGroup()
            } else {
                openGroup(length: 1, captures: true)
            }
        case UInt8(ascii: "|"):
            position += 1
            let last = open.count - 1
            let branch = PatternSyntax.concatenation(open[last].sequence)
            open[last].sequence = []
            open[last].branches.append(try checked(branch, at: position))
        case UInt8(ascii: ")"):
            try closeGroup()
        case UInt8(ascii: "^"):
            position += 1
            try append(.assertion(flags.isMultiLine ? .beginLine : .beginText))
        case UInt8(ascii: "$"):
            position += 1
            try append(.assertion(flags.isMultiLine ? .endLine : .endText))
        case UInt8(ascii: "."):
            position += 1
            try append(.set(flags.dotMatchesNewline ? .all : .allButNewline))
        case UInt8(ascii: "["):
            try append(.set(parseBracketClass()))
        case UInt8(ascii: "\\"):
            try parseEscapedItem()
        default:
            try appendLiteral(readScalar())
        }
    }

    // MARK: Groups

    mutating func openGroup(length: Int, captures: Bool, outerFlags: Flags? = nil) {
        if captures { groupCount += 1 }
        open.append(
            OpenGroup(position: position, index: captures ? groupCount : nil, outerFlags: outerFlags ?? flags)
        )
        position += length
    }

    private mutating func closeGroup() throws(RegularExpressionError) {
        guard open.count > 1, let group = open.popLast() else {
            throw error(.unexpectedParenthesis, from: position, to: position + 1)
        }
        position += 1
        flags = group.outerFlags
        let last = try checked(.concatenation(group.sequence), at: group.position)
        let content = try checked(.alternation(group.branches + [last]), at: group.position)
        try append(group.index.map { .group($0, content) } ?? content)
    }

    // MARK: Repetition

    /// Reads `*`, `+`, `?` or `{…}` and its lazy mark; `nil`, with nothing read, if there is none here.
    private mutating func parseRepetition() -> Repetition? {
        var repetition: Repetition
        switch bytes[position] {
        case UInt8(ascii: "*"):
            repetition = Repetition(minimum: 0, maximum: nil, isGreedy: true)
            position += 1
        case UInt8(ascii: "+"):
            repetition = Repetition(minimum: 1, maximum: nil, isGreedy: true)
            position += 1
        case UInt8(ascii: "?"):
            repetition = Repetition(minimum: 0, maximum: 1, isGreedy: true)
            position += 1
        case UInt8(ascii: "{"):
            // Anything but well-formed counts makes the brace a literal.
            guard let counted = parseCounts() else { return nil }
            repetition = counted
        default:
            return nil
        }
        if byte(at: position) == UInt8(ascii: "?") {
            repetition.isGreedy = false
            position += 1
        }
        if flags.swapsGreed { repetition.isGreedy.toggle() }
        return repetition
    }

    private mutating func parseCounts() -> Repetition? {
        var cursor = position + 1
        guard let minimum = parseCount(&cursor) else { return nil }
        var maximum: Int? = minimum
        if byte(at: cursor) == UInt8(ascii: ",") {
            cursor += 1
            if byte(at: cursor) == UInt8(ascii: "}") {
                maximum = nil
            } else {
                guard let count = parseCount(&cursor) else { return nil }
                maximum = count
            }
        }
        guard byte(at: cursor) == UInt8(ascii: "}") else { return nil }
        position = cursor + 1
        return Repetition(minimum: minimum, maximum: maximum, isGreedy: true)
    }

    /// Reads a number without leading zeros, as RE2 does; huge ones saturate.
    private func parseCount(_ cursor: inout Int) -> Int? {
        let begin = cursor
        var count = 0
        while let digit = byte(at: cursor), UInt8(ascii: "0")...UInt8(ascii: "9") ~= digit {
            count = min(count * 10 + Int(digit - UInt8(ascii: "0")), 1_000_000)
            cursor += 1
        }
        if cursor == begin || (cursor > begin + 1 && bytes[begin] == UInt8(ascii: "0")) { return nil }
        return count
    }

    private mutating func apply(
        _ repetition: Repetition,
        writtenAt begin: Int,
        after lastOperator: Int?
    ) throws(RegularExpressionError) {
        let maximum = repetition.maximum ?? repetition.minimum
        if maximum < repetition.minimum || maximum > PatternSyntax.maximumRepetition {
            throw error(.invalidRepetitionSize, from: begin, to: position)
        }
        if let lastOperator {
            throw error(.invalidRepetitionOperator, from: lastOperator, to: position)
        }
        guard let content = open[open.count - 1].sequence.popLast() else {
            throw error(.missingRepetitionArgument, from: begin, to: position)
        }
        let repeated = PatternSyntax.repetition(content, repetition)
        if repeated.repetitionProduct > PatternSyntax.maximumRepetition {
            throw error(.invalidRepetitionSize, from: begin, to: position)
        }
        try append(repeated)
    }

    // MARK: Building

    mutating func append(_ syntax: PatternSyntax) throws(RegularExpressionError) {
        if case .set(let set) = syntax.form {
            try charge(set.ranges.count)
        }
        let node = try checked(syntax, at: position)
        open[open.count - 1].sequence.append(node)
    }

    mutating func appendLiteral(_ scalar: UInt32) throws(RegularExpressionError) {
        if flags.ignoresCase {
            let set = ScalarSet([scalar...scalar]).caseFolded()
            if set.ranges != [scalar...scalar] {
                return try append(.set(set))
            }
        }
        try append(.literal(scalar))
    }

    mutating func charge(_ cost: Int) throws(RegularExpressionError) {
        budget -= cost
        if budget < 0 { throw RegularExpressionError(.patternTooLarge, at: position) }
    }

    private mutating func checked(
        _ syntax: PatternSyntax,
        at position: Int
    ) throws(RegularExpressionError) -> PatternSyntax {
        try charge(1)
        if syntax.height > PatternSyntax.maximumHeight { throw RegularExpressionError(.nestingTooDeep, at: position) }
        return syntax
    }

    // MARK: Reading

    func byte(at index: Int) -> UInt8? {
        index < bytes.count ? bytes[index] : nil
    }

    /// Reads one scalar; the pattern is a `String`, so its UTF-8 is known to be valid.
    mutating func readScalar() -> UInt32 {
        let first = bytes[position]
        position += 1
        guard first >= 0x80 else { return UInt32(first) }
        var value = UInt32(first) & (first >= 0xF0 ? 0x07 : first >= 0xE0 ? 0x0F : 0x1F)
        while let next = byte(at: position), UTF8.isContinuation(next) {
            value = value << 6 | UInt32(next & 0x3F)
            position += 1
        }
        return value
    }

    func error(
        _ problem: RegularExpressionError.Problem,
        from begin: Int,
        to end: Int
    ) -> RegularExpressionError {
        RegularExpressionError(problem, at: begin, fragment: String(decoding: bytes[begin..<end], as: UTF8.self))
    }
}
