// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// How many frames that ask for nothing and cost work a caller may send on a connection of HTTP/2, measured by what it
/// was given.
///
/// The formulas are those of Envoy's `Http2ProtocolOptions`: 5 + 2 · (streams + limit · DATA frames sent) for
/// `max_inbound_window_update_frames_per_data_frame_sent`, limit · (1 + streams) for
/// `max_inbound_priority_frames_per_stream`.
struct HTTP2FrameBudget: Equatable {
    private enum FrameType {
        static let data: UInt8 = 0, headers: UInt8 = 1, priority: UInt8 = 2, windowUpdate: UInt8 = 8
    }

    /// What every connection may, whatever it is given: opening its own windows as it begins.
    private static let freeWindowUpdates = 5

    /// More than any limit worth the name, so that products stay in range.
    private static let largestLimit = 1 << 20

    private let windowUpdatesPerDataFrame: Int
    private let prioritiesPerStream: Int
    private var highestStream: UInt32 = 0
    private var streams = 0
    private var dataFrames = 0
    private var windowUpdates = 0
    private var priorities = 0

    init(windowUpdatesPerDataFrame: Int, prioritiesPerStream: Int) {
        self.windowUpdatesPerDataFrame = min(max(0, windowUpdatesPerDataFrame), Self.largestLimit)
        self.prioritiesPerStream = min(max(0, prioritiesPerStream), Self.largestLimit)
    }

    /// Whether the caller has kept within it. A connection that has not is to be ended.
    var isKept: Bool {
        windowUpdates <= Self.freeWindowUpdates + 2 * (streams + windowUpdatesPerDataFrame * dataFrames)
            && priorities <= prioritiesPerStream * (1 + streams)
    }

    /// A frame has come in.
    mutating func received(_ head: HTTP2FrameScanner.FrameHead) {
        switch head.type {
        case FrameType.windowUpdate: windowUpdates += 1
        case FrameType.priority: priorities += 1
        case FrameType.headers where head.stream > highestStream:
            highestStream = head.stream
            streams += 1
        default: break
        }
    }

    /// A frame has been sent.
    mutating func sent(_ head: HTTP2FrameScanner.FrameHead) {
        if head.type == FrameType.data { dataFrames += 1 }
    }
}
