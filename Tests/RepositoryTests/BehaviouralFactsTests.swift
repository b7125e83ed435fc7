// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

/// The numbered facts about other libraries that the policies are held to: each has a test that names it.
@Suite
struct BehaviouralFactsTests {
    /// The facts of `Docs/Policies`. Those from 132 to 142 are about balancing.
    private static let numbers = Set(1...131).union([143])

    @Test
    func `every fact has a test that names it`() {
        let tests = Repository.files.filter {
            $0.path.hasPrefix("Tests/MeshResilienceTests/") || $0.path.hasPrefix("Tests/ServiceMeshTests/")
        }
        let named = tests.reduce(into: Set<Int>()) { $0.formUnion(Self.facts(in: $1.lines.joined(separator: "\n"))) }
        #expect(tests.count > 50)
        #expect(Self.numbers.subtracting(named).sorted() == [])
    }

    @Test(arguments: [
        ("row 12: opens", [12]), ("rows 47–50", [47, 48, 49, 50]), ("Rows 3, 5 and 7-8", [3, 5, 7, 8]),
        ("row: 9", [9]), ("arrows 4", []), ("row A", []),
    ])
    func `numbers are found as tests write them`(text: String, facts: [Int]) {
        #expect(Self.facts(in: text).sorted() == facts)
    }

    /// The facts that a text names: `row 12`, `rows 47–50`, `rows 3, 5 and 7`.
    private static func facts(in text: String) -> Set<Int> {
        var found: Set<Int> = []
        for match in text.matches(of: /\b[Rr]ows?:? ((?:\d+(?:[–\-]\d+)?(?:, | and )?)+)/) {
            for range in match.1.matches(of: /(\d+)(?:[–\-](\d+))?/) {
                guard let first = Int(range.1) else { continue }
                let last = range.2.flatMap { Int($0) } ?? first
                if first <= last { found.formUnion(first...last) }
            }
        }
        return found
    }
}
