// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import SwiftProtobuf

/// Words the requests of a stream; the first one says who asks.
struct StreamOpening: Sendable {
    private let node: Bootstrap.Node
    private var isFirst = true

    init(node: Bootstrap.Node) {
        self.node = node
    }

    /// The request as it goes out.
    mutating func word(_ request: ADSSessionStateMachine.Request) -> Envoy_Service_Discovery_V3_DiscoveryRequest {
        var message = Envoy_Service_Discovery_V3_DiscoveryRequest()
        message.typeURL = request.kind.typeURL
        message.resourceNames = request.names
        message.versionInfo = request.version
        message.responseNonce = request.nonce
        if let refusal = request.refusal {
            // INVALID_ARGUMENT, as gRPC's clients say.
            message.errorDetail.code = 3
            message.errorDetail.message = refusal
        }
        if isFirst {
            message.node = Envoy_Config_Core_V3_Node(node)
            isFirst = false
        }
        return message
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
