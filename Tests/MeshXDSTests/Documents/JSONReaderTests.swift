// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshXDS

@Suite("Reading JSON with positions")
struct JSONReaderTests {
    @Test("every kind of value is read, and numbers stay as they are written")
    func values() throws {
        let node = try JSONReader.read(#"{"a": [null, true, false, -1.50e3, "x"], "b": {}}"#, file: "")
        let fields = try #require(node.fields)
        #expect(fields.map(\.name) == ["a", "b"])
        guard case .list(let elements) = fields[0].value.value else { return #expect(Bool(false)) }
        #expect(elements.map(\.value) == [.null, .boolean(true), .boolean(false), .number("-1.50e3"), .text("x")])
        #expect(fields[1].value.value == .fields([]))
    }

    @Test("positions count lines and scalars")
    func positions() throws {
        let node = try JSONReader.read("{\n  \"ü€\": \"ä\", \"b\": 1\n}", file: "")
        let fields = try #require(node.fields)
        #expect(fields[0].position == DocumentPosition(line: 2, column: 3))
        #expect(fields[0].value.position == DocumentPosition(line: 2, column: 9))
        #expect(fields[1].position == DocumentPosition(line: 2, column: 14))
    }

    @Test("escapes stand for what RFC 8259 says")
    func escapes() throws {
        let node = try JSONReader.read(#""\"\\\/\b\f\n\r\tA\u00fc\ud83d\ude00""#, file: "")
        #expect(node.value == .text("\"\\/\u{8}\u{C}\n\r\tA\u{FC}\u{1F600}"))
    }

    @Test(
        "what is no JSON is refused with its place",
        arguments: [
            ("", "1:1"), ("{", "1:2"), ("[1,]", "1:4"), ("{\"a\" 1}", "1:6"), ("01", "1:2"), ("1 2", "1:3"),
            ("\"\u{1}\"", "1:2"), ("\n  nul", "2:3"), (#""\ud800""#, "1:8"), (#""\u00zz""#, "1:4"), ("-", "1:2"),
            ("{a: 1}", "1:2"), (#""open"#, "1:6"), ("1.", "1:3"),
        ]
    )
    func refusals(_ text: String, _ place: String) {
        let error = #expect(throws: ConfigurationError.self) { try JSONReader.read(text, file: "f.json") }
        #expect(error?.problems.first?.message.hasPrefix("f.json:\(place): ") == true, "\(String(describing: error))")
    }

    @Test("nesting is bounded, so that no document exhausts the stack")
    func depth() {
        let allowed = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
        #expect(throws: Never.self) { try JSONReader.read(allowed, file: "") }
        #expect(throws: ConfigurationError.self) { try JSONReader.read("[" + allowed + "]", file: "") }
        #expect(throws: ConfigurationError.self) {
            try JSONReader.read(String(repeating: "{\"a\":", count: 100_000), file: "")
        }
    }
}
