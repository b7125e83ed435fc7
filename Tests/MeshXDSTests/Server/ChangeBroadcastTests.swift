// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@testable import MeshXDS

@Suite(.timeLimit(.minutes(5))) struct ChangeBroadcastTests {
    @Test func `every listener hears of a change, once for all that it missed`() async {
        let broadcast = ChangeBroadcast()
        var streams = (0..<3).map { _ in broadcast.listen() }
        for _ in 0..<5 { broadcast.tick() }
        for index in streams.indices {
            var iterator = streams[index].makeAsyncIterator()
            #expect(await iterator.next() != nil)
        }
        #expect(broadcast.listenerCount == 3)
        streams = []
        #expect(broadcast.listenerCount == 0)
    }

    @Test func `a listener whose task is cancelled is forgotten`() async {
        let broadcast = ChangeBroadcast()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in broadcast.listen() {} }
            while broadcast.listenerCount == 0 { await Task.yield() }
            group.cancelAll()
        }
        #expect(broadcast.listenerCount == 0)
    }
}
