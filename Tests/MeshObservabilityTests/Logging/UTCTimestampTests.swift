// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@testable import MeshObservability

@Suite
struct UTCTimestampTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_582_934_400_000, "2020-02-29T00:00:00.000Z"),
            (1_704_067_199_001, "2023-12-31T23:59:59.001Z"),
            (1_763_694_067_042, "2025-11-21T03:01:07.042Z"),
            (4_107_542_399_000, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] as [(UInt64, String)]
    )
    func `milliseconds since 1970 are a date`(milliseconds: UInt64, expected: String) {
        #expect(UTCTimestamp(nanosecondsSinceEpoch: milliseconds * 1_000_000).description == expected)
    }

    @Test
    func `no instant traps`() {
        #expect(UTCTimestamp(nanosecondsSinceEpoch: .max).description == "2554-07-21T23:34:33.709Z")
    }
}
