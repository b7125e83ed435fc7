// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A file of the repository, with its code and its comments told apart.
struct SourceFile: Sendable {
    /// The path from the repository's root (`Sources/MeshCore/Time/Deadline.swift`).
    let path: String
    /// The lines as they stand.
    let lines: [Substring]
    /// The lines with comments and the text of string literals blanked; empty unless it is Swift that people wrote.
    let code: [Substring]
    /// The lines with everything but comments blanked; likewise.
    let comments: [Substring]

    init(path: String, text: String) {
        self.path = path
        self.lines = Self.lines(of: text)
        if path.hasSuffix(".swift"), !path.contains("/Generated/") {
            var lexer = CommentLexer(text)
            lexer.run()
            self.code = Self.lines(of: lexer.code)
            self.comments = Self.lines(of: lexer.comments)
        } else {
            self.code = []
            self.comments = []
        }
    }

    private static func lines(of text: String) -> [Substring] {
        text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    var name: Substring { path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...] }

    var isSwift: Bool { path.hasSuffix(".swift") }

    var isGenerated: Bool { path.contains("/Generated/") }

    /// The target's name, for a file below `Sources/`.
    var target: Substring? {
        let parts = path.split(separator: "/")
        return parts.count > 2 && parts[0] == "Sources" ? parts[1] : nil
    }

    /// The numbers, from 1, of the lines whose code matches.
    /// - Parameter hint: Text that every match has. Looking for it first spares most lines the regular expression,
    ///   which is slow in a debug build.
    func codeLines(with hint: String, matching pattern: Regex<some Any>) -> [Int] {
        // The default boundaries are those of prose: none between "a" and "b" in "a.b".
        let pattern = pattern.wordBoundaryKind(.simple)
        return code.indices.filter { code[$0].contains(hint) && code[$0].contains(pattern) }.map { $0 + 1 }
    }

    /// The comment that belongs to a line: behind its code, or in the lines right above it.
    func comment(ofLine number: Int) -> String {
        let index = number - 1
        guard comments.indices.contains(index) else { return "" }
        var parts = [comments[index]]
        var above = index - 1
        while above >= 0, isBlank(code[above]), !isBlank(comments[above]) {
            parts.insert(comments[above], at: 0)
            above -= 1
        }
        return parts.joined(separator: "\n").trimmed
    }

    private func isBlank(_ line: Substring) -> Bool {
        line.allSatisfy(\.isWhitespace)
    }
}

extension StringProtocol {
    /// The text without white space around it.
    var trimmed: String {
        let start = firstIndex { !$0.isWhitespace } ?? endIndex
        let end = lastIndex { !$0.isWhitespace }.map { index(after: $0) } ?? start
        return String(self[start..<end])
    }
}
