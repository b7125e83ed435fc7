// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@testable import MeshCore

@Suite struct GeneralCategorySetsTests {
    @Test(arguments: [
        ("Lu", "É", "é"), ("Ll", "é", "É"), ("Lt", "ǅ", "Ǆ"), ("L", "中", "1"), ("Nd", "٣", "Ⅷ"), ("Nl", "Ⅷ", "½"),
        ("N", "½", "a"), ("Mn", "\u{301}", "e"), ("P", "!", "+"),
        ("Sm", "+", "!"), ("Sc", "€", "$a"), ("Zs", " ", "\n"),
        ("Cc", "\n", " "), ("Co", "\u{E000}", "a"), ("So", "😀", "a"),
    ])
    func `a category holds its scalars only`(name: String, member: String, others: String) throws {
        let set = try #require(GeneralCategorySets.named(name))
        #expect(member.unicodeScalars.allSatisfy { set.contains($0.value) })
        #expect(others.unicodeScalars.contains { !set.contains($0.value) })
    }

    @Test func `a group is the union of its categories`() throws {
        for (group, members) in ["L": "ultmo", "M": "nce", "N": "dlo", "Z": "slp", "C": "cfso"] {
            let ranges = try members.flatMap { member in
                try #require(GeneralCategorySets.named("\(group)\(member)")).ranges
            }
            #expect(GeneralCategorySets.named(group) == ScalarSet(ranges))
        }
    }

    @Test(arguments: ["", "l", "Cn", "LC", "Greek", "Latin", "Letter", "Lx"])
    func `other names are unknown`(name: String) {
        #expect(GeneralCategorySets.named(name) == nil)
    }
}
