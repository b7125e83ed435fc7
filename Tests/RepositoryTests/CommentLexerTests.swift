// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@Suite
struct CommentLexerTests {
    @Test(
        arguments: [
            ("let a = 1 // b", "let a = 1     ", "          // b"),
            ("/* a /* b */ c */ d", "                  d", "/* a /* b */ c */  "),
            (#"f("// no") // yes"#, #"f("     ")       "#, "           // yes"),
            (#"f("\"") // yes"#, #"f("  ")       "#, "        // yes"),
            ("f(#\"a\"b\"#) // c", "f(#\"   \"#)     ", "           // c"),
            (#"f("\(g("x") + 1)y") // c"#, #"f("  g(" ") + 1) ")     "#, "                    // c"),
            ("f(\"\"\"\n// no\n\"\"\") // c", "f(\"\"\"\n     \n\"\"\")     ", "     \n     \n     // c"),
            ("let open = \"\nx // c", "let open = \"\nx     ", "            \n  // c"),
            ("a / b // c", "a / b     ", "      // c"),
        ]
    )
    func `code and comments are told apart, column by column`(text: String, code: String, comments: String) {
        var lexer = CommentLexer(text)
        lexer.run()
        #expect(lexer.code == code)
        #expect(lexer.comments == comments)
    }

    @Test
    func `a comment belongs to the line it stands on and to the one below`() {
        let file = SourceFile(path: "x.swift", text: "f()\n// one\n// two\ng() // three\nh()")
        #expect(file.comment(ofLine: 4).split(separator: "\n").map(\.trimmed) == ["// one", "// two", "// three"])
        #expect(file.comment(ofLine: 5).isEmpty)
        #expect(file.comment(ofLine: 1).isEmpty)
    }
}
