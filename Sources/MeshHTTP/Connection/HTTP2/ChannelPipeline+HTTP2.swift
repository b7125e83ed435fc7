// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOHTTP2

extension ChannelPipeline.SynchronousOperations {
    /// Makes a channel a client's end of HTTP/2.
    func addHTTP2(
        _ configuration: HTTPTransport.Configuration,
        _ options: ConnectionOptions,
        isSecured: Bool
    ) throws -> HTTP2ConnectionDriver {
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.initialSettings = [
            HTTP2Setting(parameter: .enablePush, value: 0),
            HTTP2Setting(parameter: .initialWindowSize, value: configuration.streamWindow),
            HTTP2Setting(parameter: .maxHeaderListSize, value: configuration.maximumHeaderBytes),
        ]
        // A header block of the limit fits into so many frames of the smallest maximum size, 16 KiB.
        connection.maximumSequentialContinuationFrames = max(5, configuration.maximumHeaderBytes / 16_384 + 1)
        // Streams are given up by the dozen when their callers are; what still arrives for them breaks no rule.
        connection.maximumRecentlyResetStreams = 1024
        // The default is one in all of a connection's life; servers end bodies by an empty one, and some flush by it.
        connection.maximumSequentialEmptyDataFrames = 100
        // Servers of gRPC ping with every burst of data, to measure the path.
        connection.controlFrameRateLimit.maximumCount = 1000
        connection.controlFrameRateLimit.windowLength = .seconds(1)
        var stream = NIOHTTP2Handler.StreamConfiguration()
        // A server may refuse as many streams as there are without meaning harm.
        stream.streamResetFrameRateLimit.maximumCount = 1000
        stream.streamResetFrameRateLimit.windowLength = .seconds(1)
        let written = WrittenFrames()
        let driver = HTTP2ConnectionDriver(
            configuration: configuration,
            options: options,
            isSecured: isSecured,
            written: written
        )
        // Without its multiplexer, which makes a channel of each stream, at the price of most of the request.
        try addHandler(
            NIOHTTP2Handler(
                mode: .client,
                frameDelegate: written,
                connectionConfiguration: connection,
                streamConfiguration: stream
            )
        )
        try addHandler(driver)
        return driver
    }
}

/// Remembers how the protocol's implementation has reacted to a peer's violation.
///
/// It reports every violation as an error of the channel, whether it concerns a stream or the connection; what it wrote
/// just before tells which.
final class WrittenFrames: NIOHTTP2FrameDelegate {
    private(set) var lastReset: HTTP2StreamID?
    private(set) var hasSaidGoodbye = false

    func wroteFrame(_ frame: HTTP2Frame) {
        switch frame.payload {
        case .rstStream: lastReset = frame.streamID
        case .goAway: hasSaidGoodbye = true
        default: break
        }
    }
}

extension HTTPTransport.Configuration {
    /// How many bytes of one response may be on their way: what its reader may leave unread.
    var streamWindow: Int { min(max(bodyBufferLimit, 16_384), Int(Int32.max)) }
}
