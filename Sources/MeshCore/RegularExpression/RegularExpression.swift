// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A regular expression of RE2's syntax that is safe to run on request data.
///
/// This is the engine behind Envoy's `safe_regex` and `regex_rewrite` and Istio's `regex` matches. Like RE2, and unlike
/// a backtracking engine, it answers in time proportional to the input whatever the pattern, and it refuses what cannot
/// be answered so: back-references and look-around.
///
/// Matching works on the UTF-8 of the input; `.` and classes take one Unicode scalar, never a grapheme cluster, and a
/// match never begins or ends within a scalar. `\d`, `\s`, `\w`, `\b` and the POSIX classes are ASCII, as in RE2.
///
/// Three things differ from RE2 on purpose. `\C` (any one byte) is refused, as it could cut a scalar in two. Scripts
/// such as `\p{Greek}` are refused, as the standard library knows only general categories. Patterns of more than 500
/// nested groups and operators are refused, so that no pattern can overflow the stack.
///
/// A value is immutable and holds no lock: any number of tasks may use it at once. Compile once, at the edge where
/// configuration is read. Two values are equal if their patterns and options are.
public struct RegularExpression: Sendable {
    /// The pattern as it was given.
    public let pattern: String

    /// The options the pattern was compiled with.
    public let options: Options

    let compiled: CompiledPattern

    /// Compiles a pattern.
    ///
    /// - Parameters:
    ///   - pattern: The expression in RE2's syntax (https://github.com/google/re2/wiki/Syntax).
    ///   - options: The flags in force at the start of the pattern, and the bound on its size.
    /// - Throws: `RegularExpressionError` if the pattern is malformed, uses an unsupported construct, or is too large.
    /// - Complexity: O(*p* + *s*) where *p* is the length of the pattern and *s* is `Options.maximumProgramSize`, plus a
    ///   constant bound for building automata; memory is bounded likewise.
    public init(_ pattern: String, options: Options = Options()) throws(RegularExpressionError) {
        self.pattern = pattern
        self.options = options
        var parser = PatternParser(pattern, options: options)
        let syntax = try parser.parse()
        let program = try MatchProgramCompiler.compile(
            syntax,
            groupCount: parser.groupCount,
            maximumSize: options.programSizeBound
        )
        self.compiled = CompiledPattern(
            program,
            literal: syntax.literalBytes,
            literalPrefix: syntax.literalPrefix
        )
    }

    /// The number of capturing groups in the pattern, not counting the whole match.
    public var captureGroupCount: Int { compiled.program.groupCount }

    /// The bytes that every input begins with that the expression matches as a whole: by them, tables leave out
    /// expressions that cannot match. Empty if nothing is known.
    package var literalPrefix: [UInt8] { compiled.literalPrefix }

    /// Whether the expression matches all of the input (`RE2::FullMatch`, which is what Envoy's `safe_regex` means).
    ///
    /// - Complexity: O(*n*) if the pattern has a small deterministic automaton, which patterns seen in routes do; else
    ///   O(*n* · *m*) for an input of *n* bytes and a program of size *m*.
    @inlinable
    public func matchesWhole(_ input: some StringProtocol) -> Bool {
        Self.withUTF8(of: input) { bytes in accepts(bytes, extent: .whole) }
    }

    /// Whether the expression matches somewhere in the input (`RE2::PartialMatch`).
    ///
    /// - Complexity: As for ``matchesWhole(_:)``.
    @inlinable
    public func matchesAnywhere(_ input: some StringProtocol) -> Bool {
        Self.withUTF8(of: input) { bytes in accepts(bytes, extent: .anywhere) }
    }

    @usableFromInline
    func accepts(_ bytes: UnsafeBufferPointer<UInt8>, extent: MatchExtent) -> Bool {
        compiled.accepts(bytes, extent: extent)
    }

    /// Runs `body` on the UTF-8 of the input, copying it only where the string is not stored as UTF-8.
    @inlinable
    static func withUTF8<Result>(
        of input: some StringProtocol,
        _ body: (UnsafeBufferPointer<UInt8>) -> Result
    ) -> Result {
        if let result = input.utf8.withContiguousStorageIfAvailable(body) {
            return result
        }
        return ContiguousArray(input.utf8).withUnsafeBufferPointer(body)
    }
}

extension RegularExpression: Hashable {
    /// Whether both have the same pattern, scalar by scalar, and the same options.
    public static func == (left: RegularExpression, right: RegularExpression) -> Bool {
        // Strings that differ only in how they compose a character are equal, but as patterns they are not.
        left.pattern.utf8.elementsEqual(right.pattern.utf8) && left.options == right.options
    }

    /// Hashes the pattern and the options.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(pattern)
        hasher.combine(options)
    }
}

extension RegularExpression: CustomStringConvertible {
    /// The pattern as it was given.
    public var description: String { pattern }
}
