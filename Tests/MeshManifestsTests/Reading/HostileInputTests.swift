// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshManifests
import Testing

@Suite("Hostile input")
struct HostileInputTests {
    private func codes(_ text: String, _ limits: ReadingLimits = ReadingLimits()) -> [String] {
        ManifestReader(limits: limits).read([ManifestFile(name: "mesh.yaml", text: text)]).places
    }

    @Test("a file above the limit is refused without being parsed")
    func largeFile() {
        let reading = ManifestReader.read([
            ManifestFile(name: "big.yaml", bytes: Array(repeating: UInt8(ascii: "a"), count: 10_000_000))
        ])
        #expect(
            reading.diagnostics.map(\.description) == [
                "big.yaml:1:1: error: the file has 10000000 bytes, and the limit is 1048576 [MM0101]"
            ]
        )
    }

    @Test(
        "bytes that are not UTF-8 are reported where they stand",
        arguments: [
            ([0x61, 0x0A, 0x62, 0xFF], "2:2 MM0102"), ([0xC3], "1:1 MM0102"), ([0x61, 0xED, 0xA0, 0x80], "1:2 MM0102"),
            ([0x61, 0x0D, 0x0A, 0x0D, 0x00], "3:1 MM0103"), ([0xC3, 0xA4, 0x7F], "1:2 MM0103"),
        ] as [([UInt8], String)]
    )
    func invalidText(bytes: [UInt8], expected: String) {
        #expect(ManifestReader.read([ManifestFile(name: "mesh.yaml", bytes: bytes)]).places == [expected])
    }

    @Test(
        "what is not YAML is reported where it goes wrong",
        arguments: [
            Mistake("a tab as indentation", "a:\n\tb: 1\n", "2:1 MM0104"),
            Mistake("half a flow list", "a: [b, c\n", "2:1 MM0104"),
            Mistake("half a quoted text", "a: \"b\n", "2:1 MM0104"),
            Mistake("a mapping in a text", "a: b: c\n", "1:5 MM0104"),
            Mistake("a lost dash", "a:\n- b\n c\n- d\n: e\n", "5:1 MM0104"),
            Mistake("an alias without anchor", "a: *b\n", "1:4 MM0104"),
            Mistake("an alias of itself", "a: &b [*b]\n", "1:8 MM0104"),
            Mistake("a wildcard without quotes", "host: *.example.com\n", "1:8 MM0104"),
            Mistake("an alias with more behind it", "a: &b c\nd: *b e\n", "2:4 MM0104"),
            Mistake("a second document without a line", "a: b\n...\nc: d\n", "3:1 MM0104"),
            Mistake("a key that is a list", "? [a]\n: b\n", "1:3 MM0109"),
            Mistake("a key that is an alias", "a: &b c\n*b : d\n", "2:1 MM0109"),
            Mistake("a tag", "a: !!binary aGk=\n", "1:4 MM0110"),
            Mistake("a local tag", "a: !mine b\n", "1:4 MM0110"),
            Mistake("a duplicate key", "a: b\nc: d\na: e\n", "1:1 MM0108"),
            Mistake("a duplicate key in two spellings", "a: b\n\"a\": e\n", "1:1 MM0108"),
            Mistake("text in place of a manifest", "just text\n", "1:1 MM0205"),
            Mistake("a list in place of a manifest", "- a\n- b\n", "1:1 MM0205"),
            Mistake("merging text", "<<: text\n", "1:1 MM0104"),
        ]
    )
    func malformed(mistake: Mistake) {
        #expect(codes(mistake.text) == mistake.expected)
    }

    @Test("a mistake in one document does not hide those in the others")
    func severalDocuments() {
        let text = """
            # a comment
            ---
            a: [
            --- # another one
            kind: VirtualService
            ---
            b: "
            ...
            """
        #expect(codes(text) == ["4:1 MM0104", "5:1 MM0201", "8:1 MM0104"].sortedByLine)
    }

    @Test("nothing is no mistake", arguments: ["", "\n", "# only a comment\n", "---\n---\n", "---\n...\n", "\u{FEFF}"])
    func empty(text: String) {
        #expect(codes(text).isEmpty)
    }

    @Test("an alias bomb is refused by counting, in a value and in a key")
    func aliasBomb() {
        let levels = (1...40).map { "a\($0): &a\($0) [*a\($0 - 1),*a\($0 - 1)]\n" }.joined()
        #expect(codes("a0: &a0 x\n" + levels) == ["16:17 MM0106"])
        #expect(codes("a0: &a0 x\n" + levels + "? [*a40]\n: 1\n") == ["16:17 MM0106"])
        #expect(codes("a0: &a0 x\n" + levels + "b: {[*a40]}\n") == ["16:17 MM0106"])
    }

    @Test("aliases and merge keys that stay within the limits are resolved")
    func aliases() {
        let text = """
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: &metadata
              name: reviews
            spec:
              hosts: &hosts [reviews]
              http:
              - match:
                - headers: &jason
                    end-user: {exact: jason}
                - headers:
                    <<: *jason
                    x-debug: {exact: "*yes"}
                route: &route
                - destination: {host: reviews}
              - route: *route
            ---
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata: {name: reviews}
            spec: {host: *hosts}
            """
        // Anchors end with their document.
        #expect(codes(text) == ["21:14 MM0104"])
    }

    @Test("nesting is bounded, whoever nests", arguments: [("[", 200), ("[", 100_000), ("- ", 300), ("? ", 300)])
    func depth(opener: String, count: Int) {
        let places = codes(String(repeating: opener, count: count))
        #expect(places.count == 1)
        #expect(["MM0104", "MM0105", "MM0109"].contains { places[0].hasSuffix($0) })
    }

    @Test("the caller's stack does not matter")
    func smallStack() async {
        let places = await withCheckedContinuation { continuation in
            let thread = Thread {
                let nested = String(repeating: "{a: ", count: 990) + String(repeating: "}", count: 990)
                continuation.resume(returning: ManifestReading.of(nested).places)
            }
            thread.stackSize = 256 << 10
            thread.start()
        }
        #expect(places == ["1:257 MM0105"])
    }

    @Test("nesting through aliases counts, too")
    func depthByAlias() {
        let nested = String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
        #expect(codes("a: &a \(nested)\nb: \(String(repeating: "[", count: 30))*a\n") == ["3:1 MM0104"])
        let closed = String(repeating: "[", count: 30) + "*a" + String(repeating: "]", count: 30)
        #expect(codes("a: &a \(nested)\nb: \(closed)\n") == ["2:34 MM0105"])
    }

    @Test("values and documents are bounded for the whole file")
    func counts() {
        let limits = ReadingLimits(maximumValues: 10, maximumDocuments: 5)
        #expect(
            codes("a: [1, 2, 3, 4]\n---\nb: [1, 2, 3, 4]\n", limits) == ["1:1 MM0201", "1:1 MM0201", "3:11 MM0106"]
        )
        #expect(codes(String(repeating: "---\na: b\n", count: 6), limits) == ["11:1 MM0107"])
    }

    @Test("files of the largest size are read in bounded time, whatever they hold")
    func expensiveFiles() async {
        let size = 1 << 20
        for unit in [
            "- a\n", "? ", "[", "{", "a: &a b\n", "\"\\n\n", "'", "*a ", "&a ", "#", "---\n", "{a: b}, ", "|\n",
        ] {
            // Other tests are to go on meanwhile.
            await Task.yield()
            let text = String(repeating: unit, count: size / unit.utf8.count)
            #expect(codes(text).count <= 1001)
        }
    }
}

extension [String] {
    /// Places in the order of their lines.
    fileprivate var sortedByLine: [String] {
        sorted { (Int($0.prefix { $0 != ":" }) ?? 0) < (Int($1.prefix { $0 != ":" }) ?? 0) }
    }
}
