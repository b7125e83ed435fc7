// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@Suite struct ResponsePaceTests {
    private static let start = MeshInstant(nanoseconds: 1_000)

    /// How long it takes to read so many bytes.
    private func duration(of bytes: Int, bytesPerSecond: UInt64) -> Nanoseconds {
        var pace = ResponsePace(bytesPerSecond: bytesPerSecond, from: Self.start)
        var now = Self.start
        var rest = bytes
        while rest > 0 {
            let grant = pace.bytesWanted(rest, at: now)
            rest -= grant.bytes
            if grant.bytes == 0 { now = grant.nextAt }
        }
        return now.elapsed(since: Self.start)
    }

    @Test(arguments: [(1_024, 1_024), (2_304, 1_024), (65_536, 16_384)])
    func `a body takes the time that its rate says`(bytes: Int, rate: UInt64) {
        let seconds = duration(of: bytes, bytesPerSecond: rate).seconds
        let expected = Double(bytes) / Double(rate)
        #expect(seconds > expected - 0.11 && seconds < expected + 0.06)
    }

    @Test func `a small body comes at once`() {
        #expect(duration(of: 51, bytesPerSecond: 1_024) == .zero)
    }

    @Test func `a reader who rests gets no more than a second's worth at once`() {
        var pace = ResponsePace(bytesPerSecond: 1_000, from: Self.start)
        let late = Self.start.advanced(by: .seconds(60))
        #expect(pace.bytesWanted(.max, at: late).bytes == 1_000)
        let next = pace.bytesWanted(.max, at: late)
        #expect(next.bytes == 0 && next.nextAt == late.advanced(by: .milliseconds(50)))
    }

    @Test func `extremes neither overflow nor trap`() {
        for rate in [0, 1, UInt64.max] {
            var pace = ResponsePace(bytesPerSecond: rate, from: Self.start)
            for now in [Self.start, MeshInstant(nanoseconds: 0), MeshInstant(nanoseconds: .max)] {
                for count in [0, -1, 1, Int.max] { #expect(pace.bytesWanted(count, at: now).bytes >= 0) }
            }
        }
    }
}
