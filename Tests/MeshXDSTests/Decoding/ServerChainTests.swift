// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite struct ServerChainTests {
    private typealias Message = Envoy_Config_Listener_V3_Listener
    private typealias Chain = Envoy_Config_Listener_V3_FilterChain
    private typealias TLS = Envoy_Extensions_TransportSockets_Tls_V3_DownstreamTlsContext

    private func chain(_ transport: String, _ tls: TLS? = nil, routes: String = "routes") throws -> Chain {
        var manager = Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpConnectionManager()
        manager.rds.routeConfigName = routes
        manager.rds.configSource = .aggregated
        manager.httpFilters = [
            try .with {
                $0.name = "router"
                $0.typedConfig = try RouterCodec.encoded()
            }
        ]
        var chain = Chain()
        chain.filterChainMatch.transportProtocol = transport
        chain.filters = [
            try .with {
                $0.name = "http"
                $0.typedConfig = try Google_Protobuf_Any(packing: manager)
            }
        ]
        if let tls { chain.transportSocket = try Envoy_Config_Core_V3_TransportSocket(tls: tls) }
        return chain
    }

    private var mutual: TLS {
        .with {
            $0.commonTlsContext = .init(acceptedIdentities: [])
            $0.requireClientCertificate = true
        }
    }

    private func message(_ chains: [Chain], filters: [String] = []) -> Message {
        .with {
            $0.name = "l"
            $0.address = Envoy_Config_Core_V3_Address(EndpointAddress(host: "10.0.0.1", port: 80))
            $0.filterChains = chains
            $0.listenerFilters = filters.map { type in
                .with {
                    $0.name = type
                    $0.typedConfig = Google_Protobuf_Any(typeName: type, bytes: [])
                }
            }
        }
    }

    private func decode(_ message: Message, rules: XDSRules = .envoy) throws -> Listener {
        let decoded = try ResourceDecoder(rules: rules).decode(try message.serializedBytes(), as: .listener)
        guard case .listener(let listener) = decoded.resource else { throw CancellationError() }
        return listener
    }

    private func security(_ chains: [Chain], rules: XDSRules = .envoy) throws -> Listener.InboundSecurity? {
        guard case .inbound(_, let security) = try decode(message(chains), rules: rules).direction else { return nil }
        return security
    }

    private let inspector = "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"

    @Test func `a chain for TLS and one for plaintext make a permissive listener`() throws {
        #expect(try security([chain("tls", mutual), chain("raw_buffer")]) == .permissive)
        #expect(try security([chain("raw_buffer"), chain("tls", mutual)]) == .permissive)
        #expect(try security([chain("tls", mutual), chain("")]) == .permissive)
        #expect(try security([chain("tls", mutual)]) == .mutualTLS)
        #expect(try security([chain("", mutual)]) == .mutualTLS)
        #expect(try security([chain("raw_buffer")]) == .plaintext)
        #expect(try security([chain("")]) == .plaintext)
        let inspected = try decode(message([chain("tls", mutual), chain("raw_buffer")], filters: [inspector]))
        #expect(
            inspected.direction == .inbound(address: EndpointAddress(host: "10.0.0.1", port: 80), security: .permissive)
        )
    }

    @Test func `by gRPC's rules a chain for TLS never matches`() throws {
        #expect(try security([chain("tls", mutual), chain("raw_buffer")], rules: .grpc) == .plaintext)
        #expect(throws: ConfigurationError.self) { try security([chain("tls", mutual)], rules: .grpc) }
        #expect(throws: ConfigurationError.self) { try security([chain(""), chain("raw_buffer")], rules: .grpc) }
    }

    @Test func `what would give connections other rules is refused, with its path`() throws {
        func paths(_ message: Message) -> [String] {
            do {
                _ = try decode(message)
                return []
            } catch let error as ConfigurationError {
                return error.problems.map(\.path)
            } catch {
                return ["\(error)"]
            }
        }
        #expect(
            try paths(message([chain("tls", mutual), chain("raw_buffer", routes: "others")])) == ["filter_chains[1]"]
        )
        #expect(
            try paths(message([chain("tls", mutual), chain("tls", mutual)])) == ["filter_chains[1].filter_chain_match"]
        )
        let original = "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"
        #expect(try paths(message([chain("")], filters: [original])) == ["listener_filters[0]"])
        var oneSided = mutual
        oneSided.requireClientCertificate = false
        #expect(
            try paths(message([chain("", oneSided)]))
                == ["filter_chains[0].transport_socket.typed_config.require_client_certificate"]
        )
    }

    @Test func `a server may prove who it is to whoever comes, by a secret`() throws {
        let tls = TLS.with {
            $0.commonTlsContext = .init(
                acceptedIdentities: [],
                secrets: SecretReference(certificate: "mine", validation: nil)
            )
        }
        let listener = try decode(message([chain("", tls)]))
        #expect(listener.direction == .inbound(address: EndpointAddress(host: "10.0.0.1", port: 80), security: .tls))
        #expect(listener.secrets == SecretReference(certificate: "mine", validation: nil))
        #expect(throws: ConfigurationError.self) { try security([chain("tls", tls), chain("raw_buffer")]) }
    }

    @Test func `the names of callers come from the context`() throws {
        var tls = mutual
        tls.commonTlsContext = .init(
            acceptedIdentities: ["spiffe://a/b"],
            names: [PeerNameMatcher(.uri, StringMatcher(.prefix("spiffe://c/")))]
        )
        let listener = try decode(message([chain("", tls)]))
        #expect(
            listener.peerNames == [
                PeerNameMatcher(.uri, StringMatcher(.exact("spiffe://a/b"))),
                PeerNameMatcher(.uri, StringMatcher(.prefix("spiffe://c/"))),
            ]
        )
    }
}
