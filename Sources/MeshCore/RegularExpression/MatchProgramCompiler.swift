// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Turns a syntax tree into a program.
///
/// It compiles from the end of the pattern to its begin: each part is told the address at which to go on, so only loops
/// need to be filled in later. Repetition counts are unrolled here and not in the tree, and every step is charged to the
/// bound, so a pattern that is too large is given up after as much work as a program of the allowed size takes.
struct MatchProgramCompiler {
    private let maximumSize: Int
    /// The ranges of classes that may still be compiled: equal classes share instructions, which costs time but no size.
    private var rangeBudget: Int
    private var program: MatchProgram
    /// Equal branches to equal places are shared; this is what keeps Unicode classes small.
    private var shared: [[MatchProgram.Transition]: MatchProgram.Address] = [:]

    static func compile(
        _ syntax: PatternSyntax,
        groupCount: Int,
        maximumSize: Int
    ) throws(RegularExpressionError) -> MatchProgram {
        var compiler = MatchProgramCompiler(maximumSize: maximumSize, groupCount: groupCount)
        let match = try compiler.emit(.match)
        compiler.program.start = try compiler.compile(syntax, next: match)
        return compiler.program
    }

    private init(maximumSize: Int, groupCount: Int) {
        self.maximumSize = maximumSize
        self.rangeBudget = maximumSize * 16
        self.program = MatchProgram(groupCount: groupCount)
    }

    private mutating func compile(
        _ syntax: PatternSyntax,
        next: MatchProgram.Address
    ) throws(RegularExpressionError) -> MatchProgram.Address {
        switch syntax.form {
        case .empty:
            return next
        case .literal(let scalar):
            return try compile(scalar: scalar, next: next)
        case .set(let set):
            return try compile(set, next: next)
        case .assertion(let assertion):
            return try emit(.assert(assertion, next: next))
        case .group(let index, let content):
            let end = try emit(.save(slot: Int32(2 * index + 1), next: next))
            let body = try compile(content, next: end)
            return try emit(.save(slot: Int32(2 * index), next: body))
        case .concatenation(let parts):
            var entry = next
            for part in parts.reversed() {
                entry = try compile(part, next: entry)
            }
            return entry
        case .alternation(let branches):
            var entry: MatchProgram.Address?
            for branch in branches.reversed() {
                let begin = try compile(branch, next: next)
                if let other = entry {
                    entry = try emit(.fork(preferred: begin, other: other))
                } else {
                    entry = begin
                }
            }
            return entry ?? next
        case .repetition(let content, let repetition):
            return try compile(content, repetition, next: next)
        }
    }

    // MARK: Repetition

    /// `x{2,4}` becomes `xx(x(x)?)?`, and `x{2,}` becomes `xx+`.
    private mutating func compile(
        _ content: PatternSyntax,
        _ repetition: Repetition,
        next: MatchProgram.Address
    ) throws(RegularExpressionError) -> MatchProgram.Address {
        let isGreedy = repetition.isGreedy
        var entry = next
        var required = repetition.minimum
        if let maximum = repetition.maximum {
            for _ in required..<maximum {
                let body = try compile(content, next: entry)
                entry = try emit(fork(into: body, orTo: next, isGreedy: isGreedy))
            }
        } else if required == 0 {
            return try compileStar(content, isGreedy: isGreedy, next: next)
        } else {
            entry = try compileLoop(content, isGreedy: isGreedy, next: next).body
            required -= 1
        }
        for _ in 0..<required {
            entry = try compile(content, next: entry)
        }
        return entry
    }

    private mutating func compileStar(
        _ content: PatternSyntax,
        isGreedy: Bool,
        next: MatchProgram.Address
    ) throws(RegularExpressionError) -> MatchProgram.Address {
        let loop = try compileLoop(content, isGreedy: isGreedy, next: next)
        if !content.canBeEmpty { return loop.fork }
        // One fork for both entering and repeating would get priorities wrong if the content matches the empty string:
        // passing through it would come back to a fork already visited. So `x*` becomes `(x+)?`, as it does in RE2.
        return try emit(fork(into: loop.body, orTo: next, isGreedy: isGreedy))
    }

    private mutating func compileLoop(
        _ content: PatternSyntax,
        isGreedy: Bool,
        next: MatchProgram.Address
    ) throws(RegularExpressionError) -> (body: MatchProgram.Address, fork: MatchProgram.Address) {
        let again = try emit(.fail)
        let body = try compile(content, next: again)
        program.instructions[Int(again)] = fork(into: body, orTo: next, isGreedy: isGreedy)
        return (body, again)
    }

    private func fork(
        into body: MatchProgram.Address,
        orTo next: MatchProgram.Address,
        isGreedy: Bool
    ) -> MatchProgram.Instruction {
        isGreedy ? .fork(preferred: body, other: next) : .fork(preferred: next, other: body)
    }

    // MARK: Scalars

    private mutating func compile(
        scalar value: UInt32,
        next: MatchProgram.Address
    ) throws(RegularExpressionError) -> MatchProgram.Address {
        guard let scalar = Unicode.Scalar(value) else { return try emit(.fail) }
        var entry = next
        for byte in UTF8.encode(scalar)?.reversed() ?? [] {
            entry = try emit(.byte(lower: byte, upper: byte, next: entry))
        }
        return entry
    }

    private mutating func compile(
        _ set: ScalarSet,
        next: MatchProgram.Address
    ) throws(RegularExpressionError) -> MatchProgram.Address {
        rangeBudget -= set.ranges.count
        if rangeBudget < 0 { throw RegularExpressionError(.patternTooLarge, at: 0) }
        var transitions: [MatchProgram.Transition] = []
        for length in EncodedLength.all {
            let ranges = length.payloads(of: set)
            if ranges.isEmpty { continue }
            transitions += try self.transitions(
                for: ranges,
                trailing: length.trailingBytes,
                marker: length.leadMarker,
                next: next
            )
        }
        return try branch(transitions)
    }

    /// The transitions that take the first byte of each encoded payload.
    ///
    /// - Parameters:
    ///   - payloads: Ascending, disjoint ranges of the bits that the bytes carry together.
    ///   - trailing: How many bytes follow the first.
    ///   - marker: The bits that mark the first byte's role.
    private mutating func transitions(
        for payloads: [ClosedRange<UInt32>],
        trailing: Int,
        marker: UInt8,
        next: MatchProgram.Address
    ) throws(RegularExpressionError) -> [MatchProgram.Transition] {
        let shift = UInt32(6 * trailing)
        let mask = (UInt32(1) << shift) - 1
        // What the trailing bytes may be, by ranges of first bytes. A range that covers all that some first bytes can
        // lead to stays one piece; its ragged ends make pieces of one first byte each, which neighbours may add to.
        var pieces: [(first: ClosedRange<UInt32>, rest: [ClosedRange<UInt32>])] = []
        for payload in payloads {
            var low = payload.lowerBound
            while low <= payload.upperBound {
                let first = low >> shift
                let isAligned = low & mask == 0
                let lastWhole = (payload.upperBound + 1) >> shift
                if isAligned, lastWhole > first {
                    pieces.append((first...(lastWhole - 1), [0...mask]))
                    low = lastWhole << shift
                } else {
                    let high = min(payload.upperBound, low | mask)
                    if let last = pieces.last, last.first == first...first {
                        pieces[pieces.count - 1].rest.append((low & mask)...(high & mask))
                    } else {
                        pieces.append((first...first, [(low & mask)...(high & mask)]))
                    }
                    low = high + 1
                }
            }
        }
        var result: [MatchProgram.Transition] = []
        for piece in pieces {
            var target = next
            if trailing > 0 {
                target = try branch(
                    transitions(for: piece.rest, trailing: trailing - 1, marker: 0x80, next: next)
                )
            }
            let lower = marker | UInt8(piece.first.lowerBound)
            let upper = marker | UInt8(piece.first.upperBound)
            if let last = result.last, last.next == target, last.upper + 1 == lower {
                result[result.count - 1].upper = upper
            } else {
                result.append(MatchProgram.Transition(lower: lower, upper: upper, next: target))
            }
        }
        return result
    }

    private mutating func branch(
        _ transitions: [MatchProgram.Transition]
    ) throws(RegularExpressionError) -> MatchProgram.Address {
        guard let first = transitions.first else { return try emit(.fail) }
        if let known = shared[transitions] { return known }
        let address: MatchProgram.Address
        if transitions.count == 1 {
            address = try emit(.byte(lower: first.lower, upper: first.upper, next: first.next))
        } else {
            let begin = program.transitions.count
            program.transitions += transitions
            address = try emit(.bytes(first: Int32(begin), count: Int32(transitions.count)))
        }
        shared[transitions] = address
        return address
    }

    private mutating func emit(
        _ instruction: MatchProgram.Instruction
    ) throws(RegularExpressionError) -> MatchProgram.Address {
        program.instructions.append(instruction)
        if program.size > maximumSize { throw RegularExpressionError(.patternTooLarge, at: 0) }
        return MatchProgram.Address(program.instructions.count - 1)
    }
}
