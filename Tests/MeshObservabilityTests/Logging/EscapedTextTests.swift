// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshObservability

@Suite
struct EscapedTextTests {
    @Test(
        arguments: [
            ("/reviews/7?q=a%20b", "/reviews/7?q=a%20b"),
            ("", ""),
            ("a\nb\rc\td", "a\\x0Ab\\x0Dc\\x09d"),
            ("/\" 200 - forged", "/\\\" 200 - forged"),
            ("back\\slash", "back\\\\slash"),
            ("\u{1B}[2Jscreen", "\\x1B[2Jscreen"),
            ("nul\u{0}del\u{7F}", "nul\\x00del\\x7F"),
            ("next\u{85}line", "next\\x85line"),
            ("\u{202E}txt.exe", "\\u{202E}txt.exe"),
            ("line\u{2028}separator", "line\\u{2028}separator"),
            ("füße 東京", "füße 東京"),
        ]
    )
    func `what could forge a line or move the cursor is escaped`(text: String, expected: String) {
        #expect(EscapedText(text).description == expected)
    }

    @Test
    func `long text is cut`() {
        #expect(EscapedText(String(repeating: "a", count: 5), limit: 5).description == "aaaaa")
        #expect(EscapedText(String(repeating: "a", count: 6), limit: 5).description == "aaaaa…")
        #expect(EscapedText(String(repeating: "\n", count: 10_000)).description.utf8.count <= 2048 + 6)
    }

    @Test
    func `no text makes a control character`() {
        let random = MeshRandom(seed: 11)
        for _ in 0..<2000 {
            let scalars = (0..<20).compactMap { _ in Unicode.Scalar(UInt32(random.below(0x2100))) }
            var text = ""
            text.unicodeScalars.append(contentsOf: scalars)
            let escaped = EscapedText(text).description
            #expect(escaped.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control })
            #expect(escaped.unicodeScalars.allSatisfy { $0.properties.generalCategory != .format })
        }
    }
}
