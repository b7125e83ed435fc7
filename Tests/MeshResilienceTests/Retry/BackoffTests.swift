// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct BackoffTests {
    // Envoy's own vectors (`backoff_strategy_test.cc`), there in milliseconds.
    static let vectors: [(base: UInt64, maximum: UInt64, random: UInt64, waits: [UInt64])] = [
        (5, 100, 9999, [4, 9, 19, 39, 79, 99, 99]),
        (25, 30, 27, [2, 27]),
    ]

    @Test(arguments: vectors)
    func `waits are those of Envoy's code`(base: UInt64, maximum: UInt64, random: UInt64, waits: [UInt64]) {
        let backoff = Backoff(base: Nanoseconds(rawValue: base), maximum: Nanoseconds(rawValue: maximum))
        for (position, expected) in waits.enumerated() {
            #expect(backoff.wait(beforeRetry: position + 1, random: random) == Nanoseconds(rawValue: expected))
        }
    }

    @Test func `without a maximum it is ten times the base, and never overflows`() {
        #expect(Backoff().maximum == .milliseconds(250))
        #expect(Backoff(base: .forever).maximum == .forever)
    }

    @Test(arguments: [Int.min, -1, 0, 1, 63, 64, 65, 1000, .max])
    func `no retry number and no bound overflows`(retry: Int) {
        for base in [UInt64(0), 1, 25_000_000, 1 << 62, 1 << 63, .max] {
            let backoff = Backoff(base: Nanoseconds(rawValue: base), maximum: .forever)
            #expect(backoff.wait(beforeRetry: retry, random: .max) <= .forever)
            let capped = Backoff(base: Nanoseconds(rawValue: base), maximum: .milliseconds(1))
            #expect(capped.wait(beforeRetry: retry, random: .max) < .milliseconds(1))
        }
    }

    @Test func `a maximum below the base and a base of zero are refused`() {
        let error = #expect(throws: ConfigurationError.self) {
            try Backoff(base: .zero, maximum: .zero).validate()
        }
        #expect(error?.problems.map(\.path) == ["base"])
        #expect(throws: ConfigurationError.self) {
            try Backoff(base: .seconds(2), maximum: .seconds(1)).validate()
        }
    }
}
