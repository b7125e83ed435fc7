// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The text of a file with its lines, to find the exact place of something inside a value.
struct SourceText: Sendable {
    let file: String
    private let lines: [Substring.UTF8View]

    init(file: String, text: String) {
        self.file = file
        self.lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    }

    /// The place of a byte of a scalar's text.
    ///
    /// Escapes, folding and indentation make the text differ from what stands in the file. Where it does, the scalar's
    /// own place is the answer.
    func position(of offset: Int, in text: String, at start: SourcePosition) -> SourcePosition {
        guard lines.indices.contains(start.line - 1) else { return start }
        var scalars = Substring(lines[start.line - 1]).unicodeScalars.dropFirst(start.column - 1)
        var column = start.column
        if let first = scalars.first, first == "\"" || first == "'" {
            scalars = scalars.dropFirst()
            column += 1
        }
        guard scalars.starts(with: text.unicodeScalars), offset <= text.utf8.count else { return start }
        let index = text.utf8.index(text.startIndex, offsetBy: offset)
        column += text.unicodeScalars[..<index].count
        return SourcePosition(file: start.file, line: start.line, column: column)
    }
}
