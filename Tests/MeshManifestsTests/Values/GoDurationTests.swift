// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshManifests

@Suite("Durations")
struct GoDurationTests {
    @Test(
        "are read as Go reads them",
        arguments: [
            ("5s", 5_000_000_000), ("100ms", 100_000_000), ("1h30m", 5_400_000_000_000), ("0s", 0), ("0", 0),
            ("1.5s", 1_500_000_000), (".5s", 500_000_000), ("1.s", 1_000_000_000), ("250us", 250_000),
            ("250µs", 250_000), ("7ns", 7), ("1h2m3s4ms5us6ns", 3_723_004_005_006), ("0.000000001s", 1),
            ("0.0000000001s", 0), ("1s1s", 2_000_000_000), ("010s", 10_000_000_000),
        ] as [(String, UInt64)]
    )
    func valid(text: String, nanoseconds: UInt64) throws {
        #expect(try GoDuration.parse(text).get() == Nanoseconds(rawValue: nanoseconds))
    }

    @Test(
        "are refused otherwise",
        arguments: [
            "", "5", "s", "5 s", "5S", "-5s", "+5s", "1h30", "five", "1..5s", ".s", "1e3s", "5s ", " 5s", "1d", "١s",
            "99999999999999999999s", "6000000h", "18446744073s1h",
        ]
    )
    func invalid(text: String) {
        #expect(throws: GoDuration.Problem.self) { try GoDuration.parse(text).get() }
    }

    @Test("are written in the largest unit that divides them")
    func text() {
        #expect(GoDuration.text(.milliseconds(1)) == "1ms")
        #expect(GoDuration.text(.seconds(90)) == "90s")
        #expect(GoDuration.text(.seconds(7200)) == "2h")
        #expect(GoDuration.text(Nanoseconds(rawValue: 1_000_001)) == "1000001ns")
    }
}
