// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Cuts a file into its documents.
///
/// A line that begins with `---` ends a document whatever came before it (YAML 1.1 §9.1.5), so each document can be
/// parsed on its own: a mistake in one does not hide the mistakes in those behind it.
enum DocumentSplitter {
    /// A document: its text, and the line of the file that it begins on, from 1.
    struct Document: Equatable {
        var text: Substring
        var firstLine: Int
    }

    /// The documents of a text, in order; those without content among them.
    static func split(_ text: String) -> [Document] {
        var documents: [Document] = []
        let bytes = text.utf8
        var start = bytes.startIndex
        var startLine = 1
        var line = 1
        var lineStart = bytes.startIndex
        // Directives belong to the document whose `---` follows them.
        var isOnlyDirectives = true
        while lineStart < bytes.endIndex {
            let lineEnd = bytes[lineStart...].firstIndex { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
            let content = bytes[lineStart..<(lineEnd ?? bytes.endIndex)]
            if isMarker(content) {
                if !isOnlyDirectives {
                    documents.append(Document(text: text[start..<lineStart], firstLine: startLine))
                    start = lineStart
                    startLine = line
                }
                isOnlyDirectives = false
            } else if isOnlyDirectives, let first = content.first(where: { $0 != UInt8(ascii: " ") }) {
                isOnlyDirectives = first == UInt8(ascii: "%") || first == UInt8(ascii: "#")
            }
            guard let lineEnd else { break }
            lineStart = bytes.index(after: lineEnd)
            if bytes[lineEnd] == UInt8(ascii: "\r"), lineStart < bytes.endIndex, bytes[lineStart] == UInt8(ascii: "\n")
            {
                lineStart = bytes.index(after: lineStart)
            }
            line += 1
        }
        documents.append(Document(text: text[start...], firstLine: startLine))
        return documents
    }

    private static func isMarker(_ line: Substring.UTF8View) -> Bool {
        guard line.starts(with: "---".utf8) else { return false }
        return line.dropFirst(3).first.map { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") } ?? true
    }
}
