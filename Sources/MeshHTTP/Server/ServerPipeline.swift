// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOHPACK
import NIOHTTP1
import NIOHTTP2
import NIOSSL
import NIOTLS

/// Builds the pipeline of one connection: patience → TLS, if it has it → whichever protocol it speaks → the exchanges.
struct ServerPipeline {
    /// How long a caller may take to answer a PING: gRPC's `KEEPALIVE_TIMEOUT`.
    private static let keepaliveTimeout = TimeAmount.seconds(20)

    private let serving: InboundServing
    private let connections: ServerConnections
    private let channel: any Channel
    private let patience: ConnectionPatience

    private var configuration: MeshHTTPServer.Configuration { serving.configuration }

    init(_ serving: InboundServing, _ connections: ServerConnections, _ channel: any Channel) {
        self.serving = serving
        self.connections = connections
        self.channel = channel
        self.patience = ConnectionPatience(
            headerTimeout: serving.configuration.headerTimeout,
            idleTimeout: serving.configuration.idleTimeout
        )
    }

    /// Sets up what a connection has before it is known what it speaks. Called on its loop.
    func open() throws {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(patience)
        switch serving.protection.current {
        case .plaintext: try openPlaintext()
        case .tls(let security): try openTLS(security)
        case .either(let security):
            try pipeline.addHandler(
                TransportDetector { isTLS in if isTLS { try openTLS(security) } else { try openPlaintext() } }
            )
        }
    }

    private func openPlaintext() throws {
        try note(isSecure: false)
        try channel.pipeline.syncOperations.addHandler(
            ServerProtocolDetector { try speak(http2: $0, isSecure: false) }
        )
    }

    private func openTLS(_ security: ServerTransportSecurity) throws {
        try note(isSecure: true)
        try serving.protection.protect(channel, by: security)
        try channel.pipeline.syncOperations.addHandler(
            ApplicationProtocolNegotiationHandler { (result: ALPNResult, channel: any Channel) in
                channel.eventLoop.makeCompletedFuture { try speak(http2: result == .negotiated("h2"), isSecure: true) }
            }
        )
    }

    /// First noted, then asked: a configuration that comes in between finds the connection, or is found by it.
    private func note(isSecure: Bool) throws {
        connections.note(channel, isSecure: isSecure)
        guard serving.protection.current.takes(secured: isSecure) else { throw ChannelError.eof }
    }

    private func speak(http2: Bool, isSecure: Bool) throws {
        if http2 { try speakHTTP2(isSecure: isSecure) } else { try speakHTTP1(isSecure: isSecure) }
    }

    private func speakHTTP1(isSecure: Bool) throws {
        var encoder = HTTPResponseEncoder.Configuration()
        // `ServerResponseHead` frames: only it knows that a response answers HEAD.
        encoder.automaticallySetFramingHeaders = false
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = configuration.maximumHeaderBytes
        limits.maxHeaderListSize = configuration.maximumHeaderBytes
        limits.maxHeaderFieldCount = configuration.maximumHeaderCount
        let pipeline = channel.pipeline.syncOperations
        try pipeline.configureHTTPServerPipeline(
            withEncoderConfiguration: encoder,
            withDecoderLimitConfiguration: limits
        )
        try pipeline.addHandler(
            InboundExchangeDriver(serving, patience: .own(patience), isSecure: isSecure, eventLoop: channel.eventLoop)
        )
    }

    private func speakHTTP2(isSecure: Bool) throws {
        let limits = configuration.http2
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: limits.maximumConcurrentStreams),
            HTTP2Setting(parameter: .maxHeaderListSize, value: configuration.maximumHeaderBytes),
            HTTP2Setting(parameter: .initialWindowSize, value: limits.streamWindow),
        ]
        connection.targetWindowSize = limits.connectionWindow
        connection.maximumSequentialContinuationFrames = limits.maximumContinuations
        connection.controlFrameRateLimit.maximumCount = limits.maximumControlFrames
        connection.controlFrameRateLimit.windowLength = limits.window.timeAmount
        var stream = NIOHTTP2Handler.StreamConfiguration()
        stream.targetWindowSize = limits.streamWindow
        stream.streamResetFrameRateLimit.maximumCount = limits.maximumResets
        stream.streamResetFrameRateLimit.windowLength = limits.window.timeAmount
        stream.streamErrorRateLimit.maximumCount = limits.maximumResets
        stream.streamErrorRateLimit.windowLength = limits.window.timeAmount
        let management = NIOHTTP2ServerConnectionManagementHandler(
            eventLoop: channel.eventLoop,
            configuration: .init(
                maxIdleTime: configuration.idleTimeout.timeAmount,
                maxAge: limits.maximumConnectionAge?.timeAmount,
                maxGraceTime: configuration.gracePeriod.timeAmount,
                keepalive: limits.keepaliveInterval.map {
                    .init(pingInterval: $0.timeAmount, ackTimeout: Self.keepaliveTimeout)
                }
            )
        )
        let pipeline = channel.pipeline.syncOperations
        let serving = serving
        let patience = NIOLoopBound(patience, eventLoop: channel.eventLoop)
        let watch = HTTP2Watch(limits)
        try pipeline.addHandler(watch)
        _ = try pipeline.configureHTTP2Pipeline(
            mode: .server,
            connectionConfiguration: connection,
            streamConfiguration: stream,
            streamDelegate: management.http2StreamDelegate
        ) { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandlers(
                    HTTP2FramePayloadToHTTP1ServerCodec(),
                    InboundExchangeDriver(
                        serving,
                        patience: .ofConnection(patience.value),
                        isSecure: isSecure,
                        eventLoop: channel.eventLoop
                    )
                )
            }
        }
        try pipeline.addHandlers(management, ConnectionErrorCloser(watch))
        // The connection is active already, and the event that starts the idle timer has gone by.
        if channel.isActive { management.channelActive(context: try pipeline.context(handler: management)) }
    }
}
