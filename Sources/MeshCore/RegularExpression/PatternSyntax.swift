// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A parsed pattern: a tree that says what to match and knows three facts about itself that bound later work.
struct PatternSyntax: Sendable {
    indirect enum Form: Sendable {
        case empty
        /// One scalar by its value; a surrogate is allowed and matches nothing, as in RE2.
        case literal(UInt32)
        case set(ScalarSet)
        case assertion(Assertion)
        case group(Int, PatternSyntax)
        case concatenation([PatternSyntax])
        case alternation([PatternSyntax])
        case repetition(PatternSyntax, Repetition)
    }

    /// The bound on `height`.
    ///
    /// Neither parser nor compiler recurses, but releasing the tree does, once a level; this keeps that within the stack
    /// of any thread. (Go's engine, which shares RE2's syntax, stops at 1000; RE2 has no bound of its own.)
    static let maximumHeight = 500

    /// RE2's bound on a repetition count, and on the product of counts that are nested in each other.
    static let maximumRepetition = 1000

    let form: Form

    /// The number of levels of the tree.
    let height: Int

    /// The largest product of repetition counts on a path through the tree.
    let repetitionProduct: Int

    /// Whether the empty string may match.
    let canBeEmpty: Bool

    /// Whether nothing but the empty string can match, and no assertion or group is involved.
    var isEmpty: Bool {
        if case .empty = form { true } else { false }
    }

    static let empty = PatternSyntax(form: .empty, height: 1, repetitionProduct: 1, canBeEmpty: true)

    static func literal(_ scalar: UInt32) -> PatternSyntax {
        PatternSyntax(form: .literal(scalar), height: 1, repetitionProduct: 1, canBeEmpty: false)
    }

    static func set(_ set: ScalarSet) -> PatternSyntax {
        PatternSyntax(form: .set(set), height: 1, repetitionProduct: 1, canBeEmpty: false)
    }

    static func assertion(_ assertion: Assertion) -> PatternSyntax {
        PatternSyntax(form: .assertion(assertion), height: 1, repetitionProduct: 1, canBeEmpty: true)
    }

    static func group(_ index: Int, _ content: PatternSyntax) -> PatternSyntax {
        PatternSyntax(
            form: .group(index, content),
            height: content.height + 1,
            repetitionProduct: content.repetitionProduct,
            canBeEmpty: content.canBeEmpty
        )
    }

    /// The parts one after another; empty parts vanish, so that compiling costs at least one instruction a node.
    static func concatenation(_ parts: [PatternSyntax]) -> PatternSyntax {
        let parts = parts.filter { !$0.isEmpty }
        if parts.count <= 1 { return parts.first ?? .empty }
        return joining(parts, as: .concatenation(parts), canBeEmpty: parts.allSatisfy(\.canBeEmpty))
    }

    static func alternation(_ branches: [PatternSyntax]) -> PatternSyntax {
        if branches.count == 1 { return branches[0] }
        return joining(branches, as: .alternation(branches), canBeEmpty: branches.contains(where: \.canBeEmpty))
    }

    /// The content repeated; the caller checks `repetitionProduct` of the result.
    static func repetition(_ content: PatternSyntax, _ repetition: Repetition) -> PatternSyntax {
        let count = repetition.maximum ?? repetition.minimum
        let isEmpty = content.isEmpty || repetition.maximum == 0
        return PatternSyntax(
            form: isEmpty ? .empty : .repetition(content, repetition),
            height: content.height + 1,
            repetitionProduct: content.repetitionProduct * max(count, 1),
            canBeEmpty: content.canBeEmpty || repetition.minimum == 0
        )
    }

    /// The text that is all the pattern matches as a whole, if it is that simple.
    var literalBytes: [UInt8]? {
        var parts = [self][...]
        if case .concatenation(let concatenated) = form { parts = concatenated[...] }
        if case .assertion(.beginText) = parts.first?.form { parts = parts.dropFirst() }
        if case .assertion(.endText) = parts.last?.form { parts = parts.dropLast() }
        var bytes: [UInt8] = []
        for part in parts {
            if part.isEmpty { continue }
            guard case .literal(let value) = part.form, let scalar = Unicode.Scalar(value) else { return nil }
            bytes += UTF8.encode(scalar).map(Array.init) ?? []
        }
        return bytes
    }

    /// The text that every input begins with that the pattern matches as a whole; empty if nothing is known of it.
    var literalPrefix: [UInt8] {
        var parts = [self][...]
        if case .concatenation(let concatenated) = form { parts = concatenated[...] }
        while case .assertion(.beginText) = parts.first?.form { parts = parts.dropFirst() }
        var bytes: [UInt8] = []
        for part in parts {
            guard case .literal(let value) = part.form, let scalar = Unicode.Scalar(value) else { break }
            bytes += UTF8.encode(scalar).map(Array.init) ?? []
        }
        return bytes
    }

    private static func joining(_ children: [PatternSyntax], as form: Form, canBeEmpty: Bool) -> PatternSyntax {
        var height = 0
        var product = 1
        for child in children {
            height = max(height, child.height)
            product = max(product, child.repetitionProduct)
        }
        return PatternSyntax(form: form, height: height + 1, repetitionProduct: product, canBeEmpty: canBeEmpty)
    }
}

/// How often a repetition operator repeats, and which number it prefers.
struct Repetition: Sendable {
    var minimum: Int
    /// `nil` if there is no upper bound.
    var maximum: Int?
    var isGreedy: Bool
}
