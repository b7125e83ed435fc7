// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import Testing

/// The README's examples are compiled in the files beside this one; here they are found to be the same.
///
/// The example of the policies alone is built and run by a package of its own: `Tests/Interop/consumers`.
@Suite struct ReadmeTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()

    private static func lines(_ text: some StringProtocol) -> [String] {
        text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }

    /// The README's blocks of Swift.
    private static func snippets() throws -> [[String]] {
        let readme = folder.deletingLastPathComponent().deletingLastPathComponent().appending(path: "README.md")
        let parts = try String(contentsOf: readme, encoding: .utf8).components(separatedBy: "```")
        // Every second part is inside of a fence.
        return parts.enumerated()
            .filter { $0.offset % 2 == 1 && $0.element.hasPrefix("swift\n") }
            .map { lines($0.element.dropFirst("swift\n".count)) }
    }

    @Test(arguments: [("ServiceSnippet.swift", "import Hummingbird"), ("ControlPlaneSnippet.swift", "import Logging")])
    func `an example compiles as it stands in the README`(file: String, firstLine: String) throws {
        let compiled = try Self.lines(String(contentsOf: Self.folder.appending(path: file), encoding: .utf8))
        let snippet = try #require(try Self.snippets().first { $0.first == firstLine })
        let imports = snippet.filter { $0.hasPrefix("import ") }
        #expect(Set(imports) == Set(compiled.filter { $0.hasPrefix("import ") }))
        let body = snippet.filter { !$0.hasPrefix("import ") }
        let start = try #require(compiled.firstIndex { $0.hasPrefix("func readme") })
        #expect(body == Array(compiled[(start + 1)...].dropLast()))
    }

    @Test func `a service, a control plane and the policies take less than 60 lines of Swift`() throws {
        #expect(try Self.snippets().map(\.count).reduce(0, +) < 60)
    }
}
