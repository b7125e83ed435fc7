// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import Testing

/// What `Docs/Policies` shows is compiled and run by `Tests/MeshResilienceTests/Examples`; here both are found to be the
/// same, white space and imports apart.
@Suite struct DocumentedExamplesTests {
    private static let pages: [(name: String, text: String)] = {
        let folder = Repository.root.appending(path: "Docs/Policies")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.sorted().filter { $0.hasSuffix(".md") }.compactMap { name in
            (try? String(contentsOf: folder.appending(path: name), encoding: .utf8)).map { (name, $0) }
        }
    }()

    private static let compiled = Repository.files.filter {
        $0.path.hasPrefix("Tests/MeshResilienceTests/Examples/")
    }.map { dense($0.lines.joined(separator: "\n")) }

    private static func dense(_ text: some StringProtocol) -> String {
        text.split(separator: "\n").filter { !$0.hasPrefix("import ") }.joined().filter { !$0.isWhitespace }
    }

    /// The blocks of Swift of a page.
    private static func examples(in text: String) -> [Substring] {
        // Every second part is inside of a fence.
        text.split(separator: "```", omittingEmptySubsequences: false).enumerated()
            .filter { $0.offset % 2 == 1 && $0.element.hasPrefix("swift\n") }
            .map { $0.element.dropFirst("swift\n".count) }
    }

    @Test func `every page about a policy has an example, and every example is compiled as it stands`() {
        #expect(Self.pages.count > 15)
        for page in Self.pages where page.name != "README.md" {
            let examples = Self.examples(in: page.text)
            #expect(!examples.isEmpty, "\(page.name) shows nothing")
            for example in examples {
                let wanted = Self.dense(example)
                #expect(Self.compiled.contains { $0.contains(wanted) }, "\(page.name): not compiled: \(example)")
            }
        }
    }
}
