// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore
import NIOHTTP1

extension ChannelPipeline.SynchronousOperations {
    /// Makes a channel a client's end of HTTP/1.1.
    func addHTTP1(_ configuration: HTTPTransport.Configuration, isSecured: Bool) throws -> HTTP1ConnectionDriver {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderListSize = configuration.maximumHeaderBytes
        limits.maxHeaderFieldSize = min(limits.maxHeaderFieldSize, configuration.maximumHeaderBytes)
        limits.maxHeaderFieldCount = configuration.headerFieldLimit
        let decoder = HTTPResponseDecoder(
            leftOverBytesStrategy: .dropBytes,
            informationalResponseStrategy: .forward,
            limitConfiguration: limits
        )
        let encoder = HTTP1RequestEncoder()
        let driver = HTTP1ConnectionDriver(configuration: configuration, isSecured: isSecured, encoder: encoder)
        try addHandler(encoder)
        // The parser counts names and values; lines have more.
        let headLimit = max(configuration.maximumHeaderBytes, 16_384) * 2
        let bounded = ResponseDecoder(decoder, maximumHeadBytes: headLimit, for: driver)
        try addHandler(ByteToMessageHandler(bounded, maximumBufferSize: headLimit))
        try addHandler(driver)
        return driver
    }
}

extension HTTPTransport.Configuration {
    /// swift-http-types traps on more fields than 16 bits can count.
    var headerFieldLimit: Int { min(maximumHeaderFields, 65_000) }
}
