// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import SwiftProtobuf

/// One stream's part in a conversation: it asks the provider, drives the machine, and words the answers.
struct DiscoveryStream {
    private let number: UInt64
    private let provider: any XDSResourceProvider
    private var machine = ADSServerStreamStateMachine()
    private var node: XDSNode?
    private var dialect = Dialect.own
    private let cache: EncodingCache
    /// What the dialect could not say the last time.
    private var reports: [FieldReport] = []
    /// The names of listeners that the provider was last asked with; `nil` before it was asked.
    private var askedListeners: Set<String>?

    init(number: UInt64, provider: any XDSResourceProvider, cache: EncodingCache) {
        self.number = number
        self.provider = provider
        self.cache = cache
    }

    /// The client has sent a request.
    /// - Throws: `RPCError` if the stream cannot go on.
    mutating func requestReceived(
        _ message: Envoy_Service_Discovery_V3_DiscoveryRequest
    ) async throws -> [Envoy_Service_Discovery_V3_DiscoveryResponse] {
        var answers: [Envoy_Service_Discovery_V3_DiscoveryResponse] = []
        if node == nil {
            guard message.hasNode, !message.node.id.isEmpty else {
                throw RPCError(
                    code: .invalidArgument,
                    message: "the first request of a stream carries a node with an id"
                )
            }
            let node = XDSNode(message.node)
            self.node = node
            dialect = Dialect(userAgentName: node.userAgentName)
            machine.reportsMissing = dialect == .own
            machine.warmsClusters = dialect == .envoy
            provider.noticed(.connected(stream: number, node))
        }
        // Kinds that are not served are not answered; a client's own timer tells it that there is nothing.
        guard let kind = ResourceKind(typeURL: message.typeURL) else { return [] }
        let action = machine.requestReceived(
            ADSServerStreamStateMachine.Request(
                kind: kind,
                names: Set(message.resourceNames),
                version: message.versionInfo,
                nonce: message.responseNonce,
                refusal: message.hasErrorDetail ? message.errorDetail.message : nil
            )
        )
        if let verdict = action.verdict { notice(verdict) }
        if let response = action.response { answers.append(word(response)) }
        // Which listeners a client asks for says where it serves, and so what it gets.
        if askedListeners != machine.listenerNames { answers += await resourcesChanged() }
        return answers
    }

    /// There may be something else to serve.
    mutating func resourcesChanged() async -> [Envoy_Service_Discovery_V3_DiscoveryResponse] {
        guard var node else { return [] }
        let names = machine.listenerNames
        node.inboundAddresses = XDSNode.inboundAddresses(in: names)
        self.node = node
        askedListeners = names
        let provided = await provider.resources(for: node)
        let encoded = ResourceEncoder(dialect: dialect).encode(provided.resources, cache: cache)
        if encoded.reports != reports {
            reports = encoded.reports
            provider.noticed(.translated(stream: number, reports))
        }
        var resources = encoded.resources
        let aliases = ListenerAliases(provided.resources).listeners(named: names, dialect: dialect)
        resources[.listener, default: [:]].merge(aliases) { known, _ in known }
        let offer = ADSServerStreamStateMachine.Offer(
            version: provided.version,
            resources: resources,
            isWarming: provided.isWarming,
            assignments: encoded.assignments
        )
        return machine.resourcesChanged(offer).map(word)
    }

    private func notice(_ verdict: ADSServerStreamStateMachine.Verdict) {
        switch verdict {
        case .acknowledged(let kind, let version):
            provider.noticed(.acknowledged(stream: number, kind, version: version))
        case .rejected(let kind, let version, let message):
            provider.noticed(.rejected(stream: number, kind, version: version, message: message))
        }
    }

    private func word(
        _ response: ADSServerStreamStateMachine.Response
    ) -> Envoy_Service_Discovery_V3_DiscoveryResponse {
        var message = Envoy_Service_Discovery_V3_DiscoveryResponse()
        message.versionInfo = response.version
        message.nonce = response.nonce
        message.typeURL = response.kind.typeURL
        message.resources = response.resources.map {
            Google_Protobuf_Any(typeName: response.kind.rawValue, bytes: $0.bytes)
        }
        message.resourceErrors = response.missing.map { name in
            var error = Envoy_Service_Discovery_V3_ResourceError()
            error.resourceName.name = name
            error.errorDetail.code = ADSSessionStateMachine.Response.notFound
            error.errorDetail.message = "there is no such resource"
            return error
        }
        return message
    }
}
