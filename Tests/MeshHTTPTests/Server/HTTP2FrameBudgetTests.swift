// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@testable import MeshHTTP

@Suite struct HTTP2FrameBudgetTests {
    private typealias FrameHead = HTTP2FrameScanner.FrameHead

    private static let headers: UInt8 = 1
    private static let priority: UInt8 = 2
    private static let windowUpdate: UInt8 = 8

    private func budget(windowUpdates: Int = 10, priorities: Int = 100) -> HTTP2FrameBudget {
        HTTP2FrameBudget(windowUpdatesPerDataFrame: windowUpdates, prioritiesPerStream: priorities)
    }

    /// How many more frames of a kind are within it.
    private func allowance(_ type: UInt8, in budget: HTTP2FrameBudget) -> Int {
        var (budget, count) = (budget, -1)
        while budget.isKept {
            budget.received(FrameHead(type: type, stream: 1))
            count += 1
        }
        return count
    }

    /// Envoy: 5 + 2 * (opened_streams + max_inbound_window_update_frames_per_data_frame_sent * outbound_data_frames).
    @Test(arguments: [(0, 0, 5), (1, 0, 7), (3, 0, 11), (0, 1, 25), (2, 4, 89)])
    func `WINDOW_UPDATE is measured by streams and DATA frames`(streams: UInt32, dataFrames: Int, allowed: Int) {
        var budget = budget()
        for stream in 0..<streams { budget.received(FrameHead(type: Self.headers, stream: 2 * stream + 1)) }
        for _ in 0..<dataFrames { budget.sent(FrameHead(type: 0, stream: 1)) }
        #expect(allowance(Self.windowUpdate, in: budget) == allowed)
    }

    /// Envoy: max_inbound_priority_frames_per_stream * (1 + opened_streams).
    @Test(arguments: [(0, 100), (1, 200), (9, 1000)])
    func `PRIORITY is measured by streams`(streams: UInt32, allowed: Int) {
        var budget = budget()
        for stream in 0..<streams { budget.received(FrameHead(type: Self.headers, stream: 2 * stream + 1)) }
        #expect(allowance(Self.priority, in: budget) == allowed)
    }

    @Test func `trailers open no stream, and what is not sent earns nothing`() {
        var budget = budget()
        for _ in 0..<10 { budget.received(FrameHead(type: Self.headers, stream: 1)) }
        for _ in 0..<10 { budget.sent(FrameHead(type: Self.headers, stream: 1)) }
        for _ in 0..<10 { budget.received(FrameHead(type: 0, stream: 1)) }
        #expect(allowance(Self.windowUpdate, in: budget) == 7)
    }

    @Test func `limits of any size are taken`() {
        #expect(allowance(Self.windowUpdate, in: budget(windowUpdates: -1)) == 5)
        #expect(allowance(Self.priority, in: budget(priorities: 0)) == 0)
        var generous = budget(windowUpdates: .max, priorities: .max)
        for _ in 0..<1000 { generous.sent(FrameHead(type: 0, stream: 1)) }
        #expect(generous.isKept)
    }
}
