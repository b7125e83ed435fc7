// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("Connections in xDS")
struct ConnectionOptionsDecodingTests {
    private static let key = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    private static let place = "typed_extension_protocol_options[\(key)]"

    private func decode(_ message: Envoy_Config_Cluster_V3_Cluster) throws -> Decoded<Cluster> {
        try decode(bytes: try message.serializedBytes())
    }

    private func decode(bytes: [UInt8]) throws -> Decoded<Cluster> {
        let decoded = try ResourceDecoder().decode(bytes, as: .cluster)
        guard case .cluster(let cluster) = decoded.resource else { throw CancellationError() }
        return Decoded(cluster, ignored: decoded.ignored)
    }

    private var cluster: Envoy_Config_Cluster_V3_Cluster {
        var message = Envoy_Config_Cluster_V3_Cluster()
        message.name = "c"
        message.type = .eds
        message.edsClusterConfig.edsConfig.ads = Envoy_Config_Core_V3_AggregatedConfigSource()
        return message
    }

    private func cluster(
        _ change: (inout Envoy_Extensions_Upstreams_Http_V3_HttpProtocolOptions) -> Void
    ) throws -> Envoy_Config_Cluster_V3_Cluster {
        var options = Envoy_Extensions_Upstreams_Http_V3_HttpProtocolOptions()
        change(&options)
        var message = cluster
        message.typedExtensionProtocolOptions[Self.key] = try Google_Protobuf_Any(packing: options)
        return message
    }

    // What follows was written by Google's protobuf for Python from the official descriptors, in the shape in which
    // istiod sends its clusters: a port named grpc with a DestinationRule, a port of unknown protocol, TLS to the
    // outside, and the fields of Envoy's API before the options of the HTTP extension.

    private static let grpcPort = """
        CgRncnBjEAMaDgoGGgAiADACEgRncnBjIgIICjABUiQKIhIGCP////8PGgYI/////w8iBgj/////DyoGCP////8PMAGiAp8BCjZlbnZv\
        eS5leHRlbnNpb25zLnVwc3RyZWFtcy5odHRwLnYzLkh0dHBQcm90b2NvbE9wdGlvbnMSZQpKdHlwZS5nb29nbGVhcGlzLmNvbS9lbnZv\
        eS5leHRlbnNpb25zLnVwc3RyZWFtcy5odHRwLnYzLkh0dHBQcm90b2NvbE9wdGlvbnMSFwoNCgIIHhoDCNgEMgIIChoGEgQSAghk
        """
    private static let unknownPort = """
        CgdzbmlmZmVkEAMaEQoGGgAiADACEgdzbmlmZmVkIgIICjABUiQKIhIGCP////8PGgYI/////w8iBgj/////DyoGCP////8PMAGiAo4B\
        CjZlbnZveS5leHRlbnNpb25zLnVwc3RyZWFtcy5odHRwLnYzLkh0dHBQcm90b2NvbE9wdGlvbnMSVApKdHlwZS5nb29nbGVhcGlzLmNv\
        bS9lbnZveS5leHRlbnNpb25zLnVwc3RyZWFtcy5odHRwLnYzLkh0dHBQcm90b2NvbE9wdGlvbnMSBiIECgASAA==
        """
    private static let origination = """
        CgtvcmlnaW5hdGlvbhADGhUKBhoAIgAwAhILb3JpZ2luYXRpb24iAggKMAFSJAoiEgYI/////w8aBgj/////DyIGCP////8PKgYI////\
        /w8wAaICngEKNmVudm95LmV4dGVuc2lvbnMudXBzdHJlYW1zLmh0dHAudjMuSHR0cFByb3RvY29sT3B0aW9ucxJkCkp0eXBlLmdvb2ds\
        ZWFwaXMuY29tL2Vudm95LmV4dGVuc2lvbnMudXBzdHJlYW1zLmh0dHAudjMuSHR0cFByb3RvY29sT3B0aW9ucxIWEgQIARABKg4KABIK\
        eggKAggeEgIIBQ==
        """
    private static let deprecated = """
        CgNvbGQQAxoNCgYaACIAMAISA29sZCICCAowAUoCCANSJAoiEgYI/////w8aBgj/////DyIGCP////8PKgYI/////w8wAXIEEgIIB+oB\
        AgoAkgMWCgkJAAAAAAAA+D8SCQkAAAAAAAAAQA==
        """

    static let messages: [(base64: String, options: ConnectionOptions, ignored: [String])] = [
        (
            grpcPort,
            ConnectionOptions(
                httpVersion: .http2,
                idleTimeout: .seconds(30),
                maximumAge: .seconds(600),
                maximumRequests: 10,
                maximumConcurrentStreams: 100
            ),
            []
        ),
        (unknownPort, ConnectionOptions(), [place + ".use_downstream_protocol_config"]),
        (
            origination,
            ConnectionOptions(
                httpVersion: .automatic,
                keepaliveInterval: .seconds(30),
                keepaliveTimeout: .seconds(5)
            ),
            [place + ".upstream_http_protocol_options"]
        ),
        (
            deprecated,
            ConnectionOptions(
                httpVersion: .http2,
                idleTimeout: .zero,
                maximumRequests: 3,
                maximumConcurrentStreams: 7,
                preconnectRatio: 1.5
            ),
            ["preconnect_policy.predictive_preconnect_ratio"]
        ),
    ]

    @Test("what istiod and Envoy's users send is understood", arguments: 0..<messages.count)
    func received(_ number: Int) throws {
        let (base64, options, ignored) = Self.messages[number]
        let decoded = try decode(bytes: [UInt8](try #require(Data(base64Encoded: base64))))
        #expect(decoded.resource.connection == options)
        #expect(
            decoded.ignored.map(\.path).filter { !$0.hasSuffix("track_remaining") && !$0.hasSuffix("max_retries") }
                == ignored
        )
    }

    @Test("a cluster without options has the defaults")
    func defaults() throws {
        let decoded = try decode(cluster)
        #expect(decoded.resource.connection == ConnectionOptions() && decoded.resource.proxy == .direct)
        #expect(decoded.ignored == [])
    }

    @Test("HTTP/2 only where the downstream's protocol is to be followed and nothing else is allowed")
    func downstream() throws {
        let decoded = try decode(
            try cluster { $0.useDownstreamProtocolConfig.http2ProtocolOptions.maxConcurrentStreams.value = 5 }
        )
        #expect(decoded.resource.connection == ConnectionOptions(httpVersion: .http2, maximumConcurrentStreams: 5))
        #expect(decoded.ignored.map(\.path) == [Self.place + ".use_downstream_protocol_config"])
    }

    @Test("the options of the extension make the cluster's own fields of old ineffective, which is reported")
    func precedence() throws {
        var message = try cluster { $0.explicitHTTPConfig.httpProtocolOptions = .init() }
        message.http2ProtocolOptions = .init()
        message.httpProtocolOptions = .init()
        message.commonHTTPProtocolOptions.idleTimeout = Google_Protobuf_Duration(.seconds(1))
        message.maxRequestsPerConnection = 5
        message.typedExtensionProtocolOptions["envoy.other"] = Google_Protobuf_Any()
        let decoded = try decode(message)
        #expect(decoded.resource.connection == ConnectionOptions())
        #expect(
            decoded.ignored.map(\.path) == [
                "typed_extension_protocol_options[envoy.other]", "common_http_protocol_options",
                "http_protocol_options", "http2_protocol_options", "max_requests_per_connection",
            ]
        )
    }

    @Test("what is not supported is reported by its name")
    func ignored() throws {
        let message = try cluster { options in
            options.commonHTTPProtocolOptions.maxStreamDuration = Google_Protobuf_Duration(.seconds(1))
            options.explicitHTTPConfig.http2ProtocolOptions.initialStreamWindowSize = 65_535
            options.explicitHTTPConfig.http2ProtocolOptions.connectionKeepalive.timeout =
                Google_Protobuf_Duration(.seconds(1))
            options.explicitHTTPConfig.http2ProtocolOptions.connectionKeepalive.connectionIdleInterval =
                Google_Protobuf_Duration(.seconds(1))
        }
        let http2 = Self.place + ".explicit_http_config.http2_protocol_options"
        #expect(
            try decode(message).ignored.map(\.path) == [
                Self.place + ".common_http_protocol_options.max_stream_duration",
                http2 + ".initial_stream_window_size",
                http2 + ".connection_keepalive.connection_idle_interval",
            ]
        )
    }

    @Test("what Envoy's bounds forbid is refused where it stands, all of it at once")
    func refused() throws {
        var message = try cluster { options in
            options.commonHTTPProtocolOptions.idleTimeout.nanos = -1
            options.autoConfig.http2ProtocolOptions.maxConcurrentStreams = 0
            options.autoConfig.http2ProtocolOptions.connectionKeepalive.interval.nanos = 1
        }
        message.preconnectPolicy.perUpstreamPreconnectRatio = 3.5
        let error = #expect(throws: ConfigurationError.self) { try decode(message) }
        let http2 = Self.place + ".auto_config.http2_protocol_options"
        #expect(
            error?.problems.map(\.path) == [
                Self.place + ".common_http_protocol_options.idle_timeout", http2 + ".max_concurrent_streams",
                http2 + ".connection_keepalive.interval", http2 + ".connection_keepalive.timeout",
                "preconnect_policy.per_upstream_preconnect_ratio",
            ]
        )
        var other = cluster
        other.typedExtensionProtocolOptions[Self.key] = Google_Protobuf_Any(typeName: "a.b.C", bytes: [])
        #expect(throws: ConfigurationError.self) { try decode(other) }
    }
}
