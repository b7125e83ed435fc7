// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization
import Testing

@testable import MeshObservability

@Suite
struct SeriesCacheTests {
    private struct Number: SeriesLabels {
        var value: Int
        var overflow: Number { Number(value: -1) }
    }

    private static func counting(limit: Int) -> (SeriesCache<Number, Int>, made: @Sendable () -> [Int]) {
        let log = Log()
        let cache = SeriesCache<Number, Int>(limit: limit) { labels in
            log.values.withLock { $0.append(labels.value) }
            return labels.value
        }
        return (cache, { log.values.withLock { $0 } })
    }

    private final class Log: Sendable {
        let values = Mutex<[Int]>([])
    }

    @Test
    func `a series is made once and found again`() {
        let (cache, made) = Self.counting(limit: 10)
        for _ in 0..<100 { #expect(cache[Number(value: 7)] == 7) }
        #expect(made() == [7])
    }

    @Test
    func `labels beyond the limit share the overflow series`() {
        let (cache, made) = Self.counting(limit: 3)
        let found = (0..<1000).map { cache[Number(value: $0)] }
        #expect(found == [0, 1, 2] + Array(repeating: -1, count: 997))
        #expect(made() == [0, 1, 2, -1])
        #expect(cache.count == 4)
        #expect(cache[Number(value: 1)] == 1, "what was known before stays known")
    }

    @Test
    func `threads that race for the same labels get one and the same series`() async {
        final class Series: Sendable {}
        let cache = SeriesCache<Number, Series>(limit: 4) { _ in Series() }
        let identities = await withTaskGroup(of: [ObjectIdentifier].self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<200).map { ObjectIdentifier(cache[Number(value: $0 % 6)]) } }
            }
            return await group.reduce(into: []) { $0.append(contentsOf: $1) }
        }
        #expect(Set(identities).count == 5, "four and the overflow")
        #expect(cache.count == 5)
    }
}
