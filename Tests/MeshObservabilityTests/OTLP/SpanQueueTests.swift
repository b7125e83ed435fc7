// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshObservability

@Suite
struct SpanQueueTests {
    @Test
    func `a full batch wakes the exporter once, and a full queue drops what comes last`() {
        var queue = SpanQueue<Int>(capacity: 4, batchSize: 2)
        #expect((0..<6).map { queue.offered($0) } == [.wait, .wake, .wait, .wait, .wait, .wait])
        #expect(queue.dropped == 2)
        #expect(queue.takeBatch() == [0, 1])
        #expect(queue.takeBatch() == [2, 3])
        #expect(queue.takeBatch() == [])
        #expect(queue.offered(9) == .wait)
        #expect(queue.takeBatch() == [9])
    }

    @Test
    func `whatever happens, every element is taken once, waits, or is counted as dropped`() {
        let random = MeshRandom(seed: 5)
        var queue = SpanQueue<Int>(capacity: 7, batchSize: 3)
        var offered = 0
        var taken: [Int] = []
        for _ in 0..<10_000 {
            if random.below(5) > 0 {
                _ = queue.offered(offered)
                offered += 1
            } else {
                let batch = queue.takeBatch()
                #expect(batch.count <= 3)
                taken += batch
            }
            #expect(queue.count <= 7)
            #expect(taken.count + queue.count + Int(queue.dropped) == offered)
        }
        #expect(taken == taken.sorted() && Set(taken).count == taken.count)
        #expect(queue.dropped > 0, "the walk has to reach the bound")
    }
}
