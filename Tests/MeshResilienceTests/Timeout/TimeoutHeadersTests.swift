// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct TimeoutHeadersTests {
    @Test(arguments: [
        ("1n", Nanoseconds(rawValue: 1)), ("7u", Nanoseconds(rawValue: 7000)), ("100m", .milliseconds(100)),
        ("2S", .seconds(2)), ("3M", .seconds(180)), ("4H", .seconds(14_400)), ("0S", .zero),
        ("99999999S", .seconds(99_999_999)), ("99999999H", .forever), ("100000000n", nil), ("S", nil), ("5", nil),
        ("5s", nil), ("-5S", nil), ("+5S", nil), ("5.0S", nil), ("", nil), (" 5S", nil), ("5 S", nil), ("٥S", nil),
    ])
    func `grpc-timeout is read in every unit, with one to eight digits`(text: String, expected: Nanoseconds?) {
        #expect(TimeoutHeaders.grpcTimeout(text) == expected)
    }

    @Test(
        arguments: [
            (0, "0n"), (1, "1n"), (999, "999n"), (1000, "1u"), (1001, "1010n"), (14_999_935_000, "15S"),
            (14_850_000_000, "14900m"), (99_999_999, "100m"), (500_000_000, "500m"), (59_990_000_000, "1M"),
            (90_000_000_000, "90S"), (3_599_999_999_999, "1H"), (86_400_000_000_000, "24H"),
            (1_234_567_890_123_456_789, "20666667M"), (.max, "5124096H"),
        ] as [(UInt64, String)]
    )
    func `grpc-timeout is written with three digits, rounded up, and as short as it can be`(
        time: UInt64,
        expected: String
    ) {
        #expect(TimeoutHeaders.grpcTimeout(of: Nanoseconds(rawValue: time)) == expected)
    }

    @Test(arguments: [
        ("15S", true), ("500m", true), ("1500m", true), ("14900m", false), ("125m", false), ("0n", true), ("24H", true),
    ])
    func `values of two digits are those that come again`(text: String, isRound: Bool) {
        #expect(TimeoutHeaders.isRound(text) == isRound)
    }

    @Test func `what is written is read back, and never shorter nor longer by more than its unit`() {
        let random = MeshRandom(seed: 8)
        for _ in 0..<20_000 {
            let time = Nanoseconds(rawValue: random.next() >> random.below(64))
            let text = TimeoutHeaders.grpcTimeout(of: time)
            #expect(text.utf8.count <= 9)
            guard let back = TimeoutHeaders.grpcTimeout(text) else {
                Issue.record("\(text)")
                return
            }
            #expect(back >= time)
            // Three digits, and hours where seconds have too many.
            #expect(back.rawValue - time.rawValue <= time.rawValue / 100)
            let milliseconds = TimeoutHeaders.milliseconds(of: time)
            let read = TimeoutHeaders.milliseconds(milliseconds) ?? .zero
            #expect(read >= min(time, TimeoutHeaders.longest))
        }
    }

    @Test(arguments: [
        ("250", Nanoseconds.milliseconds(250)), ("0", nil), ("-1", nil), ("1.5", nil), ("", nil), ("soon", nil),
        ("86400001", .seconds(86_400)), ("18446744073709551615", .seconds(86_400)), ("18446744073709551616", nil),
    ])
    func `Envoy's field is read in whole milliseconds, and 0 is no limit`(text: String, expected: Nanoseconds?) {
        #expect(TimeoutHeaders.milliseconds(text) == expected)
    }

    @Test(
        arguments: [
            ([], nil), ([("grpc-timeout", "2S")], Nanoseconds.seconds(2)),
            ([("grpc-timeout", "2S"), ("x-envoy-expected-rq-timeout-ms", "1")], .milliseconds(1)),
            ([("grpc-timeout", "5n"), ("x-envoy-expected-rq-timeout-ms", "1")], Nanoseconds(rawValue: 5)),
            ([("grpc-timeout", "?"), ("x-envoy-expected-rq-timeout-ms", "1")], .milliseconds(1)),
            ([("grpc-timeout", "99999999H")], .seconds(86_400)), ([("x-envoy-expected-rq-timeout-ms", "0")], nil),
        ] as [([(String, String)], Nanoseconds?)]
    )
    func `the shorter of both counts, up to a day`(headers: [(String, String)], expected: Nanoseconds?) {
        let request = InMemoryRequest(headers: headers.map { (HeaderName($0.0), $0.1) })
        #expect(TimeoutHeaders.read(request) == expected)
    }
}
