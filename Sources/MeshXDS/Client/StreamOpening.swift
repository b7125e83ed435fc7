// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

/// Words the requests of a stream. The first one says who asks; so does the next one whenever the fields without effect
/// have changed, which are a part of that.
struct StreamOpening: Sendable {
    private let node: Bootstrap.Node
    private var isFirst = true
    /// The fields without effect that the server was told of.
    private var toldFields: [String] = []

    init(node: Bootstrap.Node) {
        self.node = node
    }

    /// The request as it goes out.
    /// - Parameter fields: The fields without effect.
    mutating func word(
        _ request: StateOfTheWorldStream.Request,
        ignoring fields: [String]
    ) -> Envoy_Service_Discovery_V3_DiscoveryRequest {
        var message = Envoy_Service_Discovery_V3_DiscoveryRequest()
        message.typeURL = request.kind.typeURL
        message.resourceNames = request.names
        message.versionInfo = request.version
        message.responseNonce = request.nonce
        if let refusal = request.refusal { message.errorDetail = Google_Rpc_Status(refusal: refusal) }
        if let node = takeNode(fields) { message.node = node }
        return message
    }

    /// The request as it goes out.
    /// - Parameter fields: The fields without effect.
    mutating func word(
        _ request: DeltaStream.Request,
        ignoring fields: [String]
    ) -> Envoy_Service_Discovery_V3_DeltaDiscoveryRequest {
        var message = Envoy_Service_Discovery_V3_DeltaDiscoveryRequest()
        message.typeURL = request.kind.typeURL
        message.resourceNamesSubscribe = request.subscribe
        message.resourceNamesUnsubscribe = request.unsubscribe
        message.initialResourceVersions = request.versions
        message.responseNonce = request.nonce
        if let refusal = request.refusal { message.errorDetail = Google_Rpc_Status(refusal: refusal) }
        if let node = takeNode(fields) { message.node = node }
        return message
    }

    private mutating func takeNode(_ fields: [String]) -> Envoy_Config_Core_V3_Node? {
        let isNews = fields != toldFields
        guard isFirst || isNews else { return nil }
        isFirst = false
        toldFields = fields
        var message = Envoy_Config_Core_V3_Node(node)
        if isNews {
            let list = Google_Protobuf_ListValue.with {
                $0.values = fields.map { Google_Protobuf_Value(stringValue: $0) }
            }
            message.metadata.fields[Envoy_Config_Core_V3_Node.ignoredFieldsKey] = Google_Protobuf_Value(listValue: list)
        }
        return message
    }
}

extension Google_Rpc_Status {
    /// A refusal: INVALID_ARGUMENT, as gRPC's clients say.
    fileprivate init(refusal: String) {
        self.init()
        code = 3
        message = refusal
    }
}

extension Envoy_Config_Core_V3_Node {
    /// The node of a bootstrap, with what this client can do (gRFC A27).
    init(_ node: Bootstrap.Node) {
        self.init()
        id = node.id
        cluster = node.cluster
        locality.region = node.locality.region
        locality.zone = node.locality.zone
        locality.subZone = node.locality.subZone
        metadata = Google_Protobuf_Struct(fields: node.metadata.mapValues(\.proto))
        userAgentName = Dialect.ownUserAgentName
        userAgentVersion = "0.1.0"
        clientFeatures = ["envoy.lb.does_not_support_overprovisioning", "xds.config.resource-in-sotw"]
    }
}
