// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct WindowedLimitTests {
    private func drive(_ heard: Shared<[LimitSample]>) -> LimitDrive<WindowedLimit<RecordingLimit>> {
        LimitDrive(WindowedLimit(RecordingLimit(heard: heard)))
    }

    @Test func `a window of a second gives the mean latency, the most calls under way and any drop`() {
        let heard = Shared<[LimitSample]>([])
        var drive = drive(heard)
        for number in 1...9 { drive.call(UInt64(number), inFlight: number, after: .milliseconds(100)) }
        #expect(heard.value.isEmpty)
        drive.call(11, inFlight: 3, after: .milliseconds(200))
        #expect(heard.value.count == 1)
        #expect(heard.value.first?.rtt == Nanoseconds(rawValue: 5_600_000))
        #expect(heard.value.first?.inFlight == 9 && heard.value.first?.isDrop == false)
        for _ in 0..<9 { drive.call(4, after: .milliseconds(100)) }
        drive.call(60_000, isDrop: true, after: .milliseconds(200))
        #expect(heard.value.last?.isDrop == true)
        #expect(heard.value.last?.rtt == .milliseconds(4), "the time until a timeout is no latency")
    }

    @Test func `a window with fewer than ten calls goes on`() {
        let heard = Shared<[LimitSample]>([])
        var drive = drive(heard)
        for _ in 0..<9 { drive.call(5, after: .seconds(1)) }
        #expect(heard.value.isEmpty)
        drive.call(5, after: .seconds(1))
        #expect(heard.value.count == 1)
    }

    @Test func `calls shorter than 100 microseconds say nothing, unless they were dropped`() {
        let heard = Shared<[LimitSample]>([])
        var drive = drive(heard)
        for _ in 0..<100 { drive.call(0, after: .seconds(1)) }
        #expect(heard.value.isEmpty)
        for _ in 0..<10 { drive.call(0, isDrop: true, after: .seconds(1)) }
        #expect(heard.value.map(\.isDrop) == [true])
    }

    @Test func `a histogram's percentiles are off by a sixteenth at most, and exact where all are the same`() {
        let random = MeshRandom(seed: 3)
        var histogram = LatencyHistogram()
        #expect(histogram.quantile(0.5) == nil)
        for _ in 0..<3 { histogram.add(.milliseconds(123)) }
        #expect(histogram.quantile(0.5) == .milliseconds(123))
        histogram.clear()
        var all: [UInt64] = []
        for _ in 0..<10_000 {
            let value = random.next() >> random.below(60)
            all.append(value)
            histogram.add(Nanoseconds(rawValue: value))
        }
        all.sort()
        for share in [0.01, 0.5, 0.9, 0.99, 1] {
            let exact = Double(all[Int((10_000 * share).rounded(.up)) - 1])
            let found = Double(histogram.quantile(share)?.rawValue ?? 0)
            #expect(abs(found - exact) <= exact / 16 + 1)
        }
    }
}
