// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import SwiftProtobuf

/// Which filter chains of a server's listener its connections get.
struct ServerChainChoice {
    typealias Chain = (message: Envoy_Config_Listener_V3_FilterChain, path: FieldPath)

    /// The one for connections that begin with TLS.
    let tls: Chain?
    /// The one for the others.
    let plaintext: Chain?

    /// Each chain once, the one for TLS first.
    var all: [Chain] {
        guard let tls else { return plaintext.map { [$0] } ?? [] }
        guard let plaintext, plaintext.path != tls.path else { return [tls] }
        return [tls, plaintext]
    }

    /// Finds the chains.
    /// - Returns: `nil`, with a problem, if there is none, or if others would be needed, too.
    init?(_ message: Envoy_Config_Listener_V3_Listener, _ context: inout DecodingContext) {
        let root = FieldPath.root
        var found: [String: Chain] = [:]
        for (position, chain) in message.filterChains.enumerated() {
            let path = root["filter_chains", position]
            let match = chain.filterChainMatch
            if Self.neverMatches(match, context.rules) {
                context.ignore(path, "never matches (gRFC A36)")
                continue
            }
            // Leaving the conditions out would give some connections the rules of others.
            var plain = match
            plain.transportProtocol = ""
            guard plain == Envoy_Config_Listener_V3_FilterChainMatch() else {
                context.reject(path["filter_chain_match"], "is not supported")
                return nil
            }
            guard found[match.transportProtocol] == nil else {
                context.reject(path["filter_chain_match"], "matches the same connections as an earlier chain")
                return nil
            }
            // To gRPC's rules, both words mean every connection.
            guard context.rules == .envoy || found.isEmpty else {
                context.reject(path["filter_chain_match"], "matches the same connections as an earlier chain")
                return nil
            }
            found[match.transportProtocol] = (chain, path)
        }
        let other: Chain? =
            message.hasDefaultFilterChain ? (message.defaultFilterChain, root["default_filter_chain"]) : nil
        let any = found[""] ?? other
        if context.rules == .envoy {
            tls = found["tls"] ?? any
            plaintext = found["raw_buffer"] ?? any
        } else {
            tls = nil
            plaintext = found["raw_buffer"] ?? any
        }
        guard tls != nil || plaintext != nil else {
            context.reject(root["filter_chains"], "has no chain that matches")
            return nil
        }
    }

    /// Conditions that no connection meets: by gRPC's rules it has no server name or protocol before TLS is spoken.
    private static func neverMatches(_ match: Envoy_Config_Listener_V3_FilterChainMatch, _ rules: XDSRules) -> Bool {
        let known = rules == .envoy ? ["", "raw_buffer", "tls"] : ["", "raw_buffer"]
        return match.hasDestinationPort || !match.serverNames.isEmpty || !match.applicationProtocols.isEmpty
            || !known.contains(match.transportProtocol)
    }
}
