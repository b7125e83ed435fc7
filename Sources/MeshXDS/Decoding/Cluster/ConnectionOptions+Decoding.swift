// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf

extension ConnectionOptions {
    private typealias Options = Envoy_Extensions_Upstreams_Http_V3_HttpProtocolOptions
    private static let read = ReadFields(
        Options.self,
        "common_http_protocol_options",
        "explicit_http_config",
        "use_downstream_protocol_config",
        "auto_config"
    )
    private static let readPreconnect = ReadFields(
        Envoy_Config_Cluster_V3_Cluster.PreconnectPolicy.self,
        "per_upstream_preconnect_ratio"
    )

    /// Decodes how a cluster's connections are made and kept, from where Envoy looks for it: the options of the HTTP
    /// extension, or the cluster's own fields of old if there are none.
    init?(_ message: Envoy_Config_Cluster_V3_Cluster, _ context: inout DecodingContext) {
        self.init()
        let path = FieldPath.root
        for name in message.typedExtensionProtocolOptions.keys.sorted() where name != Options.protoMessageName {
            context.ignore(path["typed_extension_protocol_options", key: name])
        }
        var isValid = true
        if let any = message.typedExtensionProtocolOptions[Options.protoMessageName] {
            let place = path["typed_extension_protocol_options", key: Options.protoMessageName]
            isValid = decode(any, at: place, &context)
            for field in message.deprecatedProtocolOptions {
                context.ignore(path[field], "typed_extension_protocol_options is in force")
            }
        } else {
            isValid = decodeDeprecated(message, &context)
        }
        if message.hasPreconnectPolicy {
            let path = path["preconnect_policy"]
            context.ignoreOthers(in: message.preconnectPolicy, at: path, read: Self.readPreconnect)
            if message.preconnectPolicy.hasPerUpstreamPreconnectRatio {
                preconnectRatio = message.preconnectPolicy.perUpstreamPreconnectRatio.value
                if !Self.preconnectRatios.contains(preconnectRatio) {
                    context.reject(path["per_upstream_preconnect_ratio"], "must be from 1 to 3, is \(preconnectRatio)")
                    isValid = false
                }
            }
        }
        guard isValid else { return nil }
    }

    /// - Returns: Whether it could be decoded.
    private mutating func decode(
        _ any: Google_Protobuf_Any,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Bool {
        let type = typeName(ofTypeURL: any.typeURL)
        guard type == Options.protoMessageName else {
            context.reject(path, "is a \(type), not a \(Options.protoMessageName)")
            return false
        }
        guard let options = context.unpack(any, as: Options.self, at: path) else { return false }
        context.ignoreOthers(in: options, at: path, read: Self.read)
        var isValid = true
        if options.hasCommonHTTPProtocolOptions {
            let path = path["common_http_protocol_options"]
            isValid = decode(options.commonHTTPProtocolOptions, at: path, &context)
        }
        switch options.upstreamProtocolOptions {
        case .explicitHTTPConfig(let explicit):
            let path = path["explicit_http_config"]
            switch explicit.protocolConfig {
            case .httpProtocolOptions(let http1): ignore(http1, at: path["http_protocol_options"], &context)
            case .http2ProtocolOptions(let http2):
                httpVersion = .http2
                return decode(http2, at: path["http2_protocol_options"], &context) && isValid
            case nil: context.ignore(path, "names no version that is supported; HTTP/1.1 is spoken")
            }
        case .useDownstreamProtocolConfig(let versions):
            let path = path["use_downstream_protocol_config"]
            ignore(versions.httpProtocolOptions, at: path["http_protocol_options"], &context)
            // Where both would do, HTTP/1.1 is what every server of a port of unknown protocol understands.
            guard versions.hasHTTP2ProtocolOptions, !versions.hasHTTPProtocolOptions else {
                context.ignore(path, "requests of this process have no connection to follow; HTTP/1.1 is spoken")
                return isValid
            }
            context.ignore(path, "requests of this process have no connection to follow; HTTP/2 is spoken")
            httpVersion = .http2
            return decode(versions.http2ProtocolOptions, at: path["http2_protocol_options"], &context) && isValid
        case .autoConfig(let versions):
            let path = path["auto_config"]
            httpVersion = .automatic
            ignore(versions.httpProtocolOptions, at: path["http_protocol_options"], &context)
            return decode(versions.http2ProtocolOptions, at: path["http2_protocol_options"], &context) && isValid
        case nil: break
        }
        return isValid
    }

    /// - Returns: Whether it could be decoded.
    private mutating func decodeDeprecated(
        _ message: Envoy_Config_Cluster_V3_Cluster,
        _ context: inout DecodingContext
    ) -> Bool {
        let path = FieldPath.root
        var isValid = true
        if message.hasMaxRequestsPerConnection { maximumRequests = message.maxRequestsPerConnection.value }
        if message.hasCommonHTTPProtocolOptions {
            let path = path["common_http_protocol_options"]
            isValid = decode(message.commonHTTPProtocolOptions, at: path, &context)
        }
        if message.hasHTTPProtocolOptions {
            ignore(message.httpProtocolOptions, at: path["http_protocol_options"], &context)
        }
        guard message.hasHTTP2ProtocolOptions else { return isValid }
        if message.hasHTTPProtocolOptions {
            // Only clusters that follow the downstream's protocol may have both.
            context.ignore(path["http2_protocol_options"], "HTTP/1.1 is spoken")
            return isValid
        }
        httpVersion = .http2
        return decode(message.http2ProtocolOptions, at: path["http2_protocol_options"], &context) && isValid
    }
}

extension Envoy_Config_Cluster_V3_Cluster {
    /// The fields that the options of the HTTP extension have replaced, as far as they are set.
    fileprivate var deprecatedProtocolOptions: [String] {
        [
            ("common_http_protocol_options", hasCommonHTTPProtocolOptions),
            ("http_protocol_options", hasHTTPProtocolOptions),
            ("http2_protocol_options", hasHTTP2ProtocolOptions),
            ("max_requests_per_connection", hasMaxRequestsPerConnection),
        ].filter(\.1).map(\.0)
    }
}
