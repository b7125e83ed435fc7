// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshXDS
import Testing

@testable import meshctl

@Suite struct JSONValueTests {
    @Test func `what is written can be read again`() throws {
        let text = "quote \" backslash \\ line\nreturn\r tab\t bell\u{7} delete\u{7F} é 𝄞 \u{2028}"
        let value = JSONValue.object([
            "text": .text(text), "none": .null, "left out": nil, "truth": .boolean(true), "number": .number(-1.5),
            "list": .list([.integer(Int.min), .list([]), .fields([])]),
        ])
        let node = try DocumentReader.document(Fixture.file("x.json", value.text))
        guard case .fields(let fields) = node.value else {
            Issue.record("no object")
            return
        }
        #expect(fields.map(\.name) == ["text", "none", "truth", "number", "list"])
        #expect(fields.first?.value.value == .text(text))
        #expect(fields[3].value.value == .number("-1.5"))
    }

    @Test func `what JSON has no word for is null`() {
        #expect(JSONValue.number(.nan).text == "null")
        #expect(JSONValue.number(.infinity).text == "null")
    }
}
