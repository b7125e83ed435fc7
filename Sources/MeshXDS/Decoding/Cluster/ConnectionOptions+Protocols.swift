// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf

extension ConnectionOptions {
    private static let readCommon = ReadFields(
        Envoy_Config_Core_V3_HttpProtocolOptions.self,
        "idle_timeout",
        "max_connection_duration",
        "max_requests_per_connection"
    )
    private static let readHTTP1 = ReadFields(Envoy_Config_Core_V3_Http1ProtocolOptions.self)
    private static let readHTTP2 = ReadFields(
        Envoy_Config_Core_V3_Http2ProtocolOptions.self,
        "max_concurrent_streams",
        "connection_keepalive"
    )
    private static let readKeepalive = ReadFields(
        Envoy_Config_Core_V3_KeepaliveSettings.self,
        "interval",
        "timeout"
    )

    /// Decodes what HTTP/1.1 and HTTP/2 have in common.
    /// - Returns: Whether it could be decoded.
    mutating func decode(
        _ message: Envoy_Config_Core_V3_HttpProtocolOptions,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Bool {
        context.ignoreOthers(in: message, at: path, read: Self.readCommon)
        var isValid = true
        if message.hasIdleTimeout {
            idleTimeout = Nanoseconds(message.idleTimeout, at: path["idle_timeout"], &context)
            isValid = idleTimeout != nil
        }
        if message.hasMaxConnectionDuration {
            let place = path["max_connection_duration"]
            let age = Nanoseconds(message.maxConnectionDuration, at: place, &context)
            if age == nil { isValid = false }
            // Envoy takes 0 for none.
            maximumAge = age == .zero ? nil : age
        }
        if message.hasMaxRequestsPerConnection { maximumRequests = message.maxRequestsPerConnection.value }
        return isValid
    }

    /// Reports what is set for HTTP/1.1: none of it is supported.
    func ignore(
        _ message: Envoy_Config_Core_V3_Http1ProtocolOptions,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.readHTTP1)
    }

    /// Decodes what is about HTTP/2 only.
    /// - Returns: Whether it could be decoded.
    mutating func decode(
        _ message: Envoy_Config_Core_V3_Http2ProtocolOptions,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Bool {
        context.ignoreOthers(in: message, at: path, read: Self.readHTTP2)
        var isValid = true
        if message.hasMaxConcurrentStreams {
            maximumConcurrentStreams = message.maxConcurrentStreams.value
            if !Self.concurrentStreams.contains(maximumConcurrentStreams) {
                context.reject(
                    path["max_concurrent_streams"],
                    "must be from 1 to 2147483647, is \(maximumConcurrentStreams)"
                )
                isValid = false
            }
        }
        guard message.hasConnectionKeepalive else { return isValid }
        let keepalive = message.connectionKeepalive
        let path = path["connection_keepalive"]
        context.ignoreOthers(in: keepalive, at: path, read: Self.readKeepalive)
        if keepalive.hasInterval {
            let span = Self.keepaliveSpan(keepalive.interval, at: path["interval"], &context)
            keepaliveInterval = span ?? keepaliveInterval
            isValid = isValid && span != nil
        }
        guard keepalive.hasTimeout else {
            context.reject(path["timeout"], "is missing")
            return false
        }
        let span = Self.keepaliveSpan(keepalive.timeout, at: path["timeout"], &context)
        keepaliveTimeout = span ?? keepaliveTimeout
        return isValid && span != nil
    }

    private static func keepaliveSpan(
        _ duration: Google_Protobuf_Duration,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Nanoseconds? {
        guard let span = Nanoseconds(duration, at: path, &context) else { return nil }
        guard span >= shortestKeepalive else {
            context.reject(path, "must be at least 1 ms")
            return nil
        }
        return span
    }
}

extension Envoy_Extensions_Upstreams_Http_V3_HttpProtocolOptions {
    /// Encodes how connections are made and kept, but for the preconnect ratio, which is the cluster's.
    ///
    /// The version always stands in it, since Envoy refuses options without one. What is about HTTP/2 has no place
    /// where HTTP/1.1 is spoken.
    init(_ options: ConnectionOptions) {
        self.init()
        if let idle = options.idleTimeout { commonHTTPProtocolOptions.idleTimeout = Google_Protobuf_Duration(idle) }
        if let age = options.maximumAge {
            commonHTTPProtocolOptions.maxConnectionDuration = Google_Protobuf_Duration(age)
        }
        if options.maximumRequests > 0 {
            commonHTTPProtocolOptions.maxRequestsPerConnection = Google_Protobuf_UInt32Value(options.maximumRequests)
        }
        switch options.httpVersion {
        case .http1: explicitHTTPConfig.httpProtocolOptions = Envoy_Config_Core_V3_Http1ProtocolOptions()
        case .http2: explicitHTTPConfig.http2ProtocolOptions = Envoy_Config_Core_V3_Http2ProtocolOptions(options)
        case .automatic:
            autoConfig.httpProtocolOptions = Envoy_Config_Core_V3_Http1ProtocolOptions()
            autoConfig.http2ProtocolOptions = Envoy_Config_Core_V3_Http2ProtocolOptions(options)
        }
    }
}

extension Envoy_Config_Core_V3_Http2ProtocolOptions {
    fileprivate init(_ options: ConnectionOptions) {
        self.init()
        let standard = ConnectionOptions()
        if options.maximumConcurrentStreams != standard.maximumConcurrentStreams {
            maxConcurrentStreams = Google_Protobuf_UInt32Value(options.maximumConcurrentStreams)
        }
        guard options.keepaliveInterval > .zero || options.keepaliveTimeout != standard.keepaliveTimeout else { return }
        if options.keepaliveInterval > .zero {
            connectionKeepalive.interval = Google_Protobuf_Duration(options.keepaliveInterval)
        }
        connectionKeepalive.timeout = Google_Protobuf_Duration(options.keepaliveTimeout)
    }
}
