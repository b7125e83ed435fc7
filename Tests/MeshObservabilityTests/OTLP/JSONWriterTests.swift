// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@testable import MeshObservability

@Suite
struct JSONWriterTests {
    private func written(_ body: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        body(&writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test
    func `members and elements are separated by commas at every depth`() {
        let json = written {
            $0.object {
                $0.key("a")
                $0.array([1, 2]) { $0.integer($1) }
                $0.key("b")
                $0.object { _ in }
                $0.key("c")
                $0.array([[1], []]) { writer, inner in writer.array(inner) { $0.integer($1) } }
                $0.key("d")
                $0.bool(false)
            }
        }
        #expect(json == #"{"a":[1,2],"b":{},"c":[[1],[]],"d":false}"#)
    }

    @Test(
        arguments: [
            ("", #""""#), ("plain", #""plain""#), ("a\"b\\c", #""a\"b\\c""#),
            ("\n\u{0}\u{1F}\u{7F}", #""\u000a\u0000\u001f\u007f""#),
            ("東京 🚲", "\"東京 🚲\""),
        ]
    )
    func `text is escaped as RFC 8259 asks`(text: String, expected: String) {
        #expect(written { $0.string(text) } == expected)
    }

    @Test(
        arguments: [
            (1.5, "1.5"), (-0.0, "-0.0"), (1e300, "1e+300"), (.nan, "\"NaN\""), (.infinity, "\"Infinity\""),
            (-.infinity, "\"-Infinity\""),
        ] as [(Double, String)]
    )
    func `numbers that JSON does not have become text`(number: Double, expected: String) {
        #expect(written { $0.double(number) } == expected)
    }
}
