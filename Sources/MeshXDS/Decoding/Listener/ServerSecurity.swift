// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf

/// How the connections of a server's filter chain are protected.
struct ServerSecurity {
    let mode: Listener.InboundSecurity
    let secrets: SecretReference?
    /// The names of which callers' certificates must have one.
    let names: [PeerNameMatcher]

    private static let readTLS = ReadFields(
        Envoy_Extensions_TransportSockets_Tls_V3_DownstreamTlsContext.self,
        "common_tls_context",
        "require_client_certificate"
    )

    private static let plaintext = ServerSecurity(mode: .plaintext, secrets: nil, names: [])

    private init(mode: Listener.InboundSecurity, secrets: SecretReference?, names: [PeerNameMatcher]) {
        self.mode = mode
        self.secrets = secrets
        self.names = names
    }

    init?(
        _ chain: Envoy_Config_Listener_V3_FilterChain,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        guard chain.hasTransportSocket else {
            self = Self.plaintext
            return
        }
        let path = path["transport_socket"]["typed_config"]
        let config = chain.transportSocket.typedConfig
        let type = typeName(ofTypeURL: config.typeURL)
        if type == TransportSocketNames.rawBufferType {
            self = Self.plaintext
            return
        }
        guard type == Envoy_Extensions_TransportSockets_Tls_V3_DownstreamTlsContext.protoMessageName else {
            context.reject(path, "the transport socket \(type) is not supported")
            return nil
        }
        guard
            let tls = context.unpack(
                config,
                as: Envoy_Extensions_TransportSockets_Tls_V3_DownstreamTlsContext.self,
                at: path
            )
        else { return nil }
        self.init(tls, at: path, &context)
    }

    private init?(
        _ tls: Envoy_Extensions_TransportSockets_Tls_V3_DownstreamTlsContext,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: tls, at: path, read: Self.readTLS)
        if tls.requireSni.value { context.reject(path["require_sni"], "is not supported") }
        if tls.ocspStaplePolicy != .lenientStapling { context.reject(path["ocsp_staple_policy"], "is not supported") }
        let isMutual = tls.requireClientCertificate.value
        let common = path["common_tls_context"]
        let decoded = tls.commonTlsContext.meaning(at: common, mayTakeAnybody: !isMutual, &context)
        guard let meaning = decoded else { return nil }
        if !isMutual {
            // Whoever shows a certificate would be judged by it, and whoever shows none would pass all the same.
            guard let secrets = meaning.secrets, secrets.validation == nil else {
                let reason = "must be true where callers' certificates are judged: TLS is mutual then"
                context.reject(path["require_client_certificate"], reason)
                return nil
            }
        }
        if let secrets = meaning.secrets, secrets.certificate == nil {
            context.reject(common["tls_certificate_sds_secret_configs"], "is empty: a server shows a certificate")
            return nil
        }
        if isMutual, let secrets = meaning.secrets, secrets.validation == nil {
            context.reject(common, "judges callers by the system's roots, which is not supported")
            return nil
        }
        let exact = meaning.identities.map { identity in
            PeerNameMatcher(identity.utf8.contains(UInt8(ascii: ":")) ? .uri : nil, StringMatcher(.exact(identity)))
        }
        self.init(mode: isMutual ? .mutualTLS : .tls, secrets: meaning.secrets, names: exact + meaning.names)
    }
}
