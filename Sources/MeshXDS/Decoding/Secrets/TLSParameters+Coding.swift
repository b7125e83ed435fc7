// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

extension TLSParameters {
    private static let read = ReadFields(
        Envoy_Extensions_TransportSockets_Tls_V3_TlsParameters.self,
        "tls_minimum_protocol_version",
        "tls_maximum_protocol_version",
        "cipher_suites"
    )
    private static let maximumSuites = 64

    init(
        _ message: Envoy_Extensions_TransportSockets_Tls_V3_TlsParameters,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        self.init(
            minimumVersion: Version(message.tlsMinimumProtocolVersion),
            maximumVersion: Version(message.tlsMaximumProtocolVersion),
            cipherSuites: message.cipherSuites
        )
        if let minimumVersion, let maximumVersion, maximumVersion < minimumVersion {
            context.reject(path["tls_maximum_protocol_version"], "is older than the minimum")
        }
        if cipherSuites.count > Self.maximumSuites {
            context.reject(path["cipher_suites"], "must be at most \(Self.maximumSuites) names")
        } else if let name = unknownCipherSuite {
            context.reject(path["cipher_suites"], "\"\(name.prefix(64))\" is no cipher suite")
        }
    }
}

extension TLSParameters.Version {
    /// `nil` for the default.
    fileprivate init?(_ message: Envoy_Extensions_TransportSockets_Tls_V3_TlsParameters.TlsProtocol) {
        switch message {
        case .tlsv10: self = .tls10
        case .tlsv11: self = .tls11
        case .tlsv12: self = .tls12
        case .tlsv13: self = .tls13
        case .tlsAuto, .UNRECOGNIZED: return nil
        }
    }

    fileprivate var message: Envoy_Extensions_TransportSockets_Tls_V3_TlsParameters.TlsProtocol {
        switch self {
        case .tls10: .tlsv10
        case .tls11: .tlsv11
        case .tls12: .tlsv12
        case .tls13: .tlsv13
        }
    }
}

extension Envoy_Extensions_TransportSockets_Tls_V3_TlsParameters {
    init(_ parameters: TLSParameters) {
        self.init()
        if let version = parameters.minimumVersion { tlsMinimumProtocolVersion = version.message }
        if let version = parameters.maximumVersion { tlsMaximumProtocolVersion = version.message }
        cipherSuites = parameters.cipherSuites
    }
}
