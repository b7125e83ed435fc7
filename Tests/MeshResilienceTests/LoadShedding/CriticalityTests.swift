// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct CriticalityTests {
    @Test(arguments: [
        ("sheddable", Criticality.sheddable), ("SHEDDABLE_PLUS", .sheddablePlus), ("sheddable-plus", .sheddablePlus),
        ("Critical", .critical), ("criticalPlus", .criticalPlus), ("critical", .critical), ("", nil), ("crit", nil),
        ("criticalplusplus", nil), ("ſheddable", nil),
    ])
    func `a header names a criticality in any spelling that is in use`(text: String, expected: Criticality?) {
        #expect(Criticality(headerValue: text) == expected)
    }

    @Test func `what a header carries is read back`() {
        for criticality in Criticality.allCases {
            #expect(Criticality(headerValue: criticality.headerValue) == criticality)
        }
        #expect(Criticality.allCases == Criticality.allCases.sorted())
    }

    @Test func `failsafe-go's five classes keep their order in the four`() {
        let mapped = (0..<500).map { ShedPriority(failsafe: $0) }
        #expect(mapped == mapped.sorted())
        #expect(
            mapped[0] == ShedPriority(.sheddable, level: 0) && mapped[499] == ShedPriority(.criticalPlus, level: 99)
        )
        #expect(mapped[250].criticality == .critical && mapped[250].level == 25)
        #expect(mapped[399] == ShedPriority(.critical, level: 99))
        #expect(ShedPriority(failsafe: -7) == mapped[0] && ShedPriority(failsafe: .max) == mapped[499])
        #expect(ShedPriority(.critical, level: .min).level == 0 && ShedPriority(.critical, level: .max).level == 99)
    }
}
